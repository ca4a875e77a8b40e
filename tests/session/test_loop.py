"""When an owner that is in other code wants to be called, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mainstage
from mainstage.channels.inbox import ThreadChannel
from mainstage.core.clock import monotonic
from mainstage.events import RunStarted, StopRequested, TaskStarted, TextWritten
from mainstage.run.heartbeat import Heartbeat
from mainstage.run.render_loop import CALM, FEW, RenderLoop
from mainstage.testing import ManualClock, RecordingDisplay
from mainstage.ui.views.bars import BarsView

if TYPE_CHECKING:
    from mainstage.events import Event


def running() -> tuple[RenderLoop, ManualClock]:
    """A loop whose run has one task, that says nothing more."""
    clock = ManualClock()
    loop = RenderLoop(ThreadChannel(clock), BarsView(), RecordingDisplay(), clock)
    loop.channel.send(RunStarted(clock.now(), "", 0.0))
    loop.channel.send(TaskStarted(clock.now(), 1, 1, "w", "still"))
    return loop, clock


def pauses(loop: RenderLoop, clock: ManualClock, rounds: int, *, borrowed: bool) -> list[float]:
    """Call it as often as it wants to be called; return the seconds between."""
    found = []
    for _ in range(rounds):
        due = loop.run_once(borrowed=borrowed)
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
    assert loop.is_idle()
    loop.channel.send(TextWritten(clock.now(), 1, 1, "w", "log", "here"))
    loop.run_once()
    assert not loop.is_idle()
    assert pauses(loop, clock, 3, borrowed=True) == [1.0, 1.0, CALM]


class Slow:
    """A recorder that takes a hundredth of a second for each event."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.kept: list[Event] = []

    def record(self, event: Event) -> None:
        self.kept.append(event)
        self.clock.advance(0.01)


def test_a_round_ends_in_time_however_much_waits() -> None:
    loop, clock = running()
    loop.run_once()
    slow = Slow(clock)
    loop.recorders = [slow]
    for number in range(1000):
        loop.channel.send(TextWritten(clock.now(), 1, 1, "w", "log", str(number)))
    loop.run_once()
    assert len(slow.kept) <= FEW
    loop.suspend()  # what comes after it stands below all that was written before
    assert len(slow.kept) > FEW


def test_a_request_to_stop_waits_for_no_text() -> None:
    display = RecordingDisplay()
    with mainstage.Run(view="live", display=display, on_error="collect", heartbeat=False) as run:
        show = run._live().show
        slow = Slow(ManualClock())
        show.loop.recorders = [slow]
        for number in range(1000):
            show.notice(str(number))
        show._request("Ctrl-C", 2)
        show.loop.run_once()
        assert isinstance(slow.kept[0], StopRequested)
        run._live().ending.raised = True


def test_an_owner_in_other_code_has_half_of_its_time_for_itself() -> None:
    class Laborious:
        """A loop whose rounds take long, and which wants the next one at once."""

        pumping = paused = False
        when_noted = 0.0

        def run_once(self) -> float:
            began = monotonic()
            while monotonic() < began + 0.05:
                pass
            return monotonic()

        def is_idle(self) -> bool:
            return False

    heartbeat = Heartbeat(Laborious())  # type: ignore[arg-type]  # as much of a loop as it takes
    heartbeat._on_signal(0, None)
    ended = monotonic()
    assert heartbeat._due >= ended + 0.03
