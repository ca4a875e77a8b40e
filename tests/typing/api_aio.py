"""What type checkers know of the asyncio side. Checked by mypy and pyright, never run.

An ignored line is one that must be an error: both checkers complain of an ignore that is not needed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, assert_type

import mainstage
from mainstage import aio
from mainstage.aio import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def weigh(name: str, *, scale: float = 1.0) -> float:
    return len(name) * scale


async def names(count: int) -> AsyncIterator[str]:
    for n in range(count):
        yield str(n)


def measure(name: str, times: int = 1) -> int:
    return len(name) * times


@mainstage.stepwise
async def steps(name: str) -> AsyncIterator[object]:
    yield ("total", 1)
    yield ("done", name)


async def groups() -> None:
    async with mainstage.Run("weighing") as run, TaskGroup() as group:
        assert_type(run, mainstage.Run)
        task = group.create_task(weigh("a"), name="a")
        assert_type(task, asyncio.Task[float])
        group.create_task(weigh)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(await aio.gather(weigh("a"), weigh("b")), tuple[float, float])
    for coming in aio.as_completed([weigh("a")]):
        assert_type(await coming, float)


async def mapped() -> None:
    async for weight in aio.map(weigh, ["a", "b"], limit=2):
        assert_type(weight, float)
    assert_type([weight async for weight in aio.map(weigh, names(3), unordered=True, retries=1)], list[float])
    aio.map(weigh, [1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    aio.map(weigh, ["a"], on_error="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    results = aio.map(steps, ["a"])
    assert_type(await anext(results), Any)
    await results.aclose()


async def threads() -> None:
    assert_type(await aio.to_thread(measure, "a", times=2), int)
    assert_type(await aio.run_in_executor(None, measure, "a", 2), int)
    await aio.to_thread(measure, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def workers() -> None:
    async for name in mainstage.track(names(3), "Reading", total=3):
        assert_type(name, str)
    for number in mainstage.track(range(3)):
        assert_type(number, int)
    async with mainstage.Run() as run:
        q = run.queue(total=1)
        await q.put(1)
        q.put(1)
        assert_type(await steps("a"), Any)
