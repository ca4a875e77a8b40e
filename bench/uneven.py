"""Maps of uneven items by kind and order, on the clock: mostly 18 ms, each 97th 0.25 to 0.75 s.

Four workers; beside the standard library's way (Dask's and Ray's own on those), in interleaved rounds.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import mainstage
from bench import peers
from bench.rows import Row, interleaved, listed, median
from mainstage import aio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEMS = 450
WORKERS = 4
ROUNDS = 3
SHORT_S = 0.018
EACH = 97
MOST = 1.02
MOST_ENGINES = 1.05

ORDERS = {"ordered": True, "as completed": False}


def seconds_of(n: int) -> float:
    """Return how long item `n` takes; the long ones take turns at three lengths."""
    return (0.25, 0.5, 0.75)[n // EACH % 3] if n % EACH == EACH - 1 else SHORT_S


def work(n: int) -> int:
    time.sleep(seconds_of(n))
    return n


async def wait(n: int) -> int:
    await asyncio.sleep(seconds_of(n))
    return n


IDEAL = sum(map(seconds_of, range(ITEMS))) / WORKERS


def with_pool(pool: Executor, *, ordered: bool) -> list[int]:
    if ordered:
        return list(pool.map(work, range(ITEMS)))
    return [future.result() for future in as_completed([pool.submit(work, n) for n in range(ITEMS)])]


def with_run(run: mainstage.Run, *, ordered: bool) -> list[int]:
    return list(run.map(work, range(ITEMS), unordered=not ordered))


def with_aio(*, ordered: bool) -> list[int]:
    async def main() -> list[int]:
        async with mainstage.Run("bench", view="silent"):
            return [n async for n in aio.map(wait, range(ITEMS), limit=WORKERS, unordered=not ordered)]

    return asyncio.run(main())


def with_asyncio(*, ordered: bool) -> list[int]:
    async def main() -> list[int]:
        semaphore = asyncio.Semaphore(WORKERS)

        async def one(n: int) -> int:
            async with semaphore:
                return await wait(n)

        coroutines = [one(n) for n in range(ITEMS)]
        if ordered:
            return await asyncio.gather(*coroutines)
        return [await one for one in asyncio.as_completed(coroutines)]

    return asyncio.run(main())


class Kind(NamedTuple):
    """Who works: `ours` beside the `bare` way, and peers that have the order."""

    ours: Callable[..., list[int]]
    bare: Callable[..., list[int]]
    peers: dict[bool, dict[str, Callable[[], list[Any]]]]
    most: float = MOST


def run_of(executor: str, **more: Any) -> mainstage.Run:
    return mainstage.Run("bench", executor=executor, max_workers=WORKERS, view="silent", **more)


def both(name: str, imap: Callable[..., list[Any]]) -> dict[bool, dict[str, Callable[[], list[Any]]]]:
    return {ordered: {name: partial(imap, work, range(ITEMS), WORKERS, ordered=ordered)} for ordered in (True, False)}


@contextmanager
def threads() -> Iterator[Kind]:
    others = both("ThreadPool.imap", peers.thread_imap)
    others[True]["joblib"] = partial(peers.joblib_threads, work, range(ITEMS), WORKERS)
    with run_of("thread") as run, ThreadPoolExecutor(WORKERS) as pool:
        yield Kind(partial(with_run, run), partial(with_pool, pool), others)


@contextmanager
def processes() -> Iterator[Kind]:
    others = both("Pool.imap", peers.process_imap)
    for ordered, known in others.items():
        known["mpire"] = partial(peers.mpire_processes, work, range(ITEMS), WORKERS, ordered=ordered)
    others[True]["joblib"] = partial(peers.joblib_processes, work, range(ITEMS), WORKERS)
    others[True]["pebble"] = partial(peers.pebble_processes, work, range(ITEMS), WORKERS)
    with run_of("process") as run, ProcessPoolExecutor(WORKERS) as pool:
        for warm in (partial(with_run, run), partial(with_pool, pool)):
            warm(ordered=True)
        yield Kind(partial(with_run, run), partial(with_pool, pool), others)


@contextmanager
def coroutines() -> Iterator[Kind]:
    yield Kind(with_aio, with_asyncio, {True: {}, False: {}})


@contextmanager
def dask() -> Iterator[Kind]:
    distributed: Any = import_module("distributed")

    def bare(client: Any, *, ordered: bool) -> list[int]:
        futures = client.map(work, range(ITEMS), pure=False)
        if ordered:
            return list(client.gather(futures))
        return [result for _, result in distributed.as_completed(futures, loop=client.loop, with_results=True)]

    with (
        distributed.LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        run_of("dask", cluster=client) as run,
    ):
        list(run.map(seconds_of, range(2 * WORKERS)))  # workers there, and ours known to them
        yield Kind(partial(with_run, run), partial(bare, client), {True: {}, False: {}}, MOST_ENGINES)


@contextmanager
def ray() -> Iterator[Kind]:
    engine: Any = import_module("ray")
    engine.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    remote = engine.remote(work)

    def bare(*, ordered: bool) -> list[int]:
        left = [remote.remote(n) for n in range(ITEMS)]
        if ordered:
            return list(engine.get(left))
        results = []
        while left:
            done, left = engine.wait(left)
            results += engine.get(done)
        return results

    try:
        with run_of("ray") as run:
            list(run.map(seconds_of, range(2 * WORKERS)))  # as above
            yield Kind(partial(with_run, run), bare, {True: {}, False: {}}, MOST_ENGINES)
    finally:
        engine.shutdown()


KINDS = {"threads": threads, "processes": processes, "coroutines": coroutines, "Dask": dask, "Ray": ray}


def timed(do: Callable[[], list[int]]) -> float:
    began = perf_counter()
    results = do()
    seconds = perf_counter() - began
    assert sorted(results) == list(range(ITEMS))
    return seconds


def rows_of(name: str, rounds: int = ROUNDS) -> Iterator[Row]:
    with KINDS[name]() as kind:
        for word, ordered in ORDERS.items():
            others, remark = peers.unless_missing(kind.peers[ordered])
            ways = {"ours": partial(kind.ours, ordered=ordered), "bare": partial(kind.bare, ordered=ordered), **others}
            found = interleaved({way: partial(timed, do) for way, do in ways.items()}, rounds, median)
            mine = found.pop("ours")
            told = listed(found, "s", ".2f")
            row = f"{ITEMS} uneven items on 4 {name}, {word} / bare"
            yield Row(row, f"{mine:.2f} s", f"{told} (ideal {IDEAL:.2f})", mine / found["bare"], kind.most, "x", remark)


def rows() -> list[Row]:
    return [row for name in KINDS if peers.installed(name) for row in rows_of(name)]
