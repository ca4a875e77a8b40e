"""`to_thread` and `run_in_executor`: asyncio's results, a task on the display, and a cancellation that arrives."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage import aio
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskStarted

if TYPE_CHECKING:
    from tests.aio.conftest import Events

DEADLINE = 10.0
word = contextvars.ContextVar[str]("word")


def count(rows: int) -> int:
    return sum(1 for _ in mainstage.track(range(rows)))


def test_a_call_in_a_thread_is_a_task_within_the_coroutines(options: dict[str, Any], events: Events) -> None:
    async def outer() -> int:
        word.set("here")
        assert await aio.to_thread(word.get) == "here"
        return await aio.to_thread(count, 5)

    async def main() -> int:
        async with mainstage.Run("Work", **options), aio.TaskGroup() as group:
            task = group.create_task(outer())
        return task.result()

    assert asyncio.run(main()) == 5
    started = next(event for event in events.of(TaskStarted) if event.description == "count(5)")
    assert started.parent is not None
    assert [event.completed for event in events.of(TaskEnded) if event.task == started.task] == [5]


def test_its_error_is_raised_where_it_is_awaited(options: dict[str, Any], events: Events) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options):
            with pytest.raises(ValueError, match="invalid literal") as caught:
                await aio.to_thread(int, "x")
            assert "mainstage/tasks/outcome" not in str(caught.traceback)

    asyncio.run(main())
    assert [event.input for event in events.of(TaskFailed)] == ["x"]


@pytest.mark.parametrize("how", ["wait", "run"])
def test_a_cancellation_reaches_the_thread(how: str, options: dict[str, Any], events: Events) -> None:
    begun, told = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        try:
            mainstage.current_task().sleep(60)
        except mainstage.Cancelled:
            told.set()
            raise

    async def main() -> None:
        async with mainstage.Run("Work", **options) as run:
            call = asyncio.create_task(aio.to_thread(work))
            await asyncio.to_thread(begun.wait, DEADLINE)
            if how == "wait":
                call.cancel()
            else:
                run.cancel()
            with pytest.raises((asyncio.CancelledError, concurrent.futures.CancelledError)):
                await call

    asyncio.run(main())
    assert told.is_set()
    assert len(events.of(TaskCancelled)) == 1


def test_a_call_that_was_cancelled_before_it_began_never_does(options: dict[str, Any]) -> None:
    gate, ran = threading.Event(), list[int]()

    async def main() -> None:
        async with mainstage.Run("Work", **options):
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                first = asyncio.ensure_future(aio.run_in_executor(pool, gate.wait, DEADLINE))
                second = asyncio.ensure_future(aio.run_in_executor(pool, ran.append, 1))
                await asyncio.sleep(0)
                second.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await second
                gate.set()
                assert await first is True

    asyncio.run(main())
    assert ran == []


def test_calls_in_processes_are_shown_by_name(options: dict[str, Any], events: Events) -> None:
    async def main() -> int:
        async with mainstage.Run("Work", **options):
            with concurrent.futures.ProcessPoolExecutor(1) as pool:
                return await aio.run_in_executor(pool, pow, 2, 5)

    assert asyncio.run(main()) == 32
    assert {event.description for event in events.of(TaskStarted)} <= {"pow(2, 5)"}


def test_without_a_run_the_result_is_the_same() -> None:
    async def main() -> int:
        return await aio.to_thread(count, 3)

    assert asyncio.run(main()) == 3
