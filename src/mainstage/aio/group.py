"""A group of tasks of an event loop, each shown as a task of ours from its making to its end."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from mainstage.aio.lazy_tasks import LazyTask, LazyTaskCell
from mainstage.aio.names import describe_future
from mainstage.errors import Cancelled
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextvars import Context

    from mainstage.run.async_scope import ExternalScope
    from mainstage.tasks.reporter import Reporter

T = TypeVar("T")
Made = TypeVar("Made", bound="asyncio.Future[Any]")

_flights: WeakKeyDictionary[Reporter, LazyTaskCell] = WeakKeyDictionary()
"""Of each run's channel: the tasks of groups that are no `map` nor `gather`."""


class ShownTask(LazyTask):
    """A task of an event loop while it is under way; `after` is called once its end has been told."""

    def __init__(
        self, flight: LazyTaskCell, description: str | Coroutine[Any, Any, Any], after: Callable[[], None] | None
    ) -> None:
        super().__init__(flight, description)
        self._after = after

    def over(self, task: asyncio.Future[Any]) -> None:
        """Report how it ended: its done-callback. It does not mark the exception as retrieved."""
        error = Cancelled("cancelled") if task.cancelled() else getattr(task, "_exception", None)
        try:
            self.flight.end(self, error)
        finally:
            del error  # it may lead to this frame
            if self._after is not None:
                self._after()


class Group:
    """Tasks that belong to one stay in a run; `after` is called at the end of each."""

    def __init__(
        self, stay: ExternalScope, flight: LazyTaskCell | None = None, after: Callable[[], None] | None = None
    ) -> None:
        reporter = stay.reporter
        if flight is None:
            flight = _flights.get(reporter)
            if flight is None:
                flight = _flights[reporter] = LazyTaskCell(reporter)
        parent = ambient.get()
        self.stay = stay
        self.flight = flight
        self._after = after
        self.parent = parent.id if parent is not None and parent.reporter is reporter else None

    def shown(self, description: str | Coroutine[Any, Any, Any]) -> ShownTask:
        """Begin to show something under way."""
        shown = ShownTask(self.flight, description, self._after)
        if self.parent is not None:
            shown.parent = self.parent
        self.flight.begin(shown)
        return shown

    def task(
        self,
        create: Callable[..., Made],
        coro: Any,
        *,
        name: str | None = None,
        context: Context | None = None,
        **more: Any,
    ) -> Made:
        """Return what `create(coro, name=, context=)` makes, shown until it is done.

        Unless a context is given, which several tasks may share, it is the ambient task of what it does.
        """
        shown = self.shown(coro if name is None else str(name))
        if context is None:
            context = copy_context()
            context.run(ambient.set, shown)
        try:
            made = create(coro, name=name, context=context, **more)
        except BaseException:
            self.flight.forget(shown)
            raise
        made.add_done_callback(shown.over, context=context)
        return made

    def future(self, aw: Awaitable[T], loop: asyncio.AbstractEventLoop) -> asyncio.Future[T]:
        """Return a future for an awaitable, as `asyncio.ensure_future`, shown until it is done."""
        if asyncio.isfuture(aw):
            aw.add_done_callback(self.shown(describe_future(aw)).over)
            return aw
        coro = aw if asyncio.iscoroutine(aw) else awaited(aw)
        return self.task(loop.create_task, coro)


async def awaited(aw: Awaitable[T]) -> T:
    """Await it: what is no coroutine becomes one."""
    return await aw
