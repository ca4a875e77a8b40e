"""A job that is given up in the moment in which it ends has one end."""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

from mainstage.channels.inbox import ThreadChannel
from mainstage.core.retry_policy import Policy
from mainstage.errors import Cancelled
from mainstage.events import ItemsEnded, TaskCancelled, TaskEnded
from mainstage.pool.job import WorkerSlot
from mainstage.pool.pool import Pool
from mainstage.pool.task_future import TaskFuture
from mainstage.pool.threads import ThreadWorkers
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.events import Event

WAIT_S = 20.0


class Hooked(SimpleQueue[Any]):
    """A queue that calls `before_put` as the first thing is put."""

    before_put: Callable[[], None] | None = None

    def put(self, item: Any, *args: Any, **kwargs: Any) -> None:
        hook, self.before_put = self.before_put, None
        if hook is not None:
            hook()
        super().put(item, *args, **kwargs)


class HookedList(deque[tuple[int, float, float]]):
    """What calls `before_append` as something is added."""

    before_append: Callable[[], None]

    def append(self, item: tuple[int, float, float]) -> None:
        self.before_append()
        super().append(item)


@pytest.fixture
def pool() -> Pool:
    return Pool(ThreadWorkers(ThreadChannel(ManualClock(1.0)), 1, wake=lambda: None), wake=lambda: None)


def let_end(pool: Pool) -> None:
    assert isinstance(pool.workers, ThreadWorkers)
    threads = pool.workers.threads.threads()
    pool.close()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()


def told(pool: Pool) -> list[Event]:
    channel: Any = pool.reporter
    events: list[Event] = []
    while not channel.empty():
        event = channel.receive(0)
        if event is not None:
            events.append(event)
    events.extend(channel.sample(2.0))
    return events


@pytest.mark.parametrize(("grace", "asked_before"), [(0.0, False), (5.0, True)], ids=["no-grace", "grace-is-over"])
def test_an_item_that_is_given_up_as_it_ends_leaves_one_record(pool: Pool, grace: float, asked_before: bool) -> None:
    def work(number: int) -> int:
        if asked_before:
            one.halt("stop")
        return number

    def give_up() -> None:
        one.halt("stop")
        one.abandon("did not stop in time")

    one = pool.open_map(work, iter([(7,)]), Policy(grace=grace))
    one.records = done = Hooked()
    done.before_put = give_up
    one.open(1)
    one.feed()
    done.get(timeout=WAIT_S)
    let_end(pool)
    with pytest.raises(Empty):
        done.get_nowait()


def test_a_call_that_is_given_up_as_it_ends_is_told_of_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up() -> None:
        (job,) = calls.jobs()
        job.request_cancel("stop")
        job.give_up(Cancelled("did not stop in time"))

    def new_slot(ref: Any) -> WorkerSlot:
        slot = WorkerSlot(calls, pool.workers, ref, calls.named)
        slot.ended = ended = HookedList()
        ended.before_append = give_up
        return slot

    calls = pool._calls
    monkeypatch.setattr(calls, "new_slot", new_slot)
    future: TaskFuture[int] = TaskFuture(lambda _, __: False, {})
    pool.submit(abs, (-2,), {}, None, Policy(grace=0.0), future)
    assert future.result(WAIT_S) == 2
    let_end(pool)
    ends = [event for event in told(pool) if isinstance(event, TaskEnded | TaskCancelled | ItemsEnded)]
    assert [type(event) for event in ends] == [ItemsEnded]
