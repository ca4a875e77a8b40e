"""What a worker process writes past every Python stream: C code, programs that it starts, the words of a crash.

Its descriptors lead into pipes that the dispatcher reads, so C code that holds the interpreter's lock waits for no
thread of its own process, and what a crash writes is there. A pipe says nothing of tasks: text belongs to what the
worker has at hand as it is read, and a worker waits at the end of each piece of work until its pipes have been.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mainstage.core.refusals import Refusals
from mainstage.events import TaskChanged, TextWritten
from mainstage.tasks.capture.lines import overwritten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstage.events import Event

PIECE = 1 << 16
"""Bytes read at a time."""


class PipeReader:
    """The parent's end of one descriptor of a worker."""

    def __init__(self, fd: int, name: str) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.name = name
        self._rest = b""
        self._shown = ""
        self._refusals = Refusals()

    def read(self) -> tuple[str, str] | None:
        """Return the whole lines that came, and the beginning of the next one; None: nothing came, or no more will.

        Raises the `OSError` of a pipe that cannot be read for good.
        """
        try:
            data = os.read(self.fd, PIECE)
        except BlockingIOError:
            return None
        except OSError as refusal:
            self._refusals.add(refusal)
            return None
        self._refusals.count = 0
        if not data:
            return None
        head, newline, self._rest = (self._rest + data).rpartition(b"\n")
        return _text(head + newline), _text(self._rest)

    def rest(self) -> str:
        """Take the line that has no end."""
        rest, self._rest = self._rest, b""
        return _text(rest)

    def told(self, lines: str, begun: str, *, task: tuple[int, int], worker: str, at: float) -> Iterable[Event]:
        """Yield the events of what was read while `task`, a number and an attempt (0: none), was at hand."""
        number, attempt = task
        if lines:
            text = overwritten(lines.removesuffix("\n"))
            yield TextWritten(at, number or None, attempt, worker, self.name, text)
        status = overwritten(begun).strip() if "\r" in begun else ""
        if number and status != self._shown:
            self._shown = status
            yield TaskChanged(at, number, attempt, status=status)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
