"""Other libraries where they do the same work as a row: each is left out by name where it is not installed."""

from __future__ import annotations

import importlib.util
import multiprocessing
from importlib import import_module
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODULES = {"joblib": "joblib", "pebble": "pebble", "mpire": "mpire", "Dask": "distributed", "Ray": "ray"}


def installed(name: str) -> bool:
    """Return whether the peer `name` is here; one that is no key of `MODULES` is the standard library's."""
    return name not in MODULES or importlib.util.find_spec(MODULES[name]) is not None


def unless_missing(works: Mapping[str, Callable[..., Any]]) -> tuple[dict[str, Callable[..., Any]], str]:
    """Return those of `works` that are installed, by name, and what there is to say of the others."""
    here = {name: work for name, work in works.items() if installed(name)}
    missing = [name for name in works if name not in here]
    return here, f"not installed: {', '.join(missing)}" if missing else ""


def joblib_threads(fn: Callable[[int], Any], items: range, workers: int) -> list[Any]:
    joblib = import_module("joblib")
    found: list[Any] = joblib.Parallel(n_jobs=workers, backend="threading")(joblib.delayed(fn)(n) for n in items)
    return found


def joblib_processes(fn: Callable[[int], Any], items: range, workers: int) -> list[Any]:
    joblib = import_module("joblib")
    found: list[Any] = joblib.Parallel(n_jobs=workers)(joblib.delayed(fn)(n) for n in items)
    return found


def apply_async(fn: Callable[[int], Any], items: range, workers: int) -> list[Any]:
    with ThreadPool(workers) as pool:
        return [result.get() for result in [pool.apply_async(fn, (n,)) for n in items]]


def pebble_threads(fn: Callable[[int], Any], items: range, workers: int) -> list[Any]:
    with import_module("pebble").ThreadPool(max_workers=workers) as pool:
        return [future.result() for future in [pool.schedule(fn, (n,)) for n in items]]


def thread_imap(fn: Callable[[int], Any], items: range, workers: int, *, ordered: bool = True) -> list[Any]:
    with ThreadPool(workers) as pool:
        return list((pool.imap if ordered else pool.imap_unordered)(fn, items))


def process_imap(fn: Callable[[int], Any], items: range, workers: int, *, ordered: bool = True) -> list[Any]:
    with multiprocessing.Pool(workers) as pool:
        return list((pool.imap if ordered else pool.imap_unordered)(fn, items))


def pebble_processes(fn: Callable[[int], Any], items: range, workers: int) -> list[Any]:
    with import_module("pebble").ProcessPool(max_workers=workers) as pool:
        return list(pool.map(fn, items).result())


def mpire_processes(fn: Callable[[int], Any], items: range, workers: int, *, ordered: bool = True) -> list[Any]:
    with import_module("mpire").WorkerPool(n_jobs=workers) as pool:
        return list((pool.imap if ordered else pool.imap_unordered)(fn, items, chunk_size=1))
