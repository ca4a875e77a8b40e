"""The log of a run: all that its tasks wrote and how they failed, in a file, never clipped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mainstage.events import (
    CallFailed,
    RunEnded,
    RunStarted,
    StopRequested,
    TaskCancelled,
    TaskEnded,
    TaskFailed,
    TaskRetried,
    TaskStarted,
    TextWritten,
)
from mainstage.ui.display.logfile import LogFile
from mainstage.ui.views.foreign import clean

if TYPE_CHECKING:
    from mainstage.events import ErrorReport, Event


class RunLog:
    """Records events as lines of a `LogFile`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open `path` for appending; `OSError` names what is in the way."""
        self._file = LogFile(path)
        self._path = os.fspath(path)
        self.trouble = ""
        """Why the log is not whole, until it was told."""
        self._told = False
        self._offset = 0.0  # wall time minus the run's clock
        self._names: dict[int, str] = {}

    def close(self) -> None:
        """Close the file of a run that never began."""
        self._file.close()

    def record(self, event: Event) -> None:
        """Write what `event` has to say, if anything."""
        self._record(event)
        broken = self._file.broken
        if broken is not None and not self._told:
            self._told = True
            self.trouble = f"the log {self._path} is not whole, it cannot be written: {broken.strerror or broken}"

    def _record(self, event: Event) -> None:
        match event:
            case RunStarted(at=at, title=title, wall=wall):
                self._offset = wall - at
                self._write(at, f"run started{': ' + _name(title) if title else ''}")
            case TaskStarted(task=task, description=description):
                self._names[task] = _name(description)
            case TextWritten(at=at, task=text_task, text=text):
                self._write(at, text, self._names.get(text_task or 0, ""))
            case TaskRetried(at=at, task=task, attempt=attempt, error=error, delay=delay):
                text = f"attempt {attempt} failed, again in {delay:.1f} s: {_name(error.type)}: {error.text}"
                self._write(at, text, self._names.pop(task, ""))
            case TaskFailed(at=at, task=task, error=error, input=given):
                self._write(at, _failure(error, given), self._names.pop(task, ""))
            case CallFailed(at=at, description=description, error=error, input=given):
                self._write(at, _failure(error, given), _name(description))
            case TaskEnded(task=task) | TaskCancelled(task=task):
                self._names.pop(task, None)
            case StopRequested(at=at, cause=cause, stage=stage):
                self._write(at, f"asked to stop by {_name(cause)} ({stage})")
            case RunEnded(at=at):
                self._write(at, "run ended")
                self._file.close()
            case _:
                pass

    def _write(self, at: float, text: str, name: str = "") -> None:
        prefix = f"[{name}] " if name else ""
        self._file.write([prefix + line for line in text.split("\n")], at + self._offset)


def _failure(error: ErrorReport, given: str) -> str:
    return f"failed (input {_name(given)}): {_name(error.type)}: {error.text}\n{error.traceback}"


def _name(text: str) -> str:
    """Return a name on one line, with nothing in it that could run on into the text behind it."""
    return clean(" ".join(text.split()), sgr=False)
