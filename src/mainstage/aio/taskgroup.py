"""`TaskGroup`: asyncio's, whose tasks are shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from mainstage.aio import implicit
from mainstage.aio.group import Group
from mainstage.run.async_scope import ScopeCallbacks

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator
    from contextvars import Context
    from types import TracebackType
    from typing import Self

T = TypeVar("T")


class TaskGroup(asyncio.TaskGroup):
    """`asyncio.TaskGroup`, each task of which is shown: under its `name`, or as its coroutine was called.

    All that asyncio says of it holds. `Run.cancel` cancels its tasks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._group: Group | None = None

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        stay = implicit.stay(ScopeCallbacks(self._cancel_tasks))
        self._group = Group(stay) if stay is not None else None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
        finally:
            del error, traceback  # the exception has this frame
            if self._group is not None:
                self._group.stay.leave()

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **more: Any,
    ) -> asyncio.Task[T]:
        """As `asyncio.TaskGroup.create_task`."""
        if self._group is None:
            return super().create_task(coro, name=name, context=context, **more)
        return self._group.task(super().create_task, coro, name=name, context=context, **more)

    def _cancel_tasks(self) -> None:
        for task in list(self._tasks):  # each is told so; the group goes on
            task.cancel()
