"""`map`: the builtin, on workers, under a display of its own or as a branch of the run that is live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from mainstage.core.policy import check_policy
from mainstage.pool.results import OnError, check_on_error
from mainstage.run.exit import hide_frames
from mainstage.run.run import own_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mainstage.ui.views import View

R = TypeVar("R")
T1 = TypeVar("T1")
T2 = TypeVar("T2")


@overload
def map(  # noqa: A001
    fn: Callable[[T1], R],
    iterable: Iterable[T1],
    /,
    *,
    max_workers: int | None = ...,
    executor: str = ...,
    unordered: bool = ...,
    on_error: OnError = ...,
    retries: int = ...,
    timeout: float | None = ...,
    buffersize: int | None = ...,
    sizes: Iterable[float] | None = ...,
    view: str | View = ...,
) -> Iterator[R]: ...
@overload
def map(  # noqa: A001
    fn: Callable[[T1, T2], R],
    iterable: Iterable[T1],
    second: Iterable[T2],
    /,
    *,
    max_workers: int | None = ...,
    executor: str = ...,
    unordered: bool = ...,
    on_error: OnError = ...,
    retries: int = ...,
    timeout: float | None = ...,
    buffersize: int | None = ...,
    sizes: Iterable[float] | None = ...,
    view: str | View = ...,
) -> Iterator[R]: ...
@overload
def map(  # noqa: A001
    fn: Callable[..., R],
    iterable: Iterable[Any],
    second: Iterable[Any],
    third: Iterable[Any],
    /,
    *iterables: Iterable[Any],
    max_workers: int | None = ...,
    executor: str = ...,
    unordered: bool = ...,
    on_error: OnError = ...,
    retries: int = ...,
    timeout: float | None = ...,
    buffersize: int | None = ...,
    sizes: Iterable[float] | None = ...,
    view: str | View = ...,
) -> Iterator[R]: ...
def map(  # noqa: A001, PLR0913  # the builtin's name and shape, on purpose; keyword-only options
    fn: Callable[..., R],
    *iterables: Iterable[Any],
    max_workers: int | None = None,
    executor: str = "thread",
    unordered: bool = False,
    on_error: OnError = "raise",
    retries: int = 0,
    timeout: float | None = None,
    buffersize: int | None = None,
    sizes: Iterable[float] | None = None,
    view: str | View = "auto",
) -> Iterator[R]:
    """Return an iterator of `fn` of each item, worked on by `max_workers` threads under one display.

    As the builtin, in input order (unless `unordered`), the input pulled lazily on the caller's thread, a bounded
    window ahead. `timeout` is in seconds, for each attempt at an item. `on_error`: "raise" cancels the rest and raises
    the worker's own exception; "collect" yields the exception in its place; "skip" leaves it out. `sizes`, one number
    an item, tell the ETA how much each is beside the others. The display lives from the first `next` to the end of the
    iterator, or as a branch of the run that is live.
    """
    hide_frames()
    check_on_error(on_error)
    check_policy(retries, timeout, 0)
    if not iterables:
        msg = "map needs at least one iterable"
        raise TypeError(msg)

    def results() -> Iterator[R]:
        with own_run(max_workers=max_workers, executor=executor, on_error=on_error, view=view) as run:
            yield from run.map(
                fn,
                *iterables,
                unordered=unordered,
                retries=retries,
                timeout=timeout,
                buffersize=buffersize,
                sizes=sizes,
            )

    return results()
