"""What a call costs, at n and at 4n, beside the standard library: processors' time, silent view, interleaved rounds.

A row for what 4n cost beside the same in the standard library, and one for how much more that is than n.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import subprocess
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from time import process_time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import mainstage
import mainstage.futures
from bench import peers
from bench.first_result import KINDS
from bench.rows import Row, interleaved, listed, median
from mainstage import aio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor, Future
    from typing import TypeAlias

    Open: TypeAlias = Callable[[], Any]
    Wait: TypeAlias = Callable[[Any], Callable[..., Any]]

WORKERS = 2
ROUNDS = 5
WINDOW = 100
GROWTH = 4.3
"""What 4n may cost, in what n costs; or as much as in the standard library, where the collector makes that more."""


@contextmanager
def unseen() -> Iterator[None]:
    """Have runs that a program does not open itself draw nothing."""
    before = os.environ.get("MAINSTAGE_VIEW")
    os.environ["MAINSTAGE_VIEW"] = "silent"
    try:
        yield
    finally:
        del os.environ["MAINSTAGE_VIEW"]
        if before is not None:
            os.environ["MAINSTAGE_VIEW"] = before


def nothing(n: int) -> int:
    return n


def fail(n: int) -> int:
    raise ValueError(n)


def in_a_run() -> mainstage.Run:
    return mainstage.Run("bench", max_workers=WORKERS, view="silent", on_error="collect")


def drop_in() -> Executor:
    return mainstage.futures.ThreadPoolExecutor(WORKERS)


def standard() -> Executor:
    return ThreadPoolExecutor(WORKERS)


def submitted(make: Open, n: int) -> None:
    with make() as pool:
        futures = [pool.submit(nothing, number) for number in range(n)]
        assert [future.result() for future in futures] == list(range(n))


def completed(make: Open, as_completed: Wait, n: int) -> None:
    with make() as pool:
        futures = [pool.submit(nothing, number) for number in range(n)]
        assert sum(future.result() for future in as_completed(pool)(futures)) == n * (n - 1) // 2


def windowed(make: Open, wait: Wait, n: int) -> None:
    """Keep `WINDOW` futures under way: whenever some are done, as many follow."""
    taken, numbers = 0, iter(range(n))
    with make() as pool:
        under_way = {pool.submit(nothing, number) for number in islice(numbers, WINDOW)}
        while under_way:
            done, under_way = wait(pool)(under_way, return_when=FIRST_COMPLETED)
            taken += sum(future.result() >= 0 for future in done)
            under_way |= {pool.submit(nothing, number) for number in islice(numbers, len(done))}
    assert taken == n


def cancelled(make: Open, n: int) -> None:
    """Cancel calls that wait behind those that hold the workers."""
    release = threading.Event()
    with make() as pool:
        for _ in range(WORKERS):
            pool.submit(release.wait)
        futures: list[Future[int]] = [pool.submit(nothing, number) for number in range(n)]
        assert sum(future.cancel() for future in futures) == n
        release.set()


def failed(make: Open, n: int) -> None:
    with make() as pool:
        futures = [pool.submit(fail, number) for number in range(n)]
        assert sum(isinstance(future.exception(), ValueError) for future in futures) == n


async def coroutine(n: int) -> int:
    await asyncio.sleep(0)
    return n


def gathered(n: int) -> None:
    async def main() -> None:
        async with mainstage.Run("bench", view="silent"):
            assert len(await aio.gather(*[coroutine(number) for number in range(n)])) == n

    asyncio.run(main())


def gathered_bare(n: int) -> None:
    async def main() -> None:
        assert len(await asyncio.gather(*[coroutine(number) for number in range(n)])) == n

    asyncio.run(main())


class Line(NamedTuple):
    """One line: `ours` of n, beside the `bare` one; it may cost `most` times as much."""

    name: str
    n: int
    ours: Callable[[int], None]
    bare: Callable[[int], None]
    most: float
    peers: Mapping[str, Callable[[int], object]] = MappingProxyType({})


def of_run(name: str) -> Wait:
    return lambda pool: getattr(pool, name)


def of_module(module: Any, name: str) -> Wait:
    return lambda _: getattr(module, name)


AS_COMPLETED = of_module(concurrent.futures, "as_completed")
WAIT = of_module(concurrent.futures, "wait")

LINES = [
    Line(
        "submit and result()",
        20_000,
        lambda n: submitted(in_a_run, n),
        lambda n: submitted(standard, n),
        1.5,
        {
            "joblib": lambda n: peers.joblib_threads(nothing, range(n), WORKERS),
            "ThreadPool.apply_async": lambda n: peers.apply_async(nothing, range(n), WORKERS),
            "pebble": lambda n: peers.pebble_threads(nothing, range(n), WORKERS),
        },
    ),
    Line(
        "drop-in pool: submit and result()",
        20_000,
        lambda n: submitted(drop_in, n),
        lambda n: submitted(standard, n),
        1.5,
    ),
    Line(
        "run.as_completed",
        20_000,
        lambda n: completed(in_a_run, of_run("as_completed"), n),
        lambda n: completed(standard, AS_COMPLETED, n),
        1.5,
    ),
    Line(
        "drop-in as_completed",
        20_000,
        lambda n: completed(drop_in, of_module(mainstage.futures, "as_completed"), n),
        lambda n: completed(standard, AS_COMPLETED, n),
        1.5,
    ),
    Line(
        "a window of 100, wait(FIRST_COMPLETED)",
        10_000,
        lambda n: windowed(in_a_run, of_run("wait"), n),
        lambda n: windowed(standard, WAIT, n),
        2.0,
    ),
    Line(
        "cancel calls that wait",
        20_000,
        lambda n: cancelled(in_a_run, n),
        lambda n: cancelled(standard, n),
        1.5,
    ),
    Line("calls that fail", 10_000, lambda n: failed(in_a_run, n), lambda n: failed(standard, n), 2.0),
    Line("aio.gather", 20_000, gathered, gathered_bare, 1.3),
]


def rows_of(line: Line, rounds: int = ROUNDS) -> list[Row]:
    few, many = line.n // 4, line.n
    others, remark = peers.unless_missing(line.peers)
    cases = {
        "ours few": lambda: cpu(line.ours, few),
        "few": lambda: cpu(line.bare, few),
        "ours": lambda: cpu(line.ours, many),
        "standard": lambda: cpu(line.bare, many),
    }
    found = interleaved(cases, rounds, median)
    told = {"standard": found["standard"]} | interleaved(
        {name: partial(cpu, work, many) for name, work in others.items()}, 1
    )
    each = {name: seconds / many * 1e6 for name, seconds in told.items()}
    return [
        Row(
            f"{many:,}: {line.name} / standard",
            f"{found['ours'] / many * 1e6:.1f} us",
            listed(each, "us", ".1f"),
            found["ours"] / found["standard"],
            line.most,
            remark=remark,
        ),
        Row(
            f"the same, beside {few:,}",
            f"{found['ours few'] / few * 1e6:.1f} us",
            f"standard {found['standard'] / found['few']:.2f}x",
            found["ours"] / found["ours few"],
            max(GROWTH, found["standard"] / found["few"]),
        ),
    ]


def cpu(work: Callable[[int], object], n: int) -> float:
    began = process_time()
    work(n)
    return process_time() - began


# --- the first result of a process pool ---

METHODS = ("fork", "forkserver", "spawn")
FIRST = 1.1


def first_result(kind: str, method: str) -> float:
    """Return the seconds to the first result, in a program of its own."""
    command = [sys.executable, "-m", "bench.first_result", kind, method]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # ours has it too
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=env)
    return float(done.stdout)


def start_rows(rounds: int = 7) -> list[Row]:
    """Give, by start method, how soon a process pool gives its first result."""
    rows = []
    for method in METHODS:
        cases = {kind: partial(first_result, kind, method) for kind in KINDS if peers.installed(kind)}
        interleaved(cases, 1)  # compiled, and in the page cache
        found = interleaved(cases, rounds, median)
        mine = found.pop("ours")
        each = listed({name: seconds * 1e3 for name, seconds in found.items()}, "ms", ".0f")
        name = f"a process pool's first result, {method} / standard"
        rows.append(Row(name, f"{mine * 1e3:.0f} ms", each, mine / found["standard"], FIRST))
    return rows


def rows() -> list[Row]:
    with unseen():
        found = [row for line in LINES for row in rows_of(line)]
    return found + start_rows()
