"""`tqdm.contrib.concurrent`: `map` over a pool, with a bar, as a list."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from mainstage.tqdm.auto import tqdm as tqdm_auto
from mainstage.tqdm.warning import TqdmWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["interpreter_map", "process_map", "thread_map"]

MANY = 1000
"""Items from which on one at a time is slow between processes."""


def _min_map_len(iterables: Sequence[Any]) -> int:
    """Return the least length of those that have one; 0: none has."""
    return min((len(one) for one in iterables if hasattr(one, "__len__")), default=0)


def _executor_map(  # tqdm's
    pool: Callable[..., Any],
    fn: Callable[..., Any],
    *iterables: Iterable[Any],
    tqdm_class: Callable[..., Any] = tqdm_auto,
    max_workers: int | None = None,
    chunksize: int = 1,
    timeout: float | None = None,
    lock_name: str = "",
    **tqdm_kwargs: Any,
) -> list[Any]:
    del lock_name  # workers of another process draw nothing: there is no lock to share
    tqdm_kwargs.setdefault("total", _min_map_len(iterables) or None)
    workers = min(32, (os.cpu_count() or 1) + 4) if max_workers is None else max_workers
    with pool(max_workers=workers) as executor:
        return list(tqdm_class(executor.map(fn, *iterables, chunksize=chunksize, timeout=timeout), **tqdm_kwargs))


def thread_map(fn: Callable[..., Any], *iterables: Iterable[Any], **tqdm_kwargs: Any) -> list[Any]:
    """Return the results of `fn` on threads; `max_workers`, and all that `tqdm` takes."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # only one kind of pool is needed

    return _executor_map(ThreadPoolExecutor, fn, *iterables, **tqdm_kwargs)


def process_map(fn: Callable[..., Any], *iterables: Iterable[Any], **tqdm_kwargs: Any) -> list[Any]:
    """Return the results of `fn` in processes; `max_workers`, `chunksize`, and all that `tqdm` takes."""
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415  # as above

    sized = bool(iterables) and all(hasattr(one, "__len__") for one in iterables)
    if sized and "chunksize" not in tqdm_kwargs and _min_map_len(iterables) > MANY:
        count = _min_map_len(iterables)
        warnings.warn(f"{count} items go to processes one by one: give a chunksize", TqdmWarning, stacklevel=2)
    return _executor_map(ProcessPoolExecutor, fn, *iterables, **tqdm_kwargs)


def interpreter_map(fn: Callable[..., Any], *iterables: Iterable[Any], **tqdm_kwargs: Any) -> list[Any]:
    """Return the results of `fn` in interpreters of this process. Raises `ImportError` before Python 3.14."""
    from concurrent.futures import InterpreterPoolExecutor  # type: ignore[attr-defined]  # noqa: PLC0415  # as above

    return _executor_map(InterpreterPoolExecutor, fn, *iterables, **tqdm_kwargs)
