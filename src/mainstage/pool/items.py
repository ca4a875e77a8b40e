"""A worker's cell in the channel: the job at hand, and what it has finished since the owner last looked.

A short job costs no event of its own: short ones are reported in sums, one `ItemsEnded` a picture. A job that the
owner finds running for longer than a glance is announced then.

No lock is held anywhere here: the owner may look in a signal handler, on the thread that holds it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mainstage.events import ItemsEnded

if TYPE_CHECKING:
    from typing import TypeAlias

    from mainstage.events import Event
    from mainstage.tasks.reporter import Reporter

    Entry: TypeAlias = tuple[int, int, tuple[Any, ...], int]  # index, task, arguments, attempt

T = TypeVar("T")

GLANCE = 0.1
"""Seconds that an item must have run to be shown by itself."""
FOLD = 4096


def take(ended: deque[T], most: int) -> list[T]:
    """Take up to `most` from the left; another thread may take some at the same time."""
    taken: list[T] = []
    with suppress(IndexError):
        taken.extend(islice(iter(ended.popleft, None), most))  # keeps what came before an error
    return taken


class AtHand(Protocol):
    """What a worker has at hand, as far as a display asks for it."""

    started: float

    @property
    def id(self) -> int:
        """The number of its task."""
        ...

    def announce(self, at: float) -> list[Event]:
        """Return the events of its start, the first time."""
        ...

    def start_sent(self) -> None:
        """Called when these are on their way."""
        ...


class Lane:
    """A thread's cell in the channel: polled while it has an item, silent while it has none."""

    closed = False
    attempt = 1

    def __init__(self, reporter: Reporter, source: int, worker: str, named: set[int] | None = None) -> None:
        self.reporter = reporter
        self.source = source
        self.worker = worker
        self._named = named if named is not None else set()
        """Tasks that were told of before they began: their end must be told by name."""
        self.id = reporter.new_id()
        self.polled = False
        self.armed = True
        self.current: AtHand | None = None
        self.ended: deque[tuple[int, float, float]] = deque()
        self._shown = 0
        """The task that was last announced from here: its end must be told by name."""
        self._folded: deque[tuple[int, float]] = deque()
        """How many more ended, and the seconds that they took: what `ended` had no room for."""
        self.count = 0
        self.began: float | None = None
        """When it last began to claim items; None: it rests."""
        self.spent = 0.0
        """Seconds on items before that."""

    def rest(self, now: float) -> None:
        """Count the time since `began`, and rest."""
        self.spent, self.began = self.seconds(now), None

    def seconds(self, now: float) -> float:
        """Return the time it has spent on items."""
        began = self.began
        return self.spent + (now - began if began is not None else 0.0)

    def position(self) -> float:
        """Return how many items it has finished."""
        return self.count

    def arm(self) -> None:
        """Ask for one note at the next item."""
        self.armed = True

    def tell(self) -> None:
        """Notify the owner of items that another thread or process has done, which were added to `ended`."""
        if len(self.ended) > FOLD:
            self.fold()
        if self.armed:
            self.armed = False
            self.reporter.moved(self)

    def show(self, task: int) -> None:
        """Report the end of a task by name, since its start is."""
        self._shown = task

    def fold(self) -> None:
        """Keep the reports bounded while the owner takes none: the worker's side of it."""
        taken, shown, named = take(self.ended, FOLD // 2), self._shown, self._named
        by_name = [one for one in taken if one[0] == shown or one[0] in named]
        spent = [ended - started for task, started, ended in taken if task != shown and task not in named]
        self._folded.append((len(spent), sum(spent)))
        self.ended.extend(by_name)

    def sample(self, now: float) -> list[Event]:
        """Return the items that ended, and the start of the one at hand once it has run for long."""
        item = self.current  # before `ended` is read: one that ends in between is then in the list
        events: list[Event] = []
        items = tuple(take(self.ended, len(self.ended)))
        folded = take(self._folded, len(self._folded))
        more, seconds = sum(number for number, _ in folded), sum(spent for _, spent in folded)
        if items or more:
            events.append(ItemsEnded(now, self.source, self.worker, items, more, seconds))
        if self._named:
            self._named.difference_update([one[0] for one in items])
        if item is not None and now - item.started >= GLANCE and all(one[0] != item.id for one in items[-1:]):
            start = item.announce(now)
            if start:
                self._shown = item.id
                item.start_sent()
                events += start
        return events
