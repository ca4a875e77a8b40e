"""Output that no Python stream sees, of C code and children: descriptors 1 and 2 lead into a file while a run is live.

An unlinked temporary file, read when a picture is due, and not a pipe: C code that holds the interpreter's lock never
waits for us, and a child that outlives the run is not killed by its next line. What a crash writes is lost in the file.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from threading import Lock
from typing import TYPE_CHECKING

from mainstage.core.refusals import retried
from mainstage.events import (
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskRetried,
    TaskStarted,
    TextWritten,
)
from mainstage.tasks.capture.lines import overwritten

if TYPE_CHECKING:
    from collections.abc import Collection

    from mainstage.events import Event
    from mainstage.tasks.reporter import Reporter

NUMBERS = {"stdout": 1, "stderr": 2}
PIECE = 1 << 20
"""Bytes read at a time."""
PATIENCE = 0.2
"""Seconds until text is seen while a task runs: a look is two reads of an empty file."""
IDLE_PATIENCE = 1.0
ENDS = (TaskEnded, TaskFailed, TaskCancelled, TaskRetried)


class CapturedFd:
    """One descriptor that leads to a terminal, and the file in its place."""

    def __init__(self, name: str) -> None:
        """Raise `OSError` where it does not lead to a terminal that the display could open for itself."""
        self.name = name
        self._number = NUMBERS[name]
        os.close(os.open(os.ttyname(self._number), os.O_WRONLY | os.O_NOCTTY))
        import tempfile  # noqa: PLC0415  # workers load this module for the numbers alone

        self._file = tempfile.TemporaryFile("ab+", buffering=0)  # noqa: SIM115  # children may hold it for longer
        self._terminal = os.dup(self._number)
        self._at = 0
        self._rest = b""
        self.shown = ""
        """The progress line that stands as a status."""

    def take(self) -> None:
        """Lead it into the file."""
        with contextlib.suppress(OSError):  # it leads to the terminal then, as it does without us
            retried(os.dup2, self._file.fileno(), self._number)

    def give_back(self) -> None:
        """Restore the terminal, unless the program has redirected it meanwhile."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self._number), os.fstat(self._file.fileno())):
                os.dup2(self._terminal, self._number)

    def close(self) -> None:
        """Forget file and terminal."""
        self._file.close()
        os.close(self._terminal)

    def read(self) -> tuple[str, str]:
        """Return the whole lines that are new, without the last newline, and the beginning of the next one."""
        try:
            data = os.pread(self._file.fileno(), PIECE, self._at)
        except OSError:  # it is read at the next look
            data = b""
        self._at += len(data)
        head, newline, self._rest = (self._rest + data).rpartition(b"\n")
        return _text(head + newline), _text(self._rest)

    def rest(self) -> str:
        """Take the line that has no end."""
        rest, self._rest = self._rest, b""
        return _text(rest)


class DescriptorCapture:
    """Captures descriptors from `start` to `stop`: a cell that the channel reads at the frame clock.

    It sees the start and the end of each task on their way, and looks into the file just before: so it knows what ran
    while a text was written. Text is the task's where it was the only one, else the run's.
    """

    id = -1
    attempt = 0
    polled = True

    def __init__(self, reporter: Reporter, names: Collection[str]) -> None:
        self.closed = False
        self._forward = reporter.send
        self._lock = Lock()
        self._reporter = reporter
        self._names = names
        self._open: list[CapturedFd] = []
        self._pid = os.getpid()
        self._running: dict[int, TaskStarted] = {}
        """Those that are nested in no other."""

    def start(self) -> None:
        """Take the descriptors that lead to terminals."""
        for name in self._names:
            with contextlib.suppress(OSError):
                self._open.append(CapturedFd(name))
        self.release_terminal(on=False)
        atexit.register(self._give_back)
        self._reporter.send = self._send  # type: ignore[method-assign]  # until the channel is closed
        self._reporter.watch(self)

    def stop(self) -> None:
        """Send what is left and give the descriptors back. What a child writes from now on is lost."""
        self._give_back()
        atexit.unregister(self._give_back)
        self.closed = True
        with self._lock:
            self._look()
            for descriptor in self._open:
                rest = descriptor.rest()
                if rest:
                    self._forward(self._written(descriptor, rest, self._reporter.now()))
                descriptor.close()
            self._open.clear()

    def release_terminal(self, *, on: bool) -> None:
        """Lead them to the terminal for a while, or into the file again."""
        for stream in (sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()  # type: ignore[union-attr]  # None is among what is suppressed
        for descriptor in self._open:
            if on:
                descriptor.give_back()
            else:
                descriptor.take()

    def has(self, name: str) -> bool:
        """Return whether the stream `name` is captured: it still stands for a terminal."""
        return any(descriptor.name == name for descriptor in self._open)

    def _give_back(self) -> None:
        if os.getpid() == self._pid:
            self.release_terminal(on=True)

    # --- looking into the file ---

    def _send(self, event: Event) -> None:
        """Send `event`; what was written before a task began or ended goes first. On its own thread."""
        if isinstance(event, TaskStarted) and event.parent is None:
            with self._lock:
                self._look()
                if not self._running:
                    self._reporter.watch(self)  # soon, and not a second after the last look
                self._running[event.task] = event
                self._forward(event)
        elif isinstance(event, ENDS) and event.task in self._running:
            with self._lock:
                self._look()
                self._running.pop(event.task, None)
                self._forward(event)
        else:
            self._forward(event)

    def _look(self) -> None:
        while events := self._events(self._reporter.now()):
            for event in events:
                self._forward(event)

    @property
    def patience(self) -> float:
        """Seconds between two looks, at the most."""
        return PATIENCE if self._running else IDLE_PATIENCE

    def position(self) -> float:
        """Return 0: it has none."""
        return 0.0

    def arm(self) -> None:
        """Do nothing: it is looked at, it does not tell."""

    def sample(self, now: float) -> list[Event]:
        """Return what was written since the last look; nothing if another call is reading: a handler must not wait."""
        if not self._lock.acquire(blocking=False):
            return []
        try:
            return self._events(now)
        finally:
            self._lock.release()

    def _events(self, now: float) -> list[Event]:
        events: list[Event] = []
        for descriptor in self._open:
            lines, begun = descriptor.read()
            if lines:
                events.append(self._written(descriptor, lines.removesuffix("\n"), now))
            status = overwritten(begun).strip() if "\r" in begun else ""
            task = self._only()
            if task is not None and status != descriptor.shown:
                descriptor.shown = status
                events.append(TaskChanged(now, task.task, task.attempt, status=status))
        return events

    def _written(self, descriptor: CapturedFd, text: str, now: float) -> TextWritten:
        task = self._only()
        text = overwritten(text)
        if task is None:
            return TextWritten(now, None, 0, "", descriptor.name, text)
        return TextWritten(now, task.task, task.attempt, task.worker, descriptor.name, text)

    def _only(self) -> TaskStarted | None:
        return next(iter(self._running.values())) if len(self._running) == 1 else None


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
