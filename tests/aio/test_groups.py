"""`TaskGroup`, `gather` and `as_completed`: asyncio's results, and a task on the display for each coroutine."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage import aio
from mainstage.aio.gather import MANY
from mainstage.events import ItemsEnded, SourceClosed, SourceOpened, TaskCancelled, TaskEnded, TaskFailed, TaskStarted
from mainstage.run.run import current_run
from mainstage.ui import setup

if TYPE_CHECKING:
    from tests.aio.conftest import Events


async def double(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


async def fail(n: int) -> int:
    await asyncio.sleep(0)
    raise ValueError(f"no {n}")


async def reports(rows: int) -> str:
    for _ in mainstage.track(range(rows)):
        await asyncio.sleep(0)
    return mainstage.current_task().description


def ended(events: Events) -> int:
    short = sum(len(event.items) + event.more for event in events.of(ItemsEnded))
    return int(short) + len(events.of(TaskEnded))


def test_a_group_gives_what_asyncios_gives_and_each_task_is_counted(options: dict[str, Any], events: Events) -> None:
    async def main() -> list[int]:
        async with mainstage.Run("Work", **options), aio.TaskGroup() as group:
            tasks = [group.create_task(double(n)) for n in range(50)]
        assert isinstance(group, asyncio.TaskGroup)
        return [task.result() for task in tasks]

    assert asyncio.run(main()) == [2 * n for n in range(50)]
    assert ended(events) == 50
    assert not events.of(TaskFailed)


def test_a_task_is_called_by_its_name_or_by_its_call(options: dict[str, Any], events: Events) -> None:
    async def main() -> list[str]:
        async with mainstage.Run("Work", **options), aio.TaskGroup() as group:
            tasks = [group.create_task(reports(2)), group.create_task(reports(3), name="the third")]
        assert tasks[1].get_name() == "the third"
        return [task.result() for task in tasks]

    assert asyncio.run(main()) == ["reports(2)", "the third"]
    assert [event.description for event in events.of(TaskStarted)] == ["reports(2)", "the third"]
    assert sorted(event.completed for event in events.of(TaskEnded)) == [2, 3]


def test_a_failed_task_is_shown_with_its_call_and_cancels_the_group(options: dict[str, Any], events: Events) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options), aio.TaskGroup() as group:
            group.create_task(asyncio.sleep(60), name="long")
            group.create_task(fail(7))

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert [str(error) for error in caught.value.exceptions] == ["no 7"]
    (failed,) = events.of(TaskFailed)
    (cancelled,) = events.of(TaskCancelled)
    names = {event.task: event.description for event in events.of(TaskStarted)}
    assert (names[failed.task], names[cancelled.task]) == ("fail(7)", "long")
    assert (failed.error.type, failed.error.text) == ("ValueError", "no 7")


def test_a_group_within_a_task_is_nested_in_it(options: dict[str, Any], events: Events) -> None:
    async def whole() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(double(1), name="first")
            group.create_task(double(2), name="second")

    async def main() -> None:
        async with mainstage.Run("Work", **options), aio.TaskGroup() as group:
            group.create_task(whole(), name="whole")

    asyncio.run(main())
    first, second = events.of(TaskStarted)
    assert (first.description, second.description) == ("first", "second")
    assert first.parent == second.parent is not None
    ends = {event.task for event in events.of(TaskEnded)}
    assert {first.task, second.task} <= ends
    assert [number for event in events.of(ItemsEnded) for number, _, _ in event.items] == [first.parent]


def test_the_task_of_a_coroutine_follows_create_task_and_to_thread(options: dict[str, Any]) -> None:
    async def here() -> list[str]:
        inner = asyncio.create_task(name_of_the_task())
        return [await inner, await asyncio.to_thread(lambda: mainstage.current_task().description)]

    async def name_of_the_task() -> str:
        return mainstage.current_task().description

    async def main() -> Any:
        async with mainstage.Run("Work", **options):
            return await aio.gather(here(), here())

    assert asyncio.run(main()) == [["here", "here"]] * 2


def test_a_context_that_is_given_is_left_as_it_is(options: dict[str, Any]) -> None:
    word = contextvars.ContextVar[str]("word")

    async def set_it() -> None:
        word.set("set")

    async def main() -> str:
        context = contextvars.copy_context()
        async with mainstage.Run("Work", **options), aio.TaskGroup() as group:
            group.create_task(set_it(), context=context)
        return context[word]

    assert asyncio.run(main()) == "set"


def test_cancelling_the_run_cancels_the_tasks_of_its_groups(options: dict[str, Any], events: Events) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options) as run, aio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(60)) for _ in range(3)]
            gathered = aio.gather(asyncio.sleep(60), asyncio.sleep(60), return_exceptions=True)
            await asyncio.sleep(0)
            run.cancel("enough")
            found = await gathered
        assert [task.cancelled() for task in tasks] == [True] * 3
        assert all(isinstance(one, asyncio.CancelledError) for one in found)
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # this is a task

    asyncio.run(main())
    assert len(events.of(TaskCancelled)) == 5


def test_a_group_that_is_left_by_a_timeout_has_its_cancellation_taken_back(options: dict[str, Any]) -> None:
    async def main() -> int:
        async with mainstage.Run("Work", **options):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), aio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(60))
            return asyncio.current_task().cancelling()  # type: ignore[union-attr]  # this is a task

    assert asyncio.run(main()) == 0


def test_gather_gives_results_in_order_and_says_how_many_there_are(options: dict[str, Any], events: Events) -> None:
    async def main() -> Any:
        async with mainstage.Run("Work", **options):
            twice = double(9)
            return await aio.gather(double(1), fail(2), twice, twice, return_exceptions=True)

    one, two, three, four = asyncio.run(main())
    assert (one, str(two), three, four) == (2, "no 2", 18, 18)
    (opened,), (closed,) = events.of(SourceOpened), events.of(SourceClosed)
    assert (opened.total, closed.handed) == (3, 3)
    assert (ended(events), len(events.of(TaskFailed))) == (2, 1)


def test_gather_raises_the_first_error_and_lets_the_others_go_on(options: dict[str, Any], events: Events) -> None:
    async def main() -> int:
        async with mainstage.Run("Work", on_error="collect", **options):
            other = asyncio.create_task(double(3))
            with pytest.raises(ValueError, match="no 1"):
                await aio.gather(fail(1), other)
            return await other

    assert asyncio.run(main()) == 6
    assert ended(events) == 1


async def told(made: Any) -> Any:
    """Return what is to be seen of a gather: what came of it, and what the future says of itself."""
    try:
        found: Any = await made
    except (ValueError, asyncio.CancelledError) as error:
        found = error
    if isinstance(found, list):  # asyncio's has lost the message of a cancellation among the results
        found = ["cancelled" if isinstance(one, asyncio.CancelledError) else one for one in found]
    return repr(found), made.done(), made.cancelled(), made.cancel()


async def first_error(gather: Any) -> Any:
    slow = asyncio.create_task(asyncio.sleep(60))
    found = await told(gather(double(1), fail(2), slow))
    return found, slow.cancel()


async def error_of_the_last(gather: Any) -> Any:
    return await told(gather(double(1), fail(2)))


async def errors_as_results(gather: Any) -> Any:
    cancelled = asyncio.create_task(asyncio.sleep(60))
    cancelled.cancel("this one")
    return await told(gather(double(1), fail(2), cancelled, return_exceptions=True))


async def a_cancelled_child(gather: Any) -> Any:
    cancelled = asyncio.create_task(asyncio.sleep(60))
    cancelled.cancel("this one")
    return await told(gather(double(1), cancelled))


async def cancelled_itself(gather: Any, *, as_results: bool = False) -> Any:
    made = gather(asyncio.sleep(60), asyncio.sleep(60), return_exceptions=as_results)
    await asyncio.sleep(0)
    return made.cancel("all"), made.done(), await told(made)


async def cancelled_with_results(gather: Any) -> Any:
    return await cancelled_itself(gather, as_results=True)


async def cancelled_but_one_went_on(gather: Any) -> Any:
    async def goes_on(n: int) -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return n
        return 0

    made = gather(goes_on(1), goes_on(2), return_exceptions=True)
    await asyncio.sleep(0)
    return made.cancel(), await told(made)


async def what_is_done_and_what_is_given_twice(gather: Any) -> Any:
    done = asyncio.get_running_loop().create_future()
    done.set_result("done")
    task = asyncio.create_task(double(4))
    await task
    made = gather(done, task, done)
    return made.done(), await told(made)


@pytest.mark.parametrize(
    "case",
    [
        first_error,
        error_of_the_last,
        errors_as_results,
        a_cancelled_child,
        cancelled_itself,
        cancelled_with_results,
        cancelled_but_one_went_on,
        what_is_done_and_what_is_given_twice,
    ],
)
def test_gather_gives_what_asyncios_gives(case: Any, options: dict[str, Any]) -> None:
    async def main() -> Any:
        async with mainstage.Run("Work", on_error="collect", **options):
            ours = await case(aio.gather)
        return ours, await case(asyncio.gather)

    ours, theirs = asyncio.run(main())
    assert ours == theirs


@pytest.mark.parametrize("collecting", [True, False])
def test_a_large_gather_leaves_the_garbage_collector_as_it_was(options: dict[str, Any], *, collecting: bool) -> None:
    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            return list(await aio.gather(*[double(n) for n in range(MANY)]))

    was = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        assert asyncio.run(main()) == [2 * n for n in range(MANY)]
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if was else gc.disable)()


def test_what_was_gathered_is_freed_without_the_garbage_collector(options: dict[str, Any]) -> None:
    class Result:
        pass

    async def give() -> Result:
        return Result()

    async def main() -> Any:
        async with mainstage.Run("Work", **options):
            (result,) = await aio.gather(give())
            return weakref.ref(result)

    gc.disable()
    try:
        assert asyncio.run(main())() is None
    finally:
        gc.enable()


def test_gather_of_nothing_and_of_what_is_no_awaitable_is_asyncios_business(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with mainstage.Run("Work", **options):
            assert await aio.gather() == []
            with pytest.raises(TypeError):
                await aio.gather(1)  # type: ignore[call-overload]  # the point

    asyncio.run(main())


def test_as_completed_gives_them_as_they_come(options: dict[str, Any], events: Events) -> None:
    async def after(gate: asyncio.Event, n: int) -> int:
        await gate.wait()
        return n

    async def main() -> list[int]:
        async with mainstage.Run("Work", **options):
            gates = [asyncio.Event() for _ in range(3)]
            coming = aio.as_completed([after(gate, n) for n, gate in enumerate(gates)])
            found = []
            for gate, one in zip(reversed(gates), coming, strict=True):
                gate.set()
                found.append(await one)
            return found

    assert asyncio.run(main()) == [2, 1, 0]
    assert ended(events) == 3


def test_without_a_run_one_is_opened_and_ends_with_the_last_coroutine() -> None:
    async def inside() -> bool:
        return current_run() is not None

    async def main() -> list[bool]:
        found = list(await aio.gather(inside(), inside()))
        async with aio.TaskGroup() as group:
            task = group.create_task(inside())
        found.append(task.result())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [*found, current_run() is not None]

    assert asyncio.run(main()) == [True, True, True, False]


def test_a_short_run_of_its_own_writes_nothing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "SHORT", 60.0)  # what is short on busy cores is not the subject

    async def main() -> None:
        for _ in range(3):
            await aio.gather(double(1), double(2))

    asyncio.run(main())
    assert capfd.readouterr() == ("", "")
