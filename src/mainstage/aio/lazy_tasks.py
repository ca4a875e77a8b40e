"""Running coroutines, as a cell of the channel: thousands of short ones are a few events a frame.

A coroutine becomes a task that a display and its own code see only on request: of its own code (`current_task`,
`track`), its failure, or an owner that finds it running for longer than a glance. The one that takes it out of
`unreported` announces it: one C call, so that neither a lock nor a signal handler on the same thread comes between.
"""

from __future__ import annotations

from collections import deque
from threading import get_ident
from typing import TYPE_CHECKING, Any

from mainstage.aio.names import describe_coroutine
from mainstage.core.once import Once
from mainstage.errors import Cancelled
from mainstage.events import ItemsEnded, PartsEnded, TaskEnded, TaskStarted
from mainstage.pool.items import take
from mainstage.tasks.cancel_scope import CancelScope
from mainstage.tasks.position import PositionCell
from mainstage.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mainstage.events import Event, Fields
    from mainstage.tasks.reporter import Reporter

GLANCE = 0.1
"""Seconds that a coroutine must have run to be shown by itself."""
FOLD = 4096
"""So many ends are kept one by one while nobody takes them."""
MOST = 1000
"""So many are announced in one frame: the others in the next ones."""
WORKER = ""
"""None that tells anything: all of them work on the event loop's thread."""

NOWHERE = CancelScope(0)
"""In the place of a tree that nobody has asked for."""


_task, _tree = Once("task"), Once("tree")


class LazyTask:
    """One coroutine under way; in the place of the ambient task until one is needed."""

    task: Task | None = None
    tree: CancelScope | None = None
    """What it shares with the tasks nested in it, if there were any."""
    part: LazyNestedTask | None = None
    """The newest of the open tasks that are nested in it."""
    worker = WORKER
    parent: int | None = None
    attempt = 1

    def __init__(self, flight: LazyTaskCell, description: str | Coroutine[Any, Any, Any]) -> None:
        """Start; the name of a coroutine is found when it is asked for."""
        self.flight = flight
        self.reporter = flight.reporter
        self.id = flight.reporter.new_id()
        self.started = flight.reporter.now()
        self._description = description

    @property
    def description(self) -> str:
        """Its name: what it was given, or its function and what that was called with."""
        description = self._description
        if not isinstance(description, str):
            description = self._description = describe_coroutine(description)
        return description

    def name_by(self, error: BaseException | None) -> None:
        """Find its name although it has ended, by `error`."""
        if not isinstance(self._description, str):
            self._description = describe_coroutine(self._description, error)

    def start(self) -> TaskStarted:
        """Return the event of its start."""
        return TaskStarted(self.started, self.id, self.attempt, WORKER, self.description, None, "", self.parent)

    def resolve(self) -> Task:
        """Return the task that stands for it, made now if need be."""
        task = self.task
        if task is None:
            if self.flight.unreported.pop(self.id, None) is not None:
                self.reporter.send(self.start())
            made = Task(self.reporter, self.id, self.attempt, self.description, worker=WORKER, tree=self.shared_tree())
            task = _task.first(self, made)
        return task

    def _as_parent(self) -> LazyTask:
        """Return itself: tasks are nested in it by the hundred without anybody's having to see it."""
        return self

    def _nest(self, description: str, *, total: float | None, unit: str, fields: Fields) -> Task:
        """Open a task within it."""
        if get_ident() != self.flight.thread:
            return self.resolve()._nest(description, total=total, unit=unit, fields=fields)
        return LazyNestedTask(self, self.id, description, total, unit, fields)

    def shared_tree(self) -> CancelScope:
        """Return what it shares with the tasks nested in it, made now if need be."""
        tree = self.tree
        return _tree.first(self, CancelScope(self.id)) if tree is None else tree

    def close_parts(self, error: BaseException | None) -> None:
        """Close what was left open in it, the newest first."""
        part, self.part = self.part, None
        while part is not None:
            before = part.before
            part.close(None if error is None else Cancelled("the task around it is over"))
            part = before


