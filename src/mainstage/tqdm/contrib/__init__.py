"""`tqdm.contrib`: `enumerate`, `zip` and `map` with a bar, and a stream that writes above the bars."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from mainstage.tqdm.auto import tqdm as tqdm_auto
from mainstage.tqdm.std import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

__all__ = ["DummyTqdmFile", "tenumerate", "tmap", "tzip"]


class DummyTqdmFile:
    """A stream that writes whole lines above the bars of another one, in the place of `sys.stdout`."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped
        self._begun = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def write(self, x: str, nolock: bool = False) -> int:  # noqa: FBT001, FBT002  # tqdm's
        """Write the lines that are whole now."""
        whole, newline, self._begun = (self._begun + x).rpartition("\n")
        if newline:
            tqdm.write(whole, file=self._wrapped, nolock=nolock)
        return len(x)

    def __del__(self) -> None:
        if self._begun:
            with contextlib.suppress(OSError, ValueError):
                tqdm.write(self._begun, file=self._wrapped, end="")


def tenumerate(
    iterable: Iterable[Any],
    start: int = 0,
    total: float | None = None,
    tqdm_class: Callable[..., Any] = tqdm_auto,
    **tqdm_kwargs: Any,
) -> Iterator[tuple[Any, Any]]:
    """Return what `enumerate` does, or `numpy.ndenumerate` for an array, with a bar."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(iterable, numpy.ndarray):
        return iter(tqdm_class(numpy.ndenumerate(iterable), total=total or iterable.size, **tqdm_kwargs))
    return enumerate(tqdm_class(iterable, total=total, **tqdm_kwargs), start)


def tzip(
    iter1: Iterable[Any], *iter2plus: Iterable[Any], tqdm_class: Callable[..., Any] = tqdm_auto, **tqdm_kwargs: Any
) -> Generator[tuple[Any, ...], None, None]:
    """Yield what `zip` does, with a bar over the first iterable."""
    yield from zip(tqdm_class(iter1, **tqdm_kwargs), *iter2plus, strict=False)


def tmap(function: Callable[..., Any], *sequences: Iterable[Any], **tqdm_kwargs: Any) -> Generator[Any, None, None]:
    """Yield what `map` does, with a bar over the first iterable."""
    for values in tzip(*sequences, **tqdm_kwargs):
        yield function(*values)
