"""`map`: lazy, bounded, in order or not, and each way in which it can end."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
import mainstage.futures
from mainstage import aio
from mainstage.events import (
    ItemsEnded,
    SourceClosed,
    SourceOpened,
    TaskCancelled,
    TaskEnded,
    TaskFailed,
    TaskRetried,
    TaskStarted,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from tests.aio.conftest import Events


async def double(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


async def invert(n: int) -> float:
    await asyncio.sleep(0)
    return 1 / n


async def numbers(count: int) -> AsyncIterator[int]:
    for n in range(count):
        await asyncio.sleep(0)
        yield n


class Gates:
    """Coroutines that end when they are let."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.cancelled: list[int] = []
        self._gates: dict[int, asyncio.Event] = {}

    async def work(self, n: int) -> int:
        self.begun.append(n)
        try:
            await self._gates.setdefault(n, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(n)
            raise
        self.ended.append(n)
        return n

    def open(self, *which: int) -> None:
        for n in which:
            self._gates.setdefault(n, asyncio.Event()).set()


async def settle() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_results_come_in_the_order_of_the_input(options: dict[str, Any], events: Events) -> None:
    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            return [n async for n in aio.map(double, range(500), limit=7)]

    assert asyncio.run(main()) == [2 * n for n in range(500)]
    (opened,), (closed,) = events.of(SourceOpened), events.of(SourceClosed)
    assert (opened.total, closed.handed) == (500, 500)
    short = sum(len(event.items) + event.more for event in events.of(ItemsEnded))
    assert short + len(events.of(TaskEnded)) == 500  # on a busy machine some are long
    assert {event.source for event in events.of(ItemsEnded)} == {opened.source}


def test_an_async_input_of_unknown_length_serves_as_well(options: dict[str, Any], events: Events) -> None:
    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            return [n async for n in aio.map(double, numbers(30), limit=4)]

    assert asyncio.run(main()) == [2 * n for n in range(30)]
    assert events.of(SourceOpened)[0].total is None


class Cursor:
    """Can be iterated, and does not know how long it is."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        return iter([1, 2, 3])


def test_an_input_whose_len_raises_is_one_of_unknown_length(options: dict[str, Any]) -> None:
    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            return [n async for n in aio.map(double, Cursor())]

    assert asyncio.run(main()) == [2, 4, 6]


def test_unordered_results_come_as_they_are_done(options: dict[str, Any]) -> None:
    async def main() -> list[int]:
        gates = Gates()
        async with mainstage.Run("Work", **options):
            found = []
            results = aio.map(gates.work, range(3), unordered=True)
            for n in (2, 0, 1):
                gates.open(n)
                found.append(await anext(results))
            return found

    assert asyncio.run(main()) == [2, 0, 1]


def test_no_more_than_the_limit_are_under_way(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        async with mainstage.Run("Work", **options):
            results = aio.map(gates.work, range(10), limit=3)
            first = asyncio.ensure_future(anext(results))
            await settle()
            assert gates.begun == [0, 1, 2]
            gates.open(1)
            await settle()
            assert gates.begun == [0, 1, 2, 3]
            gates.open(*range(10))
            assert [await first, *[n async for n in results]] == list(range(10))

    asyncio.run(main())


def test_the_input_is_pulled_no_further_than_twice_the_limit_ahead(options: dict[str, Any]) -> None:
    pulled = []

    def endless() -> Iterator[int]:
        n = 0
        while True:
            pulled.append(n)
            yield n
            n += 1

    async def main() -> None:
        async with mainstage.Run("Work", **options), aclosing(aio.map(double, endless(), limit=5)) as results:
            assert pulled == []
            assert await anext(results) == 0
            await settle()
            assert pulled == list(range(11))

    asyncio.run(main())


def test_who_waits_for_a_long_item_has_what_stands_behind_it_begun(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        async with mainstage.Run("Work", **options), aclosing(aio.map(gates.work, range(20), limit=2)) as results:
            first = asyncio.ensure_future(anext(results))
            await settle()
            for n in range(1, 9):
                gates.open(n)
                await settle()
            assert gates.begun == list(range(10))
            gates.open(0)
            assert await first == 0

    asyncio.run(main())


def test_who_takes_slowly_has_nothing_begun_beyond_twice_the_limit(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        async with mainstage.Run("Work", **options), aclosing(aio.map(gates.work, range(20), limit=2)) as results:
            gates.open(0, *range(2, 20))
            assert await anext(results) == 0
            await settle()
            assert len(gates.begun) == 5
            gates.open(1)

    asyncio.run(main())


def test_the_first_failure_cancels_the_rest_and_is_raised_with_its_input(
    options: dict[str, Any], events: Events
) -> None:
    async def main() -> None:
        gates = Gates()

        async def work(n: int) -> int:
            if n == 2:
                raise LookupError("no two")
            return await gates.work(n)

        async with mainstage.Run("Work", **options):
            gates.open(0)
            results = aio.map(work, range(100), limit=4)
            assert await anext(results) == 0
            with pytest.raises(LookupError, match="no two") as caught:
                await anext(results)
        assert caught.value.__notes__ == ["while working on input 2 (attempt 1)"]
        assert set(gates.cancelled) == set(gates.begun) - {0}

    asyncio.run(main())
    assert len(events.of(TaskFailed)) == 1
    assert events.of(TaskCancelled)


def test_collect_yields_errors_in_their_place_and_skip_leaves_them_out(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", on_error="collect", **options):
            found: list[Any] = [n async for n in aio.map(invert, [1, 0, 2])]
            assert [found[0], found[2]] == [1.0, 0.5]
            assert isinstance(found[1], ZeroDivisionError)
            assert [n async for n in aio.map(invert, [1, 0, 2], on_error="skip")] == [1.0, 0.5]

    asyncio.run(main())


def test_what_the_input_raises_comes_after_the_results_before_it(options: dict[str, Any]) -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise OSError("torn")

    async def main() -> list[int]:
        found: list[int] = []
        async with mainstage.Run("Work", **options):
            results = aio.map(double, broken())
            found += [await anext(results), await anext(results)]
            with pytest.raises(OSError, match="torn"):
                await anext(results)
        return found

    assert asyncio.run(main()) == [2, 4]


def test_a_retried_item_is_shown_as_one_task_of_several_attempts(
    options: dict[str, Any], events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mainstage.aio.map_run.delay_before", lambda _: 0.0)
    tries: list[int] = []

    async def work(n: int) -> int:
        with mainstage.task("part"):
            tries.append(n)
        if len(tries) < 3:
            raise ConnectionError("not yet")
        return n

    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            return [n async for n in aio.map(work, [5], retries=2)]

    assert asyncio.run(main()) == [5]
    starts = [event for event in events.of(TaskStarted) if event.parent is None]
    assert [event.attempt for event in starts] == [1, 2, 3]
    assert [event.attempt for event in events.of(TaskRetried)] == [1, 2]
    assert [event.attempt for event in events.of(TaskEnded) if event.task == starts[0].task] == [3]


def test_an_item_over_its_timeout_is_cancelled_and_fails(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        async with mainstage.Run("Work", on_error="collect", **options):
            found: list[Any] = [n async for n in aio.map(gates.work, [1], timeout=0.02)]
        assert isinstance(found[0], mainstage.TaskTimeout)
        assert gates.cancelled == [1]

    asyncio.run(main())


def test_leaving_the_loop_early_cancels_what_is_under_way(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        gates.open(0)
        async with mainstage.Run("Work", **options):
            async with aclosing(aio.map(gates.work, range(100), limit=3)) as results:
                async for _ in results:
                    break
            assert set(gates.cancelled) == set(gates.begun) - {0}

    asyncio.run(main())


def test_dropping_the_iterator_cancels_what_is_under_way(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        gates.open(0)
        async with mainstage.Run("Work", **options):
            async for _ in aio.map(gates.work, range(100), limit=3):
                break
            gc.collect()
            await settle()
            assert set(gates.cancelled) == set(gates.begun) - {0}

    asyncio.run(main())


def test_a_block_ends_although_somebody_still_holds_the_iterator(options: dict[str, Any]) -> None:
    async def main() -> None:
        results = aio.map(double, numbers(10**9), limit=3)
        async with mainstage.Run("Work", **options):
            assert await anext(results) == 0

    asyncio.run(main())


def test_cancelling_who_waits_cancels_the_items_first(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()

        async def consume() -> list[int]:
            return [n async for n in aio.map(gates.work, range(5), limit=2)]

        async with mainstage.Run("Work", **options):
            consumer = asyncio.create_task(consume())
            await settle()
            consumer.cancel()
            with pytest.raises(asyncio.CancelledError):
                await consumer
            assert gates.cancelled == gates.begun == [0, 1]

    asyncio.run(main())


def test_cancelling_an_item_by_itself_is_its_outcome(options: dict[str, Any]) -> None:
    async def quits(n: int) -> int:
        if n == 1:
            asyncio.current_task().cancel()  # type: ignore[union-attr]  # this is a task
            await asyncio.sleep(0)
        return n

    async def main() -> list[Any]:
        async with mainstage.Run("Work", on_error="collect", **options):
            return [n async for n in aio.map(quits, range(3))]

    zero, one, two = asyncio.run(main())
    assert (zero, two) == (0, 2)
    assert isinstance(one, asyncio.CancelledError)


def test_cancelling_the_run_ends_its_maps(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        async with mainstage.Run("Work", on_error="skip", **options) as run:
            results = aio.map(gates.work, range(100), limit=3)
            waiting = asyncio.ensure_future(anext(results, "over"))
            await settle()
            run.cancel()
            assert await waiting == "over"
        assert gates.cancelled == gates.begun == [0, 1, 2]

    asyncio.run(main())


# --- the default of on_error: "raise", but for what the program's own run says ---


async def fail_at_one(n: int) -> int:
    await asyncio.sleep(0)
    if n == 1:
        raise ValueError(n)
    return n


async def part(_name: str = "") -> list[int]:
    return [value async for value in aio.map(fail_at_one, range(3))]


async def within_a_gather() -> None:
    await aio.gather(part(), double(1))


async def within_a_group() -> None:
    async with aio.TaskGroup() as group:
        group.create_task(part())


async def within_a_map() -> None:
    async for _ in aio.map(part, ["a", "b"]):
        pass


async def after_a_break() -> None:
    async for _ in aio.map(double, range(100)):
        break
    await part()


async def beside_a_pool() -> None:
    gate = threading.Event()
    with mainstage.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait)
        try:
            await part()
        finally:
            gate.set()


async def in_the_loop_over_a_map_that_collects() -> None:
    for _ in mainstage.map(str, range(3), on_error="collect"):
        await part()


IMPLICIT = (
    within_a_gather,
    within_a_group,
    within_a_map,
    after_a_break,
    beside_a_pool,
    in_the_loop_over_a_map_that_collects,
)


@pytest.mark.parametrize("main", IMPLICIT)
def test_a_run_that_the_program_has_not_entered_changes_no_default(main: Callable[[], Awaitable[None]]) -> None:
    async def raised() -> BaseException:
        try:
            await main()
        except (ValueError, ExceptionGroup) as error:
            return error
        pytest.fail("an item's exception was handed out as a value")

    error = asyncio.run(raised())
    if isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("main", [part, within_a_gather, beside_a_pool])
def test_the_word_of_a_run_that_the_program_has_entered_holds_in_all_that_is_within_it(
    options: dict[str, Any], main: Callable[[], Awaitable[None]]
) -> None:
    async def collecting() -> None:
        async with mainstage.Run("Work", on_error="collect", **options):
            await main()

    asyncio.run(collecting())


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        aio.map(double, [1], limit=0)


def test_two_who_wait_for_one_map_are_told(options: dict[str, Any]) -> None:
    async def main() -> None:
        gates = Gates()
        async with mainstage.Run("Work", **options):
            results = aio.map(gates.work, range(2))
            first = asyncio.ensure_future(anext(results))
            await settle()
            with pytest.raises(RuntimeError, match="another task waits"):
                await anext(results)
            gates.open(0, 1)
            assert await first == 0

    asyncio.run(main())


def test_an_async_generator_is_a_stepwise_worker(options: dict[str, Any], events: Events) -> None:
    closed = []

    @mainstage.stepwise
    async def squared(n: int) -> AsyncIterator[object]:
        try:
            yield ("total", n)
            for _ in range(n):
                await asyncio.sleep(0)
                yield 1
            if n == 3:
                yield ("error", LookupError("no three"))
            yield ("done", n * n)
        finally:
            closed.append(n)

    async def main() -> list[Any]:
        async with mainstage.Run("Work", on_error="collect", **options):
            return [n async for n in aio.map(squared, range(1, 5))]

    one, two, three, four = asyncio.run(main())
    assert (one, two, str(three), four) == (1, 4, "no three", 16)
    assert sorted(closed) == [1, 2, 3, 4]
    assert sorted(event.completed for event in events.of(TaskEnded)) == [1, 2, 4]
    assert [event.completed for event in events.of(TaskFailed)] == [3]
