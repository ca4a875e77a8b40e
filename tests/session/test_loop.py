"""When an owner that is in other code wants to be called."""

from __future__ import annotations

from mainstage.channels.thread import ThreadChannel
from mainstage.events import RunStarted, TaskStarted, TextWritten
from mainstage.loop import CALM, Loop
from mainstage.testing import ManualClock, RecordingDisplay
from mainstage.views.bars import BarsView


def running() -> tuple[Loop, ManualClock]:
    """A loop whose run has one task, that says nothing more."""
    clock = ManualClock()
    loop = Loop(ThreadChannel(clock), BarsView(), RecordingDisplay(), clock)
    loop.channel.send(RunStarted(clock.now(), "", 0.0))
    loop.channel.send(TaskStarted(clock.now(), 1, 1, "w", "still"))
    return loop, clock


def pauses(loop: Loop, clock: ManualClock, rounds: int, *, borrowed: bool) -> list[float]:
    """Call it as often as it wants to be called; return the seconds between."""
    found = []
    for _ in range(rounds):
        due = loop.beat(borrowed=borrowed)
        assert due is not None
        found.append(round(due - clock.now(), 3))
        clock.advance(max(0.0, due - clock.now()))
    return found


def test_a_clock_alone_calls_an_owner_in_other_code_every_other_second_once_nothing_happens() -> None:
    loop, clock = running()
    assert pauses(loop, clock, 7, borrowed=True)[1:] == [1.0, 1.0, CALM, CALM, CALM, CALM]


def test_in_a_call_of_ours_it_goes_on_by_seconds() -> None:
    loop, clock = running()
    assert pauses(loop, clock, 6, borrowed=False)[1:] == [1.0] * 5


def test_news_is_shown_as_soon_as_ever() -> None:
    loop, clock = running()
    pauses(loop, clock, 6, borrowed=True)
    assert loop.calm()
    loop.channel.send(TextWritten(clock.now(), 1, 1, "w", "log", "here"))
    loop.beat()
    assert not loop.calm()
    assert pauses(loop, clock, 3, borrowed=True) == [1.0, 1.0, CALM]
