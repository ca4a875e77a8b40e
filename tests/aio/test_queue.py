"""The raw queue in coroutines: `await q.put(1)`, one sender a task, the same ends."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import mainstage
from mainstage import QueueError, aio
from mainstage.tasks.queue.async_queue import AsyncQueue


async def worker(q: Any, times: int, error: BaseException | None = None) -> None:
    for _ in range(times):
        await q.put(1)
        await asyncio.sleep(0)
    if error is not None:
        raise error
    await q.put(None)


def test_the_recipes_workers_run_with_an_awaited_put(options: dict[str, Any]) -> None:
    async def main() -> float:
        async with mainstage.Run("Work", **options) as run:
            q = run.queue(total=40)
            await aio.gather(*[worker(q, 10) for _ in range(4)])
        assert q.error() is None
        return q.completed

    assert asyncio.run(main()) == 40


def test_each_task_is_a_sender_with_a_sentinel_of_its_own(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options) as run:
            q = run.queue()
            await asyncio.create_task(worker(q, 1))
            first, second = asyncio.create_task(worker(q, 3)), asyncio.create_task(worker(q, 6))
            await first
            assert q.roster.count() == 1
            await second
            assert q.roster.count() == 0

    asyncio.run(main())


def test_a_worker_that_raises_before_its_sentinel_fails_the_queue(options: dict[str, Any]) -> None:
    async def main() -> BaseException | None:
        async with mainstage.Run("Work", on_error="collect", **options) as run:
            q = run.queue(total=100)
            await aio.gather(worker(q, 10, LookupError("early")), worker(q, 10), return_exceptions=True)
        return q.error()

    error = asyncio.run(main())
    assert isinstance(error, LookupError)


def test_a_worker_that_ends_too_early_fails_the_queue(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options) as run:
            q = run.queue(total=100)
            await aio.gather(worker(q, 10))

    with pytest.raises(QueueError, match="10 of 100"):
        asyncio.run(main())


def test_a_consumer_awaits_messages_of_coroutines_and_threads(options: dict[str, Any]) -> None:
    async def main() -> list[Any]:
        async with mainstage.Run("Work", **options) as run:
            q = run.queue(total=4)
            assert isinstance(q, AsyncQueue)
            with pytest.raises(asyncio.QueueEmpty):
                q.get_nowait()
            consumer = asyncio.create_task(take(q, 4))
            await asyncio.sleep(0)
            await q.put(1)
            threading.Thread(target=q.put, args=(2,)).start()
            q.put_nowait(1)
            return await consumer

    async def take(q: Any, times: int) -> list[Any]:
        return [await q.get() for _ in range(times - 1)]

    assert sorted(asyncio.run(main())) == [1, 1, 2]


def test_a_get_that_would_wait_for_ever_raises(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", on_error="collect", **options) as run:
            q: Any = run.queue(total=1)
            await asyncio.create_task(worker(q, 1))
            assert [await q.get(), await q.get()] == [1, None]
            with pytest.raises(QueueError, match="nothing more comes"):
                await q.get()

    asyncio.run(main())


def test_a_get_with_a_deadline_gives_up(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", on_error="collect", **options) as run:
            q: Any = run.queue(total=1)
            with pytest.raises(TimeoutError):
                await q.get(timeout=0.01)
            await q.put(1)
            await q.join()

    asyncio.run(main())


def test_outside_of_coroutines_the_queue_is_the_plain_one() -> None:
    with mainstage.Run("Work", view="silent") as run:
        q = run.queue(total=1)
        assert not isinstance(q, AsyncQueue)
        q.put(1)
