"""What every channel promises: order, one note a moved cell, bounded memory, an alarm for an owner who is away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from mainstage.channels import inbox as module
from mainstage.channels.inbox import ThreadChannel
from mainstage.channels.spill import FEW, LONG, MANY
from mainstage.events import Event, TaskEnded, TaskMoved, TaskStarted, TextWritten
from mainstage.tasks.task import open_task
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 10.0


@pytest.fixture
def channel() -> Iterator[ThreadChannel]:
    made = ThreadChannel(ManualClock())
    yield made
    made.close()


def text(n: int, task: int = 1, size: int = 0) -> TextWritten:
    return TextWritten(float(n), task, 1, "w", "log", f"line {n}".ljust(size))


def received(channel: ThreadChannel) -> list[Event]:
    events = []
    while not channel.empty():
        event = channel.receive(0)
        if event is not None:
            events.append(event)
    return events


def test_events_come_in_the_order_in_which_a_thread_sent_them(channel: ThreadChannel) -> None:
    sent = [text(n) for n in range(100)]
    for event in sent:
        channel.send(event)
    assert received(channel) == sent


def test_a_cell_that_moves_a_million_times_is_one_note_and_its_position_is_exact(channel: ThreadChannel) -> None:
    task = open_task(channel, 1, 1, "t", worker="w")
    assert len(received(channel)) == 1
    for _ in range(1000):
        task.advance()
    assert channel._inbox.qsize() == 1
    assert channel.receive(0) is None
    assert channel.next_sample_at() == 0.0
    assert channel.sample(5.0) == [TaskMoved(5.0, 1, 1, 1000)]
    assert channel.next_sample_at() is None
    task.advance()
    assert channel.receive(0) is None
    assert channel.sample(6.0) == [TaskMoved(6.0, 1, 1, 1001)]


def test_a_cell_that_has_ended_is_not_read_any_more(channel: ThreadChannel) -> None:
    task = open_task(channel, 1, 1, "t", worker="w")
    task.advance()
    task.close()
    kinds = [type(event) for event in received(channel)]
    assert kinds == [TaskStarted, TaskEnded]
    assert channel.sample(5.0) == []


def test_more_cells_than_a_slice_are_read_in_slices(channel: ThreadChannel) -> None:
    tasks = [open_task(channel, n, 1, "t", worker="w") for n in range(module.SLICE + 10)]
    for task in tasks:
        task.advance()
    received(channel)
    last = tasks[-1].id
    events = channel.sample(1.0, first=[last, 10**9])
    assert len(events) == module.SLICE + 1
    assert isinstance(events[0], TaskMoved)
    assert events[0].task == last
    for task in tasks[:100]:
        task.advance()
    received(channel)
    assert channel.next_sample_at() == 0.0
    waited = [event.task for event in channel.sample(1.0) if isinstance(event, TaskMoved)]
    assert waited[:9] == [task.id for task in tasks[-10:-1]]
    assert len(waited) == 109
    assert channel.next_sample_at() is None


def test_text_past_the_bound_waits_on_disk_and_comes_out_in_order(channel: ThreadChannel) -> None:
    sent: list[Event] = []
    for n in range(MANY + 500):
        sent.append(text(n))
        if n % 1000 == 999:
            sent.append(TaskStarted(float(n), n, 1, "w", "between"))
    for event in sent:
        channel.send(event)
    assert channel._inbox.qsize() < MANY + 100
    assert received(channel) == sent
    assert channel._spill._end == 0  # the file begins anew
    channel.send(sent[0])
    assert received(channel) == sent[:1]


def test_long_text_goes_to_disk_early(channel: ThreadChannel) -> None:
    sent: list[Event] = [text(n, size=LONG + 1) for n in range(FEW + 50)]
    for event in sent:
        channel.send(event)
    assert channel._inbox.qsize() == FEW + 2
    assert received(channel) == sent


def test_eight_threads_past_the_bound_lose_nothing_and_keep_their_own_order(channel: ThreadChannel) -> None:
    for n in range(MANY + 1):
        channel.send(text(n, task=0))

    def flood(task: int) -> None:
        for n in range(500):
            channel.send(text(n, task=task))
            if n % 50 == 0:
                channel.send(TaskMoved(float(n), task, 1, n))

    threads = [threading.Thread(target=flood, args=(task,)) for task in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    events = received(channel)
    assert len(events) == MANY + 1 + 8 * 510
    for task in range(1, 9):
        mine = [event.at for event in events if isinstance(event, TextWritten | TaskMoved) and event.task == task]
        assert mine == sorted(mine)


def test_a_thread_whose_event_comes_while_another_writes_to_the_file_keeps_its_order(channel: ThreadChannel) -> None:
    for n in range(MANY + 1):
        channel.send(text(n, task=0))
    channel.send(text(0, task=1))
    file = channel._spill._file
    assert file is not None
    write = file.write

    class Between:
        """The file, and a thread of task 1 that sends just then."""

        def __getattr__(self, name: str) -> object:
            return getattr(file, name)

        def write(self, data: bytes) -> int:
            channel.send(TaskMoved(1.0, 1, 1, 1))
            return write(data)

    channel._spill._file = Between()  # type: ignore[assignment]  # it has what is asked of it
    channel.send(text(0, task=2))
    channel._spill._file = file
    channel.send(text(2, task=1))
    events = received(channel)
    assert [event.at for event in events if isinstance(event, TextWritten | TaskMoved) and event.task == 1] == [0, 1, 2]
    assert len(events) == MANY + 5


def test_a_signal_handler_does_not_wait_for_the_file(channel: ThreadChannel) -> None:
    for n in range(MANY + 5):
        channel.send(text(n))
    for _ in range(MANY + 1):
        channel.receive(0)
    with channel._spill._lock:
        assert channel.receive(0, patient=False) is None
        assert channel.stuck()
        assert not channel.empty()
    assert len(received(channel)) == 4


def test_an_owner_who_is_away_is_alarmed_after_the_put(channel: ThreadChannel) -> None:
    rung: list[int] = []
    channel.alarm = lambda: rung.append(channel._inbox.qsize())
    channel.send(text(1))
    assert rung == []
    channel.away = True
    channel.send(text(2))
    assert rung == [2]


def test_what_comes_after_the_end_goes_nowhere(channel: ThreadChannel) -> None:
    channel.close()
    channel.send(text(1))
    assert channel.empty()
