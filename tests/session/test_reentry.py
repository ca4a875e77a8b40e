"""A frame, and a command, in the middle of each line of a run's own paths: a signal handler may do both anywhere."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any, Self

import pytest

import mainstage
from mainstage.core.commands import Cancel, Hold
from mainstage.run.display_session import DisplaySession
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

DEADLINE = 60.0
STEP = 37
"""Every so many lines one is interrupted by a command that ends things."""


class Intrusion:
    """Calls `handler`, as a signal would, before lines of ours that this thread comes to, from the `at`-th on.

    `once`: only there, not before each that follows.
    """

    def __init__(self, handler: Callable[[], None], *, at: int = 0, once: bool = False) -> None:
        self.calls = 0
        self._handler = handler
        self._left = at
        self._once = once

    def __enter__(self) -> Self:
        sys.settrace(self._call)
        return self

    def __exit__(self, *trouble: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        return self._line if "mainstage" in frame.f_code.co_filename else None

    def _line(self, _frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            self._left -= 1
            if self._left < 0 and not (self._once and self.calls):
                self.calls += 1
                self._handler()
        return self._line


@pytest.fixture(autouse=True)
def traced_no_more() -> Iterator[None]:
    before = sys.gettrace()
    yield
    sys.settrace(before)


_pictures = itertools.count(1)


def draw() -> None:
    """Draw as the handler of SIGURG does, each time so late that a picture is due and every position is read anew."""
    show = DisplaySession.current
    if show is None or show.loop.pumping:
        return
    loop = show.loop
    loop.run_once()
    loop.beating = loop.pumping = True
    try:
        loop.draw(loop.channel.now() + 2.0 * next(_pictures), borrowed=True)
    finally:
        loop.beating = loop.pumping = False


def command(*commands: Any) -> None:
    show = DisplaySession.current
    if show is not None:
        for commanded in list(show.command_targets.values()):
            for one in commands:
                commanded.command(one)


def sleep(seconds: float) -> float:
    mainstage.current_task().sleep(seconds)
    return seconds


def use_all_of_it(run: mainstage.Run) -> object:
    """Come by every line of submitting, mapping, holding, cancelling and giving up; return a map's first result."""
    running = [run.submit(sleep, DEADLINE) for _ in range(2)]
    waiting = [run.submit(sleep, 0.0) for _ in range(3)]
    run.cancel(waiting[0])
    with run.hold():
        waiting.append(run.submit(sleep, 0.0))
    run.cancel(running[0])
    results = run.map(sleep, [0.0, 0.0, DEADLINE, DEADLINE, DEADLINE])
    run.cancel(running[1])
    first = next(results, None)
    run._abandon("given up")
    results.close()  # type: ignore[attr-defined]  # a generator
    run.shutdown(wait=False, cancel_futures=True)
    run._abandon("given up again")
    return first


@pytest.fixture(params=["thread", "process"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    common = {"view": "live", "display": RecordingDisplay(), "heartbeat": False, "on_error": "collect"}
    return {**common, "max_workers": 2, "grace": DEADLINE, "executor": request.param}


def checked(show: DisplaySession) -> None:
    state = show.loop.state
    assert state.anomalies.count == 0, list(state.anomalies.last)
    assert (state.counts.queued, state.counts.running, state.counts.waiting) == (0, 0, 0)


@pytest.mark.timeout(DEADLINE)
def test_a_frame_before_each_line_holds_nothing_up(options: dict[str, Any]) -> None:
    with mainstage.Run("frames", **options) as run:
        show = DisplaySession.current
        assert show is not None
        with Intrusion(draw) as one:
            assert use_all_of_it(run) == 0.0
    assert one.calls > 500
    checked(show)


@pytest.mark.timeout(DEADLINE)
def test_holding_the_work_before_each_line_holds_nothing_up(options: dict[str, Any]) -> None:
    with mainstage.Run("holds", **options) as run:
        show = DisplaySession.current
        assert show is not None
        with Intrusion(lambda: command(Hold(on=True), Hold(on=False))) as one:
            assert use_all_of_it(run) == 0.0
    assert one.calls > 500
    checked(show)


@pytest.mark.timeout(DEADLINE)
@pytest.mark.parametrize("first", range(0, STEP, 6))
def test_a_request_to_stop_before_any_line_holds_nothing_up(options: dict[str, Any], first: int) -> None:
    if options["executor"] == "process" and first:
        pytest.skip("its paths are the same, and slow to come by")
    step = STEP if options["executor"] == "thread" else 8 * STEP
    at, calls = first, 1
    while calls:
        with mainstage.Run("stops", **options) as run:
            show = DisplaySession.current
            assert show is not None
            with Intrusion(lambda: command(Cancel(None, "stop")), at=at, once=True) as one:
                use_all_of_it(run)
        checked(show)
        at, calls = at + step, one.calls
