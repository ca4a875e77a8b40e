"""`tqdm.contrib.itertools`: functions of `itertools` with a bar."""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import TYPE_CHECKING, Any

from mainstage.tqdm.auto import tqdm as tqdm_auto

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sized

__all__ = ["chain", "combinations", "combinations_with_replacement", "permutations", "product"]


def _counted(
    items: Iterable[Any], total: Callable[[], int], tqdm_class: Callable[..., Any], tqdm_kwargs: dict[str, Any]
) -> Generator[Any, None, None]:
    if "total" not in tqdm_kwargs:
        with contextlib.suppress(TypeError, AttributeError):  # one of them has no length
            tqdm_kwargs["total"] = total()
    yield from tqdm_class(items, **tqdm_kwargs)


def chain(
    *iterables: Any, tqdm_class: Callable[..., Any] = tqdm_auto, **tqdm_kwargs: Any
) -> Generator[Any, None, None]:
    """Yield what `itertools.chain` does."""
    return _counted(itertools.chain(*iterables), lambda: sum(map(len, iterables)), tqdm_class, tqdm_kwargs)


def product(
    *iterables: Any, repeat: int = 1, tqdm_class: Callable[..., Any] = tqdm_auto, **tqdm_kwargs: Any
) -> Generator[Any, None, None]:
    """Yield what `itertools.product` does."""
    items = itertools.product(*iterables, repeat=repeat)
    return _counted(items, lambda: math.prod(map(len, iterables)) ** repeat, tqdm_class, tqdm_kwargs)


def permutations(
    iterable: Any, r: int | None = None, tqdm_class: Callable[..., Any] = tqdm_auto, **tqdm_kwargs: Any
) -> Generator[Any, None, None]:
    """Yield what `itertools.permutations` does."""

    def total() -> int:
        return math.perm(len(iterable), len(iterable) if r is None else r)

    return _counted(itertools.permutations(iterable, r), total, tqdm_class, tqdm_kwargs)


def combinations(
    iterable: Any, r: int, tqdm_class: Callable[..., Any] = tqdm_auto, **tqdm_kwargs: Any
) -> Generator[Any, None, None]:
    """Yield what `itertools.combinations` does."""
    return _counted(itertools.combinations(iterable, r), lambda: math.comb(len(iterable), r), tqdm_class, tqdm_kwargs)


def combinations_with_replacement(
    iterable: Any, r: int, tqdm_class: Callable[..., Any] = tqdm_auto, **tqdm_kwargs: Any
) -> Generator[Any, None, None]:
    """Yield what `itertools.combinations_with_replacement` does."""
    items = itertools.combinations_with_replacement(iterable, r)
    return _counted(items, lambda: _with_replacement(iterable, r), tqdm_class, tqdm_kwargs)


def _with_replacement(iterable: Sized, r: int) -> int:
    count = len(iterable)
    return math.comb(count + r - 1, r) if count else int(not r)
