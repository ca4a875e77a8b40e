"""A lane: short items told in batches, long ones by name, and nothing lost while nobody looks."""

from __future__ import annotations

from collections import deque
from typing import Any

from mainstage.channels.inbox import ThreadChannel
from mainstage.events import ItemsEnded, TaskStarted
from mainstage.pool.items import FOLD, Lane
from mainstage.pool.job import Job
from mainstage.pool.lazy_item import LazyItem as Item
from mainstage.run.external_threads import ThreadCalls, ThreadSlot
from mainstage.testing import ManualClock


class NamedLane(Lane):
    """Says what its items are called."""

    def name_of(self, entry: tuple[Any, int, tuple[Any, ...], int]) -> str:
        return ", ".join(map(str, entry[2]))


def lane_at(clock: ManualClock) -> NamedLane:
    return NamedLane(ThreadChannel(clock), 1, "thread-1")


def test_an_item_that_runs_for_long_is_announced_once() -> None:
    clock = ManualClock(10.0)
    lane = lane_at(clock)
    lane.current = Item(lane, (0, 7, ("a",), 1), 10.0)
    assert lane.sample(10.05) == []
    assert lane.sample(10.2) == [TaskStarted(10.0, 7, 1, "thread-1", "a")]
    assert lane.sample(10.3) == []


def test_an_item_that_has_just_ended_is_not_announced() -> None:
    lane = lane_at(ManualClock(10.0))
    lane.current = Item(lane, (0, 7, ("a",), 1), 10.0)
    lane.ended.append((7, 10.0, 10.4))
    assert lane.sample(10.5) == [ItemsEnded(10.5, 1, "thread-1", ((7, 10.0, 10.4),))]


def test_what_nobody_takes_is_folded_into_two_numbers_but_for_the_one_on_the_screen() -> None:
    lane = lane_at(ManualClock(0.0))
    lane.current = Item(lane, (0, 1, ("a",), 1), 0.0)
    assert [type(event) for event in lane.sample(1.0)] == [TaskStarted]
    lane.ended.extend((number, 0.0, 1.0) for number in range(1, FOLD + 2))
    lane.current = None
    lane.fold()
    (event,) = lane.sample(2.0)
    assert isinstance(event, ItemsEnded)
    assert len(event.items) + event.more == FOLD + 1
    assert event.more == FOLD // 2 - 1
    assert event.seconds == event.more
    assert 1 in [item[0] for item in event.items]


def test_an_owner_that_looks_while_a_worker_folds_gets_what_is_left() -> None:
    class TakenMeanwhile(deque[tuple[int, float, float]]):
        def __len__(self) -> int:
            return super().__len__() + FOLD // 2

    lane = lane_at(ManualClock(0.0))
    lane.ended = TakenMeanwhile([(1, 0.0, 1.0), (2, 0.0, 1.0)])
    assert lane.sample(2.0) == [ItemsEnded(2.0, 1, "thread-1", ((1, 0.0, 1.0), (2, 0.0, 1.0)))]


def test_a_stand_in_becomes_its_task_when_somebody_asks() -> None:
    clock = ManualClock(5.0)
    lane = lane_at(clock)
    item = Item(lane, (3, 9, (1, 2), 2), 5.0)
    task = item.resolve()
    assert item.resolve() is task
    assert (task.id, task.attempt, task.description) == (9, 2, "1, 2")
    assert isinstance(lane.reporter, ThreadChannel)
    event = lane.reporter.receive(0)
    assert isinstance(event, TaskStarted)
    assert (event.task, event.attempt) == (9, 2)
    assert item.announce(6.0) == []


def test_a_stand_in_that_was_asked_to_stop_asks_its_task() -> None:
    lane = lane_at(ManualClock())
    item = Item(lane, (0, 1, (), 1), 0.0)
    item.request_cancel("enough")
    assert item.resolve().cancelled


def test_a_job_is_settled_once() -> None:
    job = Job()
    assert [job.try_settle(), job.try_settle()] == [True, False]


def place_of_this_thread(clock: ManualClock) -> tuple[ThreadChannel, ThreadSlot]:
    channel = ThreadChannel(clock)
    calls = ThreadCalls(channel, lambda: None)
    calls.id = 1
    return channel, calls.slot_here()


def test_a_thread_of_the_standard_pool_is_looked_at_until_a_look_finds_nothing() -> None:
    clock = ManualClock(10.0)
    channel, slot = place_of_this_thread(clock)
    slot.begin_to_report()
    assert channel.receive(0) is None
    slot.ended.append((7, 10.0, 10.05))
    assert channel.sample(10.1) == [ItemsEnded(10.1, 1, slot.worker, ((7, 10.0, 10.05),))]
    assert (channel.sample(10.3), slot.polled, slot.armed) == ([], False, True)
    channel.sample(11.3)
    assert channel.next_sample_at() is None
    slot.begin_to_report()
    channel.receive(0)
    slot.ended.append((8, 11.0, 11.5))
    assert len(channel.sample(12.0)) == 1


def test_a_call_that_begins_as_its_thread_is_found_at_rest_is_looked_at() -> None:
    class BeginsNow(ThreadSlot):
        looks = 0

        def _has_news(self) -> bool:
            self.looks += 1
            if self.looks == 2:  # the thread comes between the two, and has seen that nobody wants a note
                vars(self)["current"] = Item(lane_at(clock), (0, 7, ("a",), 1), 10.0)
            return super()._has_news()

    clock = ManualClock(10.0)
    channel, slot = place_of_this_thread(clock)
    slot.__class__ = BeginsNow
    slot.begin_to_report()
    channel.receive(0)
    assert channel.sample(10.1) == []
    assert slot.polled
    assert [type(event) for event in channel.sample(11.5)] == [TaskStarted]


def test_what_ended_since_the_last_look_is_read_at_the_end() -> None:
    clock = ManualClock(10.0)
    channel, slot = place_of_this_thread(clock)
    slot.begin_to_report()
    channel.receive(0)
    slot.ended.append((7, 10.0, 10.1))
    channel.sample(10.1)
    slot.ended.append((8, 10.1, 10.11))
    assert channel.next_sample_at() != 0.0
    channel.look_again()
    assert channel.next_sample_at() == 0.0
    assert len(channel.sample(10.11)) == 1
