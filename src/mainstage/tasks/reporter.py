"""Where reports go: the protocols between a worker's tasks and a channel, and the reporter of the live run."""

from __future__ import annotations

from mainstage._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Protocol

    from mainstage.events import Event
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
        """Return a task number that is unique in this run."""
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


class Writer(Protocol):
    """A task, as the lines that it writes name it."""

    @property
    def id(self) -> int:
        """Its number."""
        ...

    @property
    def attempt(self) -> int:
        """Its attempt."""
        ...

    @property
    def worker(self) -> str:
        """The name of its worker."""
        ...

    @property
    def reporter(self) -> Reporter:
        """Where its events go."""
        ...


class Capturing(Protocol):
    """Gathers what tasks write into lines."""

    def task_ended(self, task: Writer) -> None:
        """Send the lines that `task` has begun and not ended; called before its last event is sent."""
        ...


class _Live:
    """The reporter of the run that is live in this process, and what captures its output.

    `early`: the run is not open yet, its reporter keeps what it is sent.
    """

    __slots__ = ("capture", "early", "reporter")

    def __init__(self) -> None:
        self.reporter: Reporter | None = None
        self.capture: Capturing | None = None
        self.early: Any = None


live = _Live()
