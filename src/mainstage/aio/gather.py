"""`gather` and `as_completed`: asyncio's, whose coroutines are shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from mainstage.aio import implicit
from mainstage.aio.group import Group
from mainstage.aio.lazy_tasks import Flight
from mainstage.events import SourceClosed, SourceOpened
from mainstage.run.async_scope import Orders
from mainstage.tasks.reporter import ambient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

    from mainstage.run.async_scope import Stay

__all__ = ["as_completed", "gather"]

T = TypeVar("T")

if TYPE_CHECKING:  # the types are asyncio's own
    from asyncio import as_completed, gather
else:

    def gather(*coros_or_futures: Awaitable[Any], return_exceptions: bool = False) -> asyncio.Future[list[Any]]:
        """As `asyncio.gather`, each awaitable shown as a task until it is done."""
        return asyncio.gather(*_shown(coros_or_futures), return_exceptions=return_exceptions)

    def as_completed(fs: Iterable[Awaitable[T]], *, timeout: float | None = None) -> Any:
        """As `asyncio.as_completed` of the Python that runs it, each awaitable shown as a task until it is done.

        The coroutines begin with this call, not with the first step.
        """
        return asyncio.as_completed(_shown(list(fs)), timeout=timeout)


class Gathered:
    """Awaitables that were begun together: it is known how many there are."""

    def __init__(self, number: int) -> None:
        self._futures: list[asyncio.Future[Any]] = []
        self._left = self._number = number
        self._stay = implicit.stay(Orders(self._cancel))
        self._source: int | None = None

    def begin(self, aws: Iterable[Awaitable[T]], loop: asyncio.AbstractEventLoop) -> dict[Awaitable[T], Awaitable[T]]:
        """Return each with its future; with itself where nothing is shown."""
        stay = self._stay
        if stay is None:
            return {aw: aw for aw in aws}
        group = Group(stay, self._flight(stay), self._one_less)
        futures = {aw: group.future(aw, loop) for aw in aws}
        self._futures = list(futures.values())
        return dict(futures)

    def _flight(self, stay: Stay) -> Flight | None:
        """Announce them, where they are no part of a task."""
        if ambient.get() is not None:
            return None
        self._source = stay.reporter.new_id()
        stay.reporter.send(SourceOpened(stay.reporter.now(), self._source, self._number))
        return Flight(stay.reporter, self._source)

    def _one_less(self) -> None:
        self._left -= 1
        if self._left or self._stay is None:
            return
        if self._source is not None:
            reporter = self._stay.reporter
            reporter.send(SourceClosed(reporter.now(), self._source, self._number))
        self._stay.leave()

    def _cancel(self) -> None:
        for future in self._futures:
            future.cancel()


def _shown(aws: Sequence[Awaitable[T]]) -> Sequence[Awaitable[T]]:
    """Return futures that are shown; what was given where nothing is, or asyncio has something to say of it."""
    try:
        loop = asyncio.get_running_loop()
        different = dict.fromkeys(aws)
    except (RuntimeError, TypeError):
        return aws
    if not different or not all(_is_awaitable(aw) for aw in different):
        return aws
    futures = Gathered(len(different)).begin(different, loop)
    return [futures[aw] for aw in aws]


def _is_awaitable(aw: object) -> bool:
    return asyncio.isfuture(aw) or asyncio.iscoroutine(aw) or hasattr(aw, "__await__")
