"""The report of a run as its last act, made from its journal."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mainstage.events import RunEnded
from mainstage.journal.exports import to_markdown
from mainstage.journal.format import JournalError
from mainstage.journal.page import to_page
from mainstage.journal.reader import JournalReader
from mainstage.journal.report import RunReport
from mainstage.journal.writer import JournalWriter

if TYPE_CHECKING:
    from mainstage.events import Event

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file whose text GitHub shows of a step."""


class ReportRecorder:
    """Records a run, and writes its report to `path` when it is over.

    The journal is at `journal`, or at a place of its own and removed then. Raises `JournalError`.
    """

    wants_events = False

    def __init__(
        self, path: str | os.PathLike[str], journal: str = "", *, limit: int | None = None, inputs: bool = True
    ) -> None:
        self.trouble = ""
        """What is to be said of it, until it was told."""
        self._path = Path(path).absolute()
        if not self._path.parent.is_dir():
            raise JournalError(f"the report {self._path} cannot be made: there is no folder {self._path.parent}")
        self._folder = "" if journal else tempfile.mkdtemp(prefix="mainstage-")
        try:
            self._journal = JournalWriter(journal or Path(self._folder) / "run.msj", limit=limit, inputs=inputs)
        except BaseException:
            self._remove()
            raise

    def record(self, event: Event) -> None:
        """Take one event; with the last one the report is written."""
        self._journal.record(event)
        if isinstance(event, RunEnded):
            self.trouble = self._journal.trouble or self._write()
            self._remove()

    def flush(self) -> None:
        """Write what was gathered."""
        self._journal.flush()

    def tell_end(self, status: int | None, unretrieved: int | None) -> None:
        """Take how the run ends."""
        self._journal.tell_end(status, unretrieved)

    def close(self) -> None:
        """Close and remove all of it, for a run that never began."""
        self._journal.close()
        self._remove()

    def _write(self) -> str:
        """Write the report, and append a summary where GitHub shows one; return what went wrong, "": nothing did."""
        try:
            with JournalReader(self._journal.path) as journal:
                report = RunReport(journal)
            self._path.write_text(to_page(report), encoding="utf-8", errors="backslashreplace")
            summary = os.environ.get(SUMMARY)
            if summary:
                with Path(summary).open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(to_markdown(report))
        except Exception as error:  # noqa: BLE001  # the work is done: its report must not make it fail
            return f"the report {self._path} cannot be written: {error}"
        return ""

    def _remove(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
