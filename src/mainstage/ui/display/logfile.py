"""A copy of a run's output on disk."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from mainstage.errors import DisplayError
from mainstage.ui.views.foreign import clean, strip

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


class LogFile:
    """Appends lines to the file at `path`, each with the time of day, without colours; flushed after each batch.

    `DisplayError` if it cannot be opened. After that nothing raises: `broken` says why it went silent.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.broken: OSError | None = None
        try:
            self._file = Path(path).open("a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115  # see close
        except OSError as trouble:
            text = f"cannot write the log {path!s}: {trouble.strerror}; choose another `log=` or MAINSTAGE_LOG"
            raise DisplayError(text) from trouble

    def write(self, texts: Iterable[str], wall: float) -> None:
        """Append `texts`, written at `wall`, in seconds since the epoch."""
        stamp = dt.datetime.fromtimestamp(wall).astimezone().isoformat(sep=" ", timespec="milliseconds")
        lines = (strip(clean(line)) for text in texts for line in text.split("\n"))
        self._put("".join(f"{stamp} {line}\n" for line in lines))

    def close(self) -> None:
        """Flush and close."""
        try:
            self._file.close()
        except OSError as trouble:
            self.broken = self.broken or trouble

    def _put(self, text: str) -> None:
        if self.broken is not None or self._file.closed:
            return
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as trouble:
            self.broken = trouble
