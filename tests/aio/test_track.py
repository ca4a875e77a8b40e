"""`track` over async iterators: counted as any loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage import aio
from mainstage.events import TaskEnded, TaskStarted
from mainstage.run.run import current_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from tests.aio.conftest import Events


async def rows(count: int, *, error: BaseException | None = None) -> AsyncIterator[int]:
    for n in range(count):
        await asyncio.sleep(0)
        yield n
    if error is not None:
        raise error


def ends(events: Events) -> list[tuple[str, float]]:
    names = {event.task: event.description for event in events.of(TaskStarted)}
    return [(names[event.task], event.completed) for event in events.of(TaskEnded)]


def test_a_loop_with_a_description_is_a_task_of_its_own(options: dict[str, Any], events: Events) -> None:
    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            return [n async for n in mainstage.track(rows(5), "Reading", total=5, unit="rows")]

    assert asyncio.run(main()) == list(range(5))
    assert ends(events) == [("Reading", 5)]
    assert [(event.total, event.unit) for event in events.of(TaskStarted)] == [(5, "rows")]


def test_in_a_worker_the_first_loop_drives_its_task_and_a_second_is_nested(
    options: dict[str, Any], events: Events
) -> None:
    async def work(n: int) -> None:
        async for _ in mainstage.track(rows(n)):
            async for _ in mainstage.track(rows(2)):
                pass

    async def main() -> None:
        async with mainstage.Run("Work", **options):
            async for _ in aio.map(work, [3]):
                pass

    asyncio.run(main())
    assert ends(events) == [("track", 2)] * 3 + [("work(3)", 3)]


def test_the_item_that_a_break_leaves_is_not_counted(options: dict[str, Any], events: Events) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options):
            async for n in mainstage.track(rows(100), "Reading"):
                if n == 7:
                    break

    asyncio.run(main())
    assert ends(events) == [("Reading", 7)]


def test_an_error_of_the_source_leaves_the_loop_before_its_end(options: dict[str, Any], events: Events) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options):
            with pytest.raises(OSError, match="torn"):
                _ = [n async for n in mainstage.track(rows(3, error=OSError("torn")), "Reading")]

    asyncio.run(main())
    assert [(event.left, event.completed) for event in events.of(TaskEnded)] == [(True, 3)]


def test_a_cancelled_loop_is_left_before_its_end(options: dict[str, Any], events: Events) -> None:
    async def endless() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60)

    async def count(items: AsyncIterable[int]) -> int:
        return len([n async for n in items])

    async def main() -> None:
        async with mainstage.Run("Work", **options):
            waiting = asyncio.create_task(count(mainstage.track(endless(), "Waiting")))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(waiting, 0.01)

    asyncio.run(main())
    assert [(event.left, event.completed) for event in events.of(TaskEnded)] == [(True, 1)]


def test_without_a_run_it_opens_one_for_as_long_as_it_lasts() -> None:
    async def main() -> tuple[list[bool], bool]:
        inside = [current_run() is not None async for _ in mainstage.track(rows(3), "Reading")]
        async for _ in mainstage.track(rows(3), "Reading"):
            break
        return inside, current_run() is not None

    assert asyncio.run(main()) == ([True] * 3, False)


def test_each_loop_over_it_is_counted_anew(options: dict[str, Any], events: Events) -> None:
    class Twice:
        def __aiter__(self) -> AsyncIterator[int]:
            return rows(2)

    async def main() -> None:
        async with mainstage.Run("Work", **options):
            tracked = mainstage.track(Twice(), "Reading")
            assert [n async for n in tracked] == [n async for n in tracked] == [0, 1]

    asyncio.run(main())
    assert ends(events) == [("Reading", 2), ("Reading", 2)]
