"""10,000 coroutines of `sleep(0.01)`, each with a nested task, one in a hundred failing, 500 at a time, under the
dashboard; beside the bare gather under a semaphore of 500, and tqdm's."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tqdm.asyncio import tqdm_asyncio

import mainstage
from bench.rows import Row, interleaved, listed, median
from bench.tiny_tasks import on_a_terminal
from mainstage import aio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

COROUTINES = 10_000
MANY = 50_000
LIMIT = 500
PAUSE = 0.01
ROUNDS = 5
TICK = 0.01
FRAME = 0.1


async def within_a_task(n: int) -> int:
    with mainstage.task("part"):
        await asyncio.sleep(PAUSE)
    if n % 100 == 0:
        raise ValueError(n)
    return n


async def within_a_coroutine(n: int) -> int:
    return await asyncio.create_task(within_a_task(n))


async def gathered(work: Any, number: int, gather: Callable[..., Awaitable[list[Any]]]) -> list[Any]:
    semaphore = asyncio.Semaphore(LIMIT)

    async def one(n: int) -> Any:
        async with semaphore:
            try:
                return await work(n)
            except ValueError as error:
                return error

    return await gather(*[one(n) for n in range(number)])


async def bare(work: Any, number: int) -> list[Any]:
    return await gathered(work, number, asyncio.gather)


async def with_tqdm(work: Any, number: int) -> list[Any]:
    async def gather(*coroutines: Any) -> list[Any]:
        found: list[Any] = await tqdm_asyncio.gather(*coroutines, file=sys.stderr)
        return found

    return await gathered(work, number, gather)


async def ours(work: Any, number: int) -> list[Any]:
    async with mainstage.Run("Coroutines", view="live", on_error="collect"):
        return [result async for result in aio.map(work, range(number), limit=LIMIT)]


def timed(how: Any, work: Any = within_a_task, number: int = COROUTINES) -> float:
    begun = perf_counter()
    results = asyncio.run(how(work, number))
    seconds = perf_counter() - begun
    assert sum(isinstance(result, ValueError) for result in results) == number // 100
    assert len(results) == number
    return seconds


def lateness(how: Any) -> float:
    """Return by how much the slowest but one in a hundred ticks of 10 ms is late, in seconds."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = perf_counter() + TICK
            await asyncio.sleep(TICK)
            late.append(perf_counter() - due)

    async def main() -> None:
        ticker = asyncio.create_task(tick())
        await how(within_a_task, MANY)
        ticker.cancel()
        with suppress(asyncio.CancelledError):
            await ticker

    asyncio.run(main())
    late.sort()
    return late[int(len(late) * 0.99)]


def rows() -> list[Row]:
    with on_a_terminal():
        found = interleaved(
            {
                "ours": lambda: timed(ours),
                "bare gather": lambda: timed(bare),
                "tqdm.asyncio": lambda: timed(with_tqdm),
                "ours, coroutines nested": lambda: timed(ours, within_a_coroutine),
                "gather, coroutines nested": lambda: timed(bare, within_a_coroutine),
            },
            ROUNDS,
        )
        late = interleaved(
            {
                "ours": lambda: lateness(ours),
                "bare gather": lambda: lateness(bare),
                "tqdm.asyncio": lambda: lateness(with_tqdm),
            },
            5,
            median,
        )
    mine, nested, theirs = (
        found.pop(name) for name in ("ours", "ours, coroutines nested", "gather, coroutines nested")
    )
    slow = late.pop("ours")
    peers = listed(found, "s", ".2f")
    return [
        Row("10,000 coroutines, 500 at a time / bare gather", f"{mine:.2f} s", peers, mine / found["bare gather"], 1.2),
        Row(
            "the same, a coroutine within each", f"{nested:.2f} s", f"bare gather {theirs:.2f} s", nested / theirs, 1.2
        ),
        Row(
            "lateness of a 10 ms tick (p99), 50,000 coroutines",
            f"{slow * 1e3:.0f} ms",
            listed({name: seconds * 1e3 for name, seconds in late.items()}, "ms", ".0f"),
            slow / FRAME,
            1.0,
            remark="in frames of 0.1 s",
        ),
        Row(
            "the same / bare gather",
            f"{slow * 1e3:.0f} ms",
            f"bare gather {late['bare gather'] * 1e3:.0f} ms",
            slow / late["bare gather"],
            2.0,
        ),
    ]
