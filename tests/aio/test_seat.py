"""The owner's seat on an event loop: one wake-up a frame, none while nothing happens, and a loop that is blocked."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mainstage.channels.inbox import ThreadChannel
from mainstage.events import RunStarted, TaskEnded, TaskStarted, TextWritten
from mainstage.run.asyncio_driver import BLOCKED, PATIENCE, AsyncioDriver
from mainstage.run.render_loop import RenderLoop
from mainstage.testing import ManualClock
from mainstage.ui.display.recording import RecordingDisplay
from mainstage.ui.views.bars import BarsView

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from mainstage.events import Event


class Timer(NamedTuple):
    at: float
    callback: Callable[[], object]
    timers: list[Timer]

    def cancel(self) -> None:
        if self in self.timers:
            self.timers.remove(self)


class Events:
    """An event loop whose time is told."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.timers: list[Timer] = []
        self.soon: list[Callable[[], object]] = []
        self.woken = 0
        self.closed = False

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> None:
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.woken += 1
        self.soon.append(callback)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        timer = Timer(self._clock.now() + delay, callback, self.timers)
        self.timers.append(timer)
        return timer

    def run(self) -> None:
        """Do what is to be done by now."""
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()
        for timer in [timer for timer in self.timers if timer.at <= self._clock.now() + 1e-9]:
            if timer in self.timers:
                self.woken += 1
                self.timers.remove(timer)
                timer.callback()


class Metronome:
    def __init__(self) -> None:
        self.before_beat: Callable[[FrameType | None], float | None] | None = None
        self.due: float | None = None

    def call_at(self, due: float | None) -> None:
        self.due = due


class Stand:
    """A seat with all that belongs to it."""

    def __init__(self) -> None:
        self.clock = ManualClock(100.0)
        self.channel = ThreadChannel(self.clock)
        self.display = RecordingDisplay()
        self.loop = RenderLoop(self.channel, BarsView(), self.display, self.clock)
        self.seen: list[Event] = []
        self.loop.recorders = [self]
        self.events = Events(self.clock)
        self.metronome = Metronome()
        self.send(RunStarted(self.clock.now(), "Work", 0.0))
        self.seat = AsyncioDriver(self.loop, self.events, metronome=self.metronome, after_round=lambda: None)

    def record(self, event: Event) -> None:
        self.seen.append(event)

    def send(self, event: Event) -> None:
        self.channel.send(event)

    def pass_(self, seconds: float, step: float = 0.01, each: Callable[[], None] = lambda: None) -> None:
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            each()
            self.events.run()

    def say(self) -> None:
        self.send(TextWritten(self.clock.now(), None, 0, "", "log", "a line"))

    def texts(self) -> list[str]:
        return [event.text for event in self.seen if isinstance(event, TextWritten)]


@pytest.fixture(autouse=True)
def show() -> None:
    """Need none of the three owners: the seat is all there is."""


@pytest.fixture
def stand() -> Stand:
    stand = Stand()
    stand.pass_(2)  # the head start is over
    stand.events.woken = 0
    return stand


def test_an_event_after_a_quiet_time_is_drawn_at_once(stand: Stand) -> None:
    stand.say()
    stand.events.run()
    assert stand.display.history[-1].endswith("a line")
    assert stand.events.woken == 1


def test_a_thousand_events_a_second_wake_the_loop_ten_times(stand: Stand) -> None:
    stand.pass_(5, step=0.001, each=stand.say)
    assert 45 <= stand.events.woken <= 52
    stand.pass_(0.2)
    assert len(stand.texts()) == 5000


def test_nothing_ticks_while_nothing_is_under_way(stand: Stand) -> None:
    stand.say()
    stand.pass_(1)
    assert stand.events.woken == 2  # the event, and one look a frame later
    stand.pass_(60)
    assert stand.events.woken == 2
    assert stand.events.timers == []
    assert stand.metronome.due is None


def test_a_clock_on_the_screen_is_a_timer(stand: Stand) -> None:
    stand.send(TaskStarted(stand.clock.now(), 1, 1, "", "part"))
    stand.pass_(10)
    assert 10 <= stand.events.woken <= 14
    stand.send(TaskEnded(stand.clock.now(), 1, 1, 0))
    stand.pass_(1)
    assert stand.events.timers == []


def test_the_heartbeat_is_to_come_only_if_the_loop_does_not(stand: Stand) -> None:
    stand.send(TaskStarted(stand.clock.now(), 1, 1, "", "part"))
    late = stand.metronome.due
    assert late is not None
    assert late >= stand.clock.now() + PATIENCE
    stand.events.run()
    assert stand.metronome.due is not None
    assert stand.metronome.due == pytest.approx(min(timer.at for timer in stand.events.timers) + PATIENCE)


def test_a_blocked_loop_is_told_once_with_the_place_where_the_main_thread_stands(stand: Stand) -> None:
    called = stand.metronome.before_beat
    assert called is not None
    frame = sys._getframe()
    stand.send(TaskStarted(stand.clock.now(), 1, 1, "", "part"))
    stand.clock.advance(PATIENCE + 0.1)
    assert called(frame) == pytest.approx(stand.clock.now() - PATIENCE - 0.1 + BLOCKED)
    stand.clock.advance(BLOCKED)
    called(frame)
    called(frame)
    stand.loop.run_once()
    (text,) = stand.texts()
    name = "test_a_blocked_loop_is_told_once_with_the_place_where_the_main_thread_stands"
    assert re.fullmatch(rf"the event loop has been blocked for 1\.3 s at \S*test_seat\.py:\d+ in {name}", text)


def test_a_loop_that_came_back_is_not_blocked(stand: Stand) -> None:
    called = stand.metronome.before_beat
    assert called is not None
    stand.send(TaskStarted(stand.clock.now(), 1, 1, "", "part"))
    for _ in range(8):
        stand.pass_(0.5, step=0.5)
        called(sys._getframe())
    assert stand.texts() == []


def test_a_seat_that_was_left_is_quiet_and_the_heartbeat_has_the_owner(stand: Stand) -> None:
    stand.seat.leave()
    stand.seat.leave()
    assert stand.metronome.before_beat is None
    stand.say()
    assert (stand.events.woken, stand.events.soon, stand.events.timers) == (0, [], [])


def test_a_loop_that_was_closed_is_no_trouble(stand: Stand) -> None:
    stand.events.closed = True
    stand.say()
    assert stand.events.soon == []


def test_a_place_where_the_loop_is_blocked_again_and_again_is_told_once(stand: Stand) -> None:
    called = stand.metronome.before_beat
    assert called is not None
    frame = sys._getframe().f_back  # it stays at one line
    for number in range(1, 4):
        stand.send(TaskStarted(stand.clock.now(), number, 1, "", "part"))
        stand.clock.advance(2 * BLOCKED)
        called(frame)
        stand.pass_(1)
    assert len(stand.texts()) == 1
