"""Where reports go: the port between a worker's tasks and a channel, and how a worker finds its own.

The ambient task lives in a context variable, so that it follows contexts as logging's callers expect. Code without a
context of ours (a plain thread that a worker started) falls to the reporter of the live run, if there is one.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

from mainstage._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from mainstage.events import Event
    from mainstage.tasks.task import Task
else:
    from mainstage._typing import Protocol


class Cell(Protocol):
    """A position that a worker writes and the receiving side of a channel reads."""

    id: int
    attempt: int
    polled: bool
    """True while a `track` loop drives it: it sends no note and is read at the frame clock instead."""
    closed: bool
    """True once its end has been sent: its position is of no more interest."""

    def position(self) -> float:
        """Return the exact count of finished items, at this instant."""
        ...

    def arm(self) -> None:
        """Ask for one note, `Reporter.moved(cell)`, at the next change."""
        ...

    def sample(self, now: float) -> list[Event]:
        """Return what has changed since the last call, as events of the time `now`."""
        ...


class Reporter(Protocol):
    """The sending half of a channel."""

    def now(self) -> float:
        """Seconds on the run's clock."""
        ...

    def new_id(self) -> int:
        """Return a task number that nobody else has in this run."""
        ...

    def send(self, event: Event) -> None:
        """Send one event: never dropped, never reordered within this thread, never blocks."""
        ...

    def moved(self, cell: Cell) -> None:
        """Note that an armed cell has changed."""
        ...

    def watch(self, cell: Cell) -> None:
        """Read this cell at the frame clock from now on: a `track` loop has begun to drive it."""
        ...

    def unwatch(self, cell: Cell) -> None:
        """Stop doing so."""
        ...


ambient: ContextVar[Task | None] = ContextVar("mainstage_task", default=None)
"""The task that the code running now works on."""


class Capturing(Protocol):
    """Whoever gathers what tasks write to lines."""

    def task_ended(self, task: Task) -> None:
        """Send the lines that `task` has begun and not ended; called before its last event is sent."""
        ...


class _Live:
    """The reporter of the run that is live in this process, and who captures its output."""

    __slots__ = ("capture", "reporter")

    def __init__(self) -> None:
        self.reporter: Reporter | None = None
        self.capture: Capturing | None = None


live = _Live()


def _after_in_child() -> None:
    """Forget, in a forked child, the task that its parent works on; `live` stays: its channel drops what it is sent."""
    ambient.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)


def current_reporter() -> Reporter | None:
    """Return where a report made here and now goes; None: nowhere, no run is live."""
    task = ambient.get()
    return task.reporter if task is not None else live.reporter