class LazyNestedTask(Task):
    """It is announced with its first report, or once it has run for longer than a glance; else it is a number.

    Likewise it joins the scope of its coroutine when that is asked for: made for each, scopes were half of what a
    nested task costs, most of it the garbage collector's time. It is made on the event loop's thread.
    """

    _joined: CancelScope

    __slots__ = ("_fields", "_joined", "_parent", "_root", "_unit", "after", "before", "started")

    def __init__(
        self, root: LazyTask, parent: int, description: str, total: float | None, unit: str, fields: Fields
    ) -> None:
        """Begin within the task `parent` of the coroutine `root`, silently."""
        reporter = root.reporter
        PositionCell.__init__(self, reporter, reporter.new_id(), 1, NOWHERE)
        self._description = description
        self._total = total
        self._token = None
        self._root = root
        self._parent = parent
        self._unit = unit
        self._fields = fields
        before = self.before = root.part
        """The one of its coroutine that was begun before it, and is open."""
        self.after: LazyNestedTask | None = None
        if before is not None:
            before.after = self
        root.part = self
        self.started = reporter.now()
        root.flight.unreported[self.id] = self

    @property
    def worker(self) -> str:  # type: ignore[override]  # as the coroutine's
        """Who works on it."""
        return self._root.worker

    @property
    def _tree(self) -> CancelScope:
        tree = self._joined
        if tree is NOWHERE:
            tree = self._joined = self._root.shared_tree()
            if not self.closed:
                tree.tasks[self.id] = self
        return tree

    @_tree.setter
    def _tree(self, tree: CancelScope) -> None:
        self._joined = tree

    def start(self) -> TaskStarted:
        """Return the event of its start."""
        worker, description, total = self.worker, self._description, self._total
        return TaskStarted(self.started, self.id, 1, worker, description, total, self._unit, self._parent, self._fields)

    def resolve(self) -> Task:
        """Return itself, announced: it has something to report."""
        if self._root.flight.unreported.pop(self.id, None) is not None:
            self.reporter.send(self.start())
        return self

    def _nest(self, description: str, *, total: float | None, unit: str, fields: Fields) -> Task:
        """Open a task within it."""
        if get_ident() != self._root.flight.thread:
            return super()._nest(description, total=total, unit=unit, fields=fields)
        return LazyNestedTask(self._root, self.id, description, total, unit, fields)

    # --- what a task says ---

    def _fire(self) -> None:
        self.resolve()
        super()._fire()

    def set_position(self, completed: float) -> None:
        """As `Task.set_position`."""
        self.resolve()
        super().set_position(completed)

    def set(self, *, completed: float | None = None, **known: object) -> None:
        """As `Task.set`."""
        self.resolve()
        super().set(completed=completed, **known)  # type: ignore[arg-type]  # the caller's own keywords

    def log(self, text: str) -> None:
        """As `Task.log`."""
        self.resolve()
        super().log(text)

    def metric(self, name: str, value: float) -> None:
        """As `Task.metric`; does nothing once it has ended."""
        if not self.closed:
            self.resolve()
            super().metric(name, value)

    def close(self, error: BaseException | None = None, told_input: str = "") -> None:
        """As `Task.close`."""
        flight = self._root.flight
        here = get_ident() == flight.thread
        if here and not self.closed:
            self._stand_out()
        if error is None and here and flight.unreported.pop(self.id, None) is not None:
            flight.parts += 1
            if self._joined is not NOWHERE:
                self._joined.tasks.pop(self.id, None)
            self.closed = True
        elif not self.closed:
            self.resolve()
            self._tree  # noqa: B018  # one that is in no tree would count as closed
            super().close(error, told_input)

    def _stand_out(self) -> None:
        """Leave the open tasks of its coroutine."""
        before, after = self.before, self.after
        if before is not None:
            before.after = after
        if after is not None:
            after.before = before
        elif self._root.part is self:
            self._root.part = before
        self.before = self.after = None


