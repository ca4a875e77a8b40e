"""Tasks nested in coroutines: told of when there is something to tell, a number otherwise, and never lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage import aio
from mainstage.events import PartsEnded, TaskCancelled, TaskEnded, TaskFailed, TaskStarted, TextWritten

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.aio.conftest import Events


def run(work: Callable[[int], Awaitable[Any]], options: dict[str, Any], number: int = 1) -> list[Any]:
    async def main() -> list[Any]:
        async with mainstage.Run("Work", on_error="collect", **options):
            return [result async for result in aio.map(work, range(number))]

    return asyncio.run(main())


def names(events: Events) -> list[str]:
    return [event.description for event in events.of(TaskStarted)]


def parts(events: Events) -> int:
    return sum(event.number for event in events.of(PartsEnded))


async def silent(_: int) -> None:
    with mainstage.task("part"):
        await asyncio.sleep(0)


async def in_a_part(_: int) -> None:
    with mainstage.task("outer"), mainstage.task("inner"):
        await asyncio.sleep(0)


async def side_by_side(_: int) -> None:
    async def one(name: str, steps: int) -> None:
        with mainstage.task(name):
            for _ in range(steps):
                await asyncio.sleep(0)

    await asyncio.gather(one("a", 3), one("b", 1), one("c", 2))


@pytest.mark.parametrize(("work", "each"), [(silent, 1), (in_a_part, 2), (side_by_side, 3)])
def test_short_ones_without_a_report_are_counted_and_no_more(
    work: Callable[[int], Awaitable[None]], each: int, options: dict[str, Any], events: Events
) -> None:
    run(work, options, 50)
    assert parts(events) == 50 * each
    assert names(events) == []


def test_the_first_report_tells_of_it_before_what_is_reported(options: dict[str, Any], events: Events) -> None:
    async def counts(_: int) -> None:
        with mainstage.task("counted", total=3, unit="rows", fields={"place": "here"}) as part:
            part.advance(2)

    async def says(_: int) -> None:
        with mainstage.task("said") as part:
            part.log("words")

    async def asks(_: int) -> str:
        with mainstage.task("asked"):
            return await asyncio.to_thread(lambda: mainstage.current_task().description)

    async def changes(_: int) -> None:
        with mainstage.task("old") as part:
            part.set(status="on its way")

    works = (counts, says, changes, asks)
    run(lambda n: works[n](n), options, 4)
    told = events.of(TaskStarted)
    assert [event.description for event in told] == ["counted", "said", "old", "asked"]
    assert (told[0].total, told[0].unit, told[0].fields) == (3, "rows", (("place", "here"),))
    ends = {event.task: event.completed for event in events.of(TaskEnded)}
    assert [ends[event.task] for event in told] == [2, 0, 0, 0]
    for event in told:
        others = [other for other in events if getattr(other, "task", None) == event.task]
        assert others[0] is event
    assert parts(events) == 0


def test_what_is_printed_in_it_bears_its_name(options: dict[str, Any], events: Events, show: str) -> None:
    async def prints(_: int) -> None:
        with mainstage.task("printed"):
            print("text")  # noqa: T201  # that is what is tested

    if show == "silent":
        pytest.skip("nothing is captured where nothing is shown")
    run(prints, options)
    (text,) = [event for event in events.of(TextWritten) if event.text == "text"]
    assert {event.task: event.description for event in events.of(TaskStarted)}[text.task] == "printed"


def test_one_that_fails_or_is_cancelled_is_told_of(options: dict[str, Any], events: Events) -> None:
    async def fails(n: int) -> None:
        with mainstage.task("failing"):
            raise asyncio.CancelledError if n else ValueError(n)

    run(fails, options, 2)
    started = {event.task: event.description for event in events.of(TaskStarted)}
    assert [started[event.task] for event in events.of(TaskFailed)] == ["failing", "fails(0)"]
    assert [started[event.task] for event in events.of(TaskCancelled)] == ["failing", "fails(1)"]


@pytest.mark.parametrize("report", [False, True])
def test_one_that_is_left_open_ends_with_its_coroutine(report: bool, options: dict[str, Any], events: Events) -> None:
    kept = []

    async def opens(_: int) -> None:
        for name in ("first", "second"):
            part = mainstage.task(name)
            kept.append(part)
            if report:
                part.advance()

    run(opens, options)
    assert all(part.closed for part in kept)
    assert parts(events) + len(events.of(TaskEnded)) == 2
    for part in kept:  # too late: nobody minds
        part.advance()
        part.metric("late", 1)
        part.close()
    assert parts(events) + len(events.of(TaskEnded)) == 2


def test_asking_it_to_stop_reaches_what_is_open_in_its_coroutine(options: dict[str, Any], events: Events) -> None:
    async def stops(_: int) -> str:
        with mainstage.task("outer") as outer, mainstage.task("inner") as inner:
            outer.request_cancel("enough")
            try:
                inner.advance()
            except mainstage.Cancelled as told:
                return str(told)
        return "not told"

    assert run(stops, options) == ["enough"]


def test_one_that_a_thread_ends_is_told_of(options: dict[str, Any], events: Events) -> None:
    async def hands_over(_: int) -> None:
        part = mainstage.task("handed over")
        await asyncio.to_thread(part.close)

    run(hands_over, options)
    assert names(events) == ["handed over"]
    assert parts(events) == 0
