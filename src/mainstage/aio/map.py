"""`map`: coroutines over an input, a bounded number at a time, as an async iterator of their results."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Generic, TypeVar

from mainstage.aio.map_run import MapRun
from mainstage.core.retry_policy import check_policy
from mainstage.pool.results import OnError, check_on_error
from mainstage.run.run import default_on_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Self

T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class MapCall(AsyncIterator[R_co], Generic[R_co]):
    """The results of a `map`. Whoever leaves its loop early may `await` its `aclose()`; dropping it cancels too."""

    def __init__(self, course: MapRun) -> None:
        self._course = course

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R_co:
        found: R_co = await self._course.next()
        return found

    async def aclose(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        await self._course.stop()

    def __del__(self) -> None:
        self._course.drop()


def map(  # noqa: A001  # the builtin's name, on purpose; keyword-only options
    fn: Callable[[T], Awaitable[R]],
    source: Iterable[T] | AsyncIterable[T],
    /,
    *,
    limit: int = 100,
    unordered: bool = False,
    on_error: OnError | None = None,
    retries: int = 0,
    timeout: float | None = None,
) -> MapCall[R]:
    """Return an async iterator of what `fn` gives for each item of `source`, at most `limit` under way at a time.

    In input order unless `unordered`. The input, which may be an async iterable, is pulled lazily, and no further than
    `2 * limit` items ahead of what was taken, and of the results that wait behind one whose turn it is. Each item is a
    task of the event loop, and is shown as one. `timeout` is in seconds, for each attempt; `retries` are further
    attempts after a failure. `on_error`: "raise" (the default; in the block of a `Run`, that run's) cancels the rest
    and raises the item's own exception; "collect" yields the exception in its place; "skip" leaves it out. Cancelling
    who waits for the next result cancels the items. Raises `ValueError` for `limit` below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    course = MapRun(
        fn,
        source,
        limit=limit,
        ordered=not unordered,
        policy=check_policy(retries, timeout, 0),
        on_error=check_on_error(on_error or default_on_error()),
    )
    return MapCall(course)
