"""`map`: the builtin, on workers, under a display of its own or as a branch of the run that is live."""

from __future__ import annotations

import sys
import warnings
import weakref
from typing import TYPE_CHECKING, Any, TypeVar, overload

from mainstage.core.item_names import namer
from mainstage.core.retry_policy import Policy, check_policy
from mainstage.pool.results import OnError, check_on_error
from mainstage.run.exit import hide_frames
from mainstage.run.map_row import RowOfMap
from mainstage.run.run import own_run
from mainstage.run.workload import check_map
from mainstage.tasks.task import innermost_loop

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import FrameType
    from typing import Never

    from mainstage.core.item_names import ItemName
    from mainstage.store import Store
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
    description: str = ...,
    total: float | None = ...,
    store: str | os.PathLike[str] | Store | None = ...,
    name: ItemName | None = ...,
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
    description: str = ...,
    total: float | None = ...,
    store: str | os.PathLike[str] | Store | None = ...,
    name: ItemName | None = ...,
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
    description: str = ...,
    total: float | None = ...,
    store: str | os.PathLike[str] | Store | None = ...,
    name: ItemName | None = ...,
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
    description: str = "",
    total: float | None = None,
    store: str | os.PathLike[str] | Store | None = None,
    name: ItemName | None = None,
    view: str | View = "auto",
    **unknown: Never,
) -> Iterator[R]:
    """Return an iterator of `fn` of each item, worked on by `max_workers` threads under one display.

    As the builtin, in input order (unless `unordered`), the input pulled lazily on the caller's thread, a bounded
    window ahead. `timeout` is in seconds, for each attempt at an item. `on_error`: "raise" cancels the rest and raises
    the worker's own exception; "collect" yields the exception in its place; "skip" leaves it out. `sizes`, one number
    an item, tell the ETA how much each is beside the others. `description` names its display, `total` is how many items
    there are, where `len` cannot tell. `name` gives the items names: a format string ("page {}") or a function of the
    item; without it an item is called by its text where it is a string or a path, else `fetch(3)`. `store` names a
    file that keeps results: what an earlier run has done is not computed again (docs/resume.md). The display lives
    from the first `next` to the end of the iterator, or as a branch of the run that is live. What is never iterated
    does nothing, and warns so.
    """
    hide_frames()
    if unknown:
        from mainstage.tasks.keywords import refuse_keyword  # noqa: PLC0415  # a mistake's

        refuse_keyword("map", unknown, OPTIONS)
    check_on_error(on_error)
    check_policy(retries, timeout, 0)
    check_map(fn, iterables)
    namer(name, fn, len(iterables))
    begun: list[bool] = []
    around = innermost_loop()

    def results() -> Iterator[R]:
        begun.append(True)
        with own_run(description, max_workers=max_workers, executor=executor, on_error=on_error, view=view) as run:
            yield from run._map(
                fn,
                iterables,
                on_error,
                Policy(retries, timeout),
                RowOfMap(description if run._within_another() else "", around),
                buffersize=buffersize,
                unordered=unordered,
                sizes=sizes,
                total=total,
                store=store,
                name=name,
            )

    returned = results()
    _warn_unless(begun, returned, sys._getframe(1))  # noqa: SLF001  # the caller's line
    return returned


OPTIONS = (
    "max_workers",
    "executor",
    "unordered",
    "on_error",
    "retries",
    "timeout",
    "buffersize",
    "sizes",
    "description",
    "total",
    "store",
    "name",
    "view",
)
_watched: set[weakref.ref[Any]] = set()


def _warn_unless(begun: Sequence[bool], returned: Iterator[Any], caller: FrameType) -> None:
    """Warn, with the place of `caller`, where `returned` is collected and nothing has `begun`."""
    place = caller.f_code.co_filename, caller.f_lineno

    def collected(watched: weakref.ref[Any]) -> None:
        _watched.discard(watched)
        if not begun:
            text = "mainstage.map was never iterated, so nothing ran: for result in mainstage.map(...): ..."
            warnings.warn_explicit(text, RuntimeWarning, *place)

    _watched.add(weakref.ref(returned, collected))
