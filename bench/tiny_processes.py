"""20,000 tasks that do nothing, on two processes, under the dashboard: warm pools, and with the start of the pool."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

import mainstage
from bench.rows import Row, interleaved, listed
from bench.tiny_tasks import TASKS, WORKERS, nothing, on_a_terminal

METHOD = "forkserver"
ROUNDS = 7


def ours(run: mainstage.Run) -> float:
    begun = perf_counter()
    assert len(list(run.map(nothing, range(TASKS)))) == TASKS
    return perf_counter() - begun


def bare(pool: ProcessPoolExecutor, chunksize: int = 1) -> float:
    begun = perf_counter()
    assert len(list(pool.map(nothing, range(TASKS), chunksize=chunksize))) == TASKS
    return perf_counter() - begun


def pool_imap() -> float:
    begun = perf_counter()
    with multiprocessing.get_context(METHOD).Pool(WORKERS) as pool:
        assert len(list(pool.imap(nothing, range(TASKS)))) == TASKS
    return perf_counter() - begun


def joblib_cold() -> float:
    from joblib import Parallel, delayed  # noqa: PLC0415  # a peer
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415  # as above

    begun = perf_counter()
    assert len(Parallel(n_jobs=WORKERS)(delayed(nothing)(n) for n in range(TASKS))) == TASKS
    seconds = perf_counter() - begun
    get_reusable_executor().shutdown(wait=True)
    return seconds


def ours_cold() -> float:
    begun = perf_counter()
    with mainstage.Run(executor="process", max_workers=WORKERS, mp_context=METHOD, view="live") as run:
        assert len(list(run.map(nothing, range(TASKS)))) == TASKS
    return perf_counter() - begun


def rows() -> list[Row]:
    context = multiprocessing.get_context(METHOD)
    cold = {"ours": ours_cold, "joblib": joblib_cold, "Pool.imap": pool_imap}
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool, on_a_terminal():
        bare(pool)
        with mainstage.Run(executor="process", max_workers=WORKERS, mp_context=METHOD, view="live") as run:
            ours(run)
            cases = {"ours": lambda: ours(run), "bare": lambda: bare(pool), "chunks of 500": lambda: bare(pool, 500)}
            warm = interleaved(cases, ROUNDS)
        started = interleaved(cold, 3)
    mine, mine_cold = warm.pop("ours"), started.pop("ours")
    peers = listed({name: seconds / TASKS * 1e6 for name, seconds in warm.items()}, "us", ".1f")
    cold_peers = listed({name: seconds / TASKS * 1e6 for name, seconds in started.items()}, "us", ".1f")
    each, each_cold = f"{mine / TASKS * 1e6:.2f} us", f"{mine_cold / TASKS * 1e6:.2f} us"
    return [
        Row("20,000 tiny tasks on 2 processes / bare pool.map", each, peers, mine / warm["bare"], 0.08),
        Row("the same with the start of the pool / joblib", each_cold, cold_peers, mine_cold / started["joblib"], 1.0),
    ]
