from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import mainstage.testing
from mainstage.events import TaskMoved, TaskStarted, TextWritten
from mainstage.tasks.reporter import live
from mainstage.tasks.task import ambient, current_reporter
from mainstage.testing import ManualClock, collect_events

if TYPE_CHECKING:
    from mainstage.events import Event
    from mainstage.tasks.reporter import Reporter


class Cell:
    """A position as a worker's task keeps it."""

    polled = False
    closed = False
    attempt = 1

    def __init__(self, number: int, completed: float) -> None:
        self.id = number
        self.completed = completed

    def position(self) -> float:
        return self.completed

    def arm(self) -> None: ...

    def sample(self, now: float) -> list[Event]:
        return [TaskMoved(now, self.id, self.attempt, self.completed)]


def reporter() -> Reporter:
    found = current_reporter()
    assert found is not None
    return found


def test_a_manual_clock_moves_when_it_is_told_to_and_wall_time_with_it() -> None:
    clock = ManualClock(5.0, wall=1000.0)
    assert (clock.now(), clock.wall()) == (5.0, 1000.0)
    clock.advance(2.5)
    assert (clock.now(), clock.wall()) == (7.5, 1002.5)


def test_a_manual_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        ManualClock().advance(-1.0)


def test_what_the_body_sends_is_collected_in_order_with_positions_read_at_the_end() -> None:
    clock = ManualClock(3.0)
    cell = Cell(7, 1)
    with collect_events(clock) as events:
        reporter().send(TaskStarted(reporter().now(), 7, 1, "w", "seven"))
        reporter().moved(cell)
        clock.advance(1.0)
        cell.completed = 5
        reporter().send(TextWritten(reporter().now(), 7, 1, "w", "log", "five"))
    assert events == [
        TaskStarted(3.0, 7, 1, "w", "seven"),
        TextWritten(4.0, 7, 1, "w", "log", "five"),
        TaskMoved(4.0, 7, 1, 5),
    ]


def test_a_position_of_a_loop_that_is_polled_is_read_too() -> None:
    cell = Cell(7, 4)
    cell.polled = True
    with collect_events() as events:
        reporter().watch(cell)
    assert events == [TaskMoved(0.0, 7, 1, 4)]


def test_what_another_thread_sends_is_collected() -> None:
    with collect_events() as events:
        thread = threading.Thread(target=lambda: reporter().send(TextWritten(0.0, None, 0, "t", "log", "hello")))
        thread.start()
        thread.join(10)
    assert [event.text for event in events if isinstance(event, TextWritten)] == ["hello"]


def test_events_are_there_when_the_body_raises_and_no_reporter_is_left_behind() -> None:
    def broken() -> None:
        reporter().send(TextWritten(0.0, None, 0, "t", "log", "before"))
        raise RuntimeError("after")

    before = live.reporter
    with pytest.raises(RuntimeError), collect_events() as events:
        broken()
    assert len(events) == 1
    assert live.reporter is before
    assert ambient.get() is None


def test_a_wakeup_is_no_event() -> None:
    with collect_events() as events:
        reporter().wake()  # type: ignore[attr-defined]  # the receiving half's, which a signal may call
    assert events == []


def test_every_public_fake_is_there() -> None:
    assert all(hasattr(mainstage.testing, name) for name in mainstage.testing.__all__)