class LazyTaskCell:
    """The cell: polled while it has coroutines under way, silent while it has none. `source` is the map they are of."""

    closed = False
    attempt = 1

    def __init__(self, reporter: Reporter, source: int | None = None) -> None:
        self.reporter = reporter
        self.id = reporter.new_id()
        self.source = self.id if source is None else source
        self.polled = False
        self.thread = get_ident()
        """That of the event loop."""
        self.parts = 0
        """How many nested tasks have ended well without having been announced; that thread counts."""
        self._told_parts = 0
        self.unreported: dict[int, LazyTask | LazyNestedTask] = {}
        """Those that nobody has announced, in the order in which they began."""
        self._live = 0
        self._count = 0
        self._ended: deque[tuple[int, float, float]] = deque()
        self._folded: deque[tuple[int, float]] = deque()
        """How many more ended, and the seconds that they took: what `_ended` had no room for."""

    # --- on the event loop's thread ---

    def begin(self, shown: LazyTask) -> None:
        """Add one that starts."""
        self.unreported[shown.id] = shown
        self._live += 1
        if not self.polled:
            self.polled = True
            self.reporter.moved(self)

    def end(self, shown: LazyTask, error: BaseException | None, told_input: str = "") -> None:
        """Remove one that ended well, failed, or was cancelled, as `error` says."""
        at = self.reporter.now()
        if shown.part is not None:
            shown.close_parts(error)
        if error is None and shown.task is None and not (shown.tree is not None and shown.tree.tasks):
            self._count += 1
            if self.unreported.pop(shown.id, None) is None:
                self.reporter.send(TaskEnded(at, shown.id, shown.attempt, 0))
            elif shown.parent is None:
                self._ended.append((shown.id, shown.started, at))
                if len(self._ended) > FOLD:
                    self._fold()
            else:
                self.reporter.send(shown.start())
                self.reporter.send(TaskEnded(at, shown.id, shown.attempt, 0))
        else:
            shown.name_by(error)
            shown.resolve().close(error, told_input)
        self._live -= 1  # as `leave`, without a call of it
        if not self._live:
            self._rest()

    def forget(self, shown: LazyTask) -> None:
        """Remove one that never started."""
        if self.unreported.pop(shown.id, None) is None:
            shown.resolve().close(Cancelled("it never began"))
        self.leave()

    def leave(self) -> None:
        """Remove one whose end has been reported."""
        self._live -= 1
        if not self._live:
            self._rest()

    def _rest(self) -> None:
        """Called when the last one has ended."""
        self.polled = False
        self.reporter.moved(self)

    def _fold(self) -> None:
        """Sum up the oldest ends: reports stay bounded while they are not taken."""
        taken = take(self._ended, FOLD // 2)
        self._folded.append((len(taken), sum(ended - started for _, started, ended in taken)))

    # --- on the owner's, which may be a signal handler on the same thread ---

    def position(self) -> float:
        """Return how many have ended well."""
        return self._count

    def arm(self) -> None:
        """Do nothing: it is polled."""

    def sample(self, now: float) -> list[Event]:
        """Return those that ended, and the starts of those that have run for long."""
        events: list[Event] = []
        young = list(self.unreported.values())  # before `_ended` is read: one that ends in between is then in that
        items = tuple(take(self._ended, len(self._ended)))
        folded = take(self._folded, len(self._folded))
        more, seconds = sum(number for number, _ in folded), sum(spent for _, spent in folded)
        if items or more:
            events.append(ItemsEnded(now, self.source, WORKER, items, more, seconds))
        parts = self.parts - self._told_parts
        if parts:
            self._told_parts += parts
            events.append(PartsEnded(now, WORKER, parts))
        for shown in young[:MOST]:
            if now - shown.started < GLANCE:
                break
            if self.unreported.pop(shown.id, None) is not None:
                events.append(shown.start())
        return events
