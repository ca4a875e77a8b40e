"""20,000 tasks that do nothing, on two threads, each start and end reported, under the dashboard; and bare pools."""

from __future__ import annotations

import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.pool import ThreadPool
from time import perf_counter
from typing import TYPE_CHECKING

from tqdm import tqdm

import mainstage
from bench.rows import Row, interleaved, listed, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TASKS = 20_000
MANY = 200_000
ROUNDS = 5
WORKERS = 2


def nothing(n: int) -> int:
    return n


def timed(work: Callable[[], list[int]], tasks: int = TASKS) -> float:
    begun = perf_counter()
    results = work()
    seconds = perf_counter() - begun
    assert len(results) == tasks
    return seconds


@contextlib.contextmanager
def on_a_terminal() -> Iterator[None]:
    """Have stderr be a terminal, which is what a display looks for."""
    before, kept = sys.stderr, dict(os.environ)
    os.environ["TERM"] = "xterm-256color"
    for name in ("CI", "GITHUB_ACTIONS", "ACCESSIBLE", "MAINSTAGE_VIEW"):
        os.environ.pop(name, None)
    with terminal() as fd, os.fdopen(os.dup(fd), "w") as stream:
        sys.stderr = stream
        try:
            yield
        finally:
            sys.stderr = before
            os.environ.clear()
            os.environ.update(kept)


def ours(tasks: int = TASKS) -> list[int]:
    return list(mainstage.map(nothing, range(tasks), max_workers=WORKERS, view="live"))


def bare() -> list[int]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(nothing, range(TASKS)))


def thread_pool() -> list[int]:
    with ThreadPool(WORKERS) as pool:
        return list(pool.imap(nothing, range(TASKS)))


def with_tqdm() -> list[int]:
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(nothing, n) for n in range(TASKS)]
        return [future.result() for future in tqdm(as_completed(futures), total=TASKS, file=sys.stderr)]


def rows() -> list[Row]:
    with on_a_terminal():
        found = interleaved(
            {
                "ours": lambda: timed(ours),
                "bare pool.map": lambda: timed(bare),
                "ThreadPool.imap": lambda: timed(thread_pool),
                "tqdm(as_completed)": lambda: timed(with_tqdm),
                "many": lambda: timed(lambda: ours(MANY), MANY) * TASKS / MANY,
            },
            ROUNDS,
        )
    mine, many = found.pop("ours"), found.pop("many")
    each = {name: seconds / TASKS * 1e6 for name, seconds in found.items()}
    peers = listed(each, "us", ".1f")
    pool = found["bare pool.map"]
    return [
        Row("20,000 tiny tasks / bare pool.map", f"{mine / TASKS * 1e6:.2f} us", peers, mine / pool, 0.15),
        Row("the same, a task of 200,000 (frames drawn)", f"{many / TASKS * 1e6:.2f} us", peers, many / pool, None),
    ]
