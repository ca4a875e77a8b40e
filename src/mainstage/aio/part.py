"""A task nested in a coroutine, by the ten thousand: nothing is told, nor kept, of one that is short and silent."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING

from mainstage.events import TaskStarted
from mainstage.tasks.cancel_scope import CancelScope
from mainstage.tasks.position import PositionCell
from mainstage.tasks.task import Task

if TYPE_CHECKING:
    from mainstage.aio.lazy_tasks import LazyTask
    from mainstage.events import Fields

NOWHERE = CancelScope(0)
"""In the place of a tree that nobody has asked for."""


class LazyNestedTask(Task):
    """It is announced with its first report, or once it has run for longer than a glance; else it is a number.

    Likewise it joins the tree of its coroutine when somebody asks for that: made for each, trees were half of what a
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
        """Return itself, announced: somebody wants to tell something of it."""
        if self._root.flight.unreported.pop(self.id, None) is not None:
            self.reporter.send(self.start())
        return self

    def nest(self, description: str, *, total: float | None, unit: str, fields: Fields) -> Task:
        """Open a task within it."""
        if get_ident() != self._root.flight.thread:
            return super().nest(description, total=total, unit=unit, fields=fields)
        return LazyNestedTask(self._root, self.id, description, total, unit, fields)

    # --- what a task says ---

    def _fire(self) -> None:
        self.resolve()
        super()._fire()

    def set_position(self, completed: float) -> None:
        """As `Task.place`."""
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
        """As `Task.metric`; once it is over nobody may know it."""
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
        """Be among the open ones of its coroutine no more."""
        before, after = self.before, self.after
        if before is not None:
            before.after = after
        if after is not None:
            after.before = before
        elif self._root.part is self:
            self._root.part = before
        self.before = self.after = None
