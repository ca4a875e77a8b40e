"""`async with mainstage.Run(...)`: what its end waits for, what it raises, and cancellation by asyncio's rules."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage import aio
from mainstage.events import RunEnded, StopRequested, TaskCancelled, TaskEnded, TaskStarted
from mainstage.run.run import current_run

if TYPE_CHECKING:
    from tests.aio.conftest import Events

DEADLINE = 10.0


def test_the_end_of_the_block_waits_for_threads_while_the_loop_goes_on(options: dict[str, Any], events: Events) -> None:
    async def main() -> bool:
        gate = threading.Event()
        asyncio.get_running_loop().call_later(0.02, gate.set)  # a loop that is blocked would never open it
        async with mainstage.Run("Work", **options) as run:
            future = run.submit(gate.wait, DEADLINE)
        return future.result()

    assert asyncio.run(main()) is True
    assert len(events.of(TaskEnded)) == 1
    assert isinstance(events[-1], RunEnded)


def test_futures_of_a_run_are_awaited_as_any(options: dict[str, Any]) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        async with mainstage.Run("Work", **options) as run:
            wrapped = [asyncio.wrap_future(run.submit(pow, n, 2)) for n in range(3)]
            return [*await aio.gather(*wrapped), await loop.run_in_executor(run, pow, 5, 2)]

    assert asyncio.run(main()) == [0, 1, 4, 25]


def test_a_failure_that_nobody_looked_at_is_raised_at_the_end_of_the_block(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options) as run:
            run.submit(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(main())


def test_a_block_left_by_a_call_that_another_failure_cancelled_raises_the_failure(options: dict[str, Any]) -> None:
    begun = threading.Barrier(2)

    def stay() -> None:
        begun.wait(DEADLINE)
        mainstage.current_task().sleep(DEADLINE)

    def fall() -> None:
        begun.wait(DEADLINE)
        raise ValueError("no")

    async def main() -> None:
        async with mainstage.Run("Work", **options | {"max_workers": 2}) as run:
            staying = run.submit(stay)
            run.submit(fall)
            await asyncio.wrap_future(staying)

    with pytest.raises(ValueError, match="no"):
        asyncio.run(main())


def test_an_error_in_the_block_asks_threads_to_stop_and_is_raised(options: dict[str, Any], events: Events) -> None:
    begun = threading.Event()

    def work() -> None:
        begun.set()
        mainstage.current_task().sleep(60)

    async def main() -> None:
        async with mainstage.Run("Work", **options) as run:
            run.submit(work)
            await asyncio.to_thread(begun.wait, DEADLINE)
            raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        asyncio.run(main())
    assert len(events.of(TaskCancelled)) == 1
    assert [event.cause for event in events.of(StopRequested)] == ["LookupError"]


def test_a_cancellation_at_the_end_of_the_block_stops_what_it_waits_for(options: dict[str, Any]) -> None:
    begun = threading.Event()

    def work() -> None:
        begun.set()
        mainstage.current_task().sleep(60)

    async def block() -> None:
        async with mainstage.Run("Work", **options) as run:
            run.submit(work)

    async def main() -> bool:
        task = asyncio.create_task(block())
        await asyncio.to_thread(begun.wait, DEADLINE)
        task.cancel()
        await asyncio.wait([task], timeout=DEADLINE)
        return task.cancelled()

    assert asyncio.run(main()) is True


def test_a_second_cancellation_abandons_what_does_not_stop(options: dict[str, Any]) -> None:
    gate, begun = threading.Event(), threading.Event()

    def stuck() -> None:
        begun.set()
        gate.wait(DEADLINE)

    async def block() -> None:
        async with mainstage.Run("Work", grace=60, **options) as run:
            run.submit(stuck)

    async def main() -> bool:
        task = asyncio.create_task(block())
        await asyncio.to_thread(begun.wait, DEADLINE)
        for _ in range(2):
            task.cancel()
            await asyncio.wait([task], timeout=0.05)
        await asyncio.wait([task], timeout=DEADLINE)
        gate.set()
        return task.cancelled()

    assert asyncio.run(main()) is True


def test_what_was_begun_in_the_block_and_not_awaited_is_waited_for(options: dict[str, Any]) -> None:
    done = []

    async def late() -> None:
        await asyncio.sleep(0.01)
        done.append(current_run())

    async def main() -> None:
        async with mainstage.Run("Work", **options) as run:
            aio.gather(late(), late())
        assert done == [run, run]

    asyncio.run(main())


def test_each_coroutine_begins_things_in_the_run_whose_block_it_stands_in(options: dict[str, Any]) -> None:
    async def block(turn: asyncio.Event, other: asyncio.Event) -> bool:
        async with mainstage.Run("Branch") as run:
            other.set()
            await turn.wait()
            (found,) = await aio.gather(here())
            return found is run

    async def here() -> mainstage.Run | None:
        return current_run()

    async def main() -> Any:
        first, second = asyncio.Event(), asyncio.Event()
        async with mainstage.Run("Work", **options):
            return await asyncio.gather(block(first, second), block(second, first))

    assert asyncio.run(main()) == [True, True]


def test_a_plain_block_in_a_coroutine_does_not_wait_for_what_it_holds_up(options: dict[str, Any]) -> None:
    async def main() -> list[int]:
        with mainstage.Run("Work", **options):
            gathered = aio.gather(*[asyncio.sleep(0, n) for n in range(3)])
        return list(await gathered)

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_run_around_the_event_loop_shows_its_coroutines_too(options: dict[str, Any], events: Events) -> None:
    async def work(n: int) -> int:
        mainstage.current_task().advance(n)
        await asyncio.sleep(0)
        return n

    async def main() -> list[int]:
        return list(await aio.gather(work(1), work(2)))

    with mainstage.Run("Work", **options):
        assert asyncio.run(main()) == [1, 2]
        assert asyncio.run(main()) == [1, 2]
    assert [event.description for event in events.of(TaskStarted)] == ["work(1)", "work(2)"] * 2


def test_a_loop_in_another_thread_takes_part(options: dict[str, Any], events: Events) -> None:
    async def work(n: int) -> int:
        mainstage.current_task().advance(n)
        return n

    async def gathered() -> list[int]:
        return list(await aio.gather(work(1), work(2)))

    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            return await asyncio.to_thread(lambda: asyncio.run(gathered()))

    assert asyncio.run(main()) == [1, 2]
    assert len(events.of(TaskEnded)) == 2
