"""A worker thread's place in a `map`: the item at hand, and what it has finished since the owner last looked.

An item costs one small object and two clock readings; the task that a display and a worker's code see is made from it
only if somebody asks: the worker's own code (`current_task`, `track`), a failure, or an owner that finds it running for
longer than a glance. All of that passes `Item.announce`.

No lock is held anywhere here: the owner may look in a signal handler, on the thread that holds it. Who announces an
item, and who settles it, is decided by one atomic `dict.setdefault`.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mainstage.core.item_names import describe_named
from mainstage.events import ItemsEnded, TaskStarted
from mainstage.tasks.outcome import describe
from mainstage.tasks.task import root_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from mainstage.events import Event
    from mainstage.tasks.reporter import Reporter
    from mainstage.tasks.task import Task

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


class Item:
    """One item of a `map` while a thread works on it; in the place of the ambient task until one is needed."""

    # Class attributes and not slots set one by one: half the cost of an item, a tenth of the whole for a tiny one.
    task: Task | None = None
    announced: object = None
    """What the thread that sends its start has put here; None: nobody does."""
    asked: str | None = None
    overdue = False
    settled: object = None
    """What the thread that settles it has put here; None: nobody does."""

    def __init__(self, lane: Lane, entry: Entry, started: float) -> None:
        self.lane = lane
        self.entry = entry
        self.started = started

    @property
    def index(self) -> int:
        """Its place in the input."""
        return self.entry[0]

    @property
    def id(self) -> int:
        """The number of its task."""
        return self.entry[1]

    @property
    def args(self) -> tuple[Any, ...]:
        """What the function is called with."""
        return self.entry[2]

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self.entry[3]

    def claim(self) -> bool:
        """Take the right to settle it: True once. Only items with a deadline, and those given up, are contended."""
        mine = object()
        return vars(self).setdefault("settled", mine) is mine

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        return self.lane.reporter

    def input(self) -> str:
        """Describe what it works on."""
        return describe(self.args[0] if len(self.args) == 1 else self.args)

    def name(self) -> str:
        """Return what it is called on the screen."""
        return self.lane.name_of(self.args)

    def announce(self, at: float) -> list[Event]:
        """Return the events of its start, the first time; `at` is when they are made."""
        mine = object()
        if self.announced is not None or vars(self).setdefault("announced", mine) is not mine:
            return []
        return [TaskStarted(min(at, self.started), self.id, self.attempt, self.lane.worker, self.name())]

    def start_sent(self) -> None:
        """Called when the events that `announce` returned are on their way."""

    def resolve(self) -> Task:
        """Return the task that stands for it, made now if need be."""
        task = self.task
        if task is None:
            for event in self.announce(self.started):
                self.reporter.send(event)
            task = root_task(self.reporter, self.id, self.attempt, self.name(), worker=self.lane.worker)
            self.task = task
            if self.asked is not None:
                task.request_cancel(self.asked)
        return task

    _as_parent = resolve

    def request_cancel(self, reason: str) -> None:
        """Ask its worker to stop, at once or with its first report."""
        self.asked = reason
        if self.task is not None:
            self.task.request_cancel(reason)


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

    def __init__(
        self,
        reporter: Reporter,
        source: int,
        worker: str,
        named: set[int] | None = None,
        name_of: Callable[[Sequence[Any]], str] | None = None,
    ) -> None:
        self.reporter = reporter
        self.name_of = name_of or partial(describe_named, "")
        """Gives an item its name, by the arguments."""
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
        """Have the next item noted."""
        self.armed = True

    def tell(self) -> None:
        """Have the owner take the items that another thread or process has done, which were added to `ended`."""
        if len(self.ended) > FOLD:
            self.fold()
        if self.armed:
            self.armed = False
            self.reporter.moved(self)

    def show(self, task: int) -> None:
        """Have the end of a task told by name, since its start is."""
        self._shown = task

    def fold(self) -> None:
        """Keep the reports bounded while nobody takes them: the worker's side of it."""
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
