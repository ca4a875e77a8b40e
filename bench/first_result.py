"""A program that tells how long a pool of processes takes to its first result: `KIND METHOD`, in seconds.

The clock runs once the library is imported; what a pool of processes imports beyond that is a part of its start.
"""

from __future__ import annotations

import multiprocessing
import sys
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS = 2


def ours(method: str) -> Callable[[], Any]:
    make = import_module("mainstage").Run
    options = {"executor": "process", "mp_context": method, "max_workers": WORKERS, "view": "silent"}
    return lambda: make(**options).__enter__().submit(pow, 2, 3).result()


def standard(method: str) -> Callable[[], Any]:
    futures, context = import_module("concurrent.futures"), multiprocessing.get_context(method)
    return lambda: futures.ProcessPoolExecutor(WORKERS, mp_context=context).submit(pow, 2, 3).result()


def pool(method: str) -> Callable[[], Any]:
    context = multiprocessing.get_context(method)
    return lambda: context.Pool(WORKERS).apply(pow, (2, 3))


def pebble(method: str) -> Callable[[], Any]:
    made, context = import_module("pebble").ProcessPool, multiprocessing.get_context(method)
    return lambda: made(max_workers=WORKERS, context=context).schedule(pow, (2, 3)).result()


def mpire(method: str) -> Callable[[], Any]:
    made = import_module("mpire").WorkerPool
    return lambda: made(n_jobs=WORKERS, start_method=method).apply(pow, (2, 3))


KINDS = {"ours": ours, "standard": standard, "Pool": pool, "pebble": pebble, "mpire": mpire}


def main(kind: str, method: str) -> None:
    first = KINDS[kind](method)
    began = perf_counter()
    assert first() == 8
    print(perf_counter() - began, flush=True)
    end()


def end() -> None:
    """Leave no worker behind, and ask no pool how it ends: that is not what is measured."""
    for process in multiprocessing.active_children():
        process.kill()
    import_module("os")._exit(0)  # noqa: SLF001  # the interpreter's own, past every pool's exit handler


if __name__ == "__main__":
    main(*sys.argv[1:])
