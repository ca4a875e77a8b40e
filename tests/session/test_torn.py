"""Ctrl-C on every line on which a run begins or ends: it is torn nowhere, and the interrupt is not lost."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.run import run as session
from mainstage.run.display_session import DisplaySession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

DEADLINE = 60.0
STEP = 11
"""Every so many lines one is interrupted; the first ones in turn are other ones for each case."""


class Injection:
    """Ctrl-C before the `at`-th line of ours that this thread comes to within `function`, while `when()`."""

    def __init__(self, function: Callable[..., object], at: int, when: Callable[[], bool] = lambda: True) -> None:
        self.done = False
        self._code = function.__code__
        self._left = at
        self._when = when

    def call(self, frame: FrameType, event: str, _arg: Any) -> Any:
        """Trace what `function` calls."""
        del event
        within: FrameType | None = frame
        while within is not None and within.f_code is not self._code:
            within = within.f_back
        return self._line if within is not None and "mainstage" in frame.f_code.co_filename else None

    def _line(self, _frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line" and not self.done and self._when():
            self._left -= 1
            if self._left < 0:
                self.done = True
                signal.raise_signal(signal.SIGINT)
        return self._line


@pytest.fixture
def injected() -> Iterator[Callable[[Injection], None]]:
    """Begin to trace; that ends with the test."""
    before, handler = sys.gettrace(), signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda one: sys.settrace(one.call)
    sys.settrace(before)
    signal.signal(signal.SIGINT, handler)


def all_is_over() -> None:
    sys.settrace(None)
    assert DisplaySession.current is None
    assert not session._runs
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def obedient() -> None:
    mainstage.current_task().sleep(DEADLINE)


def ends_so(one: Injection, block: Callable[[], None]) -> bool:
    """Call `block`, which ends by Ctrl-C where that was injected, and else by itself; return whether it was."""
    try:
        block()
    except KeyboardInterrupt:
        assert one.done
    else:
        assert not one.done
    all_is_over()
    return one.done


def at_each(run: Callable[[int], bool], first: int) -> None:
    """Call `run` with more and more lines, until it has not come to so many."""
    at = first
    while run(at):
        at += STEP
    assert at > 5 * STEP  # there were so many


def test_where_a_run_begins(injected: Callable[[Injection], None]) -> None:
    def once(at: int) -> bool:
        one = Injection(mainstage.Run.__enter__, at)

        def block() -> None:
            injected(one)
            with mainstage.Run("torn", view="silent"):
                pass

        return ends_so(one, block)

    at_each(once, 0)


def test_where_a_run_ends_by_itself(injected: Callable[[Injection], None]) -> None:
    def once(at: int) -> bool:
        one = Injection(mainstage.Run.__exit__, at)

        def block() -> None:
            with mainstage.Run("torn", view="silent") as run:
                run.submit(int)
                injected(one)

        return ends_so(one, block)

    at_each(once, 3)


@pytest.mark.timeout(DEADLINE)
def test_where_a_run_ends_by_ctrl_c(injected: Callable[[Injection], None]) -> None:
    def once(at: int) -> bool:
        one = Injection(mainstage.Run.__exit__, at)
        with pytest.raises(KeyboardInterrupt), mainstage.Run("torn", view="silent") as run:  # noqa: PT012  # its end is the subject
            future = run.submit(obedient)
            injected(one)
            raise KeyboardInterrupt
        all_is_over()
        assert future.done()
        return one.done

    at_each(once, 5)


@pytest.mark.timeout(DEADLINE)
def test_before_it_waits_for_what_does_not_stop(injected: Callable[[Injection], None]) -> None:
    free = threading.Event()

    def help_out(one: Injection) -> None:
        if not one.done:
            free.set()

    def once(at: int) -> bool:
        with pytest.raises(KeyboardInterrupt), mainstage.Run("torn", view="silent", grace=10 * DEADLINE) as run:  # noqa: PT012  # as above
            loop = run._live().show.loop
            one = Injection(mainstage.Run.__exit__, at, lambda: not loop.pumping)
            future = run.submit(free.wait)
            while not future.running():
                pass
            helped = threading.Timer(1.0, help_out, [one])
            helped.start()
            injected(one)
            raise KeyboardInterrupt
        helped.cancel()
        all_is_over()
        assert one.done or free.is_set()
        return not free.is_set()

    at_each(once, 0)
