"""The signals of a program that is hosted: kept out of rounds of the loop, and handed over after them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from mainstage.channels.inbox import ThreadChannel
from mainstage.cli.exec_display import ExecRenderLoop, ExecSignalHandlers
from mainstage.testing import ManualClock, RecordingDisplay
from mainstage.ui.views.plain import SilentView

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def interrupts() -> Iterator[ExecSignalHandlers]:
    """Those of a loop that is at hand; the handlers of the test run are put back."""
    found = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    clock = ManualClock()
    loop = ExecRenderLoop(ThreadChannel(clock), SilentView(), RecordingDisplay(), clock)
    asked: list[str] = []

    def stop(cause: str, _signum: int) -> int:
        asked.append(cause)
        return len(asked)

    made = ExecSignalHandlers(loop, stop)
    vars(made)["asked"] = asked
    made.install()
    yield made
    made.restore()
    for signum, handler in found.items():
        signal.signal(signum, handler)


def test_the_program_finds_the_handler_that_python_sets(interrupts: ExecSignalHandlers) -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_in_a_round_is_handed_over_after_it(interrupts: ExecSignalHandlers) -> None:
    heard: list[int] = []
    theirs: Any = lambda signum, _frame: heard.append(signum)  # noqa: E731  # compared below
    signal.signal(signal.SIGUSR1, theirs)
    with interrupts.rounds(waiting=False):
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGINT)
        assert heard == []
    assert signal.getsignal(signal.SIGUSR1) is theirs
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        interrupts.raise_deferred()
    assert heard == [signal.SIGUSR1]
    interrupts.raise_deferred()


def test_ctrl_c_while_a_run_of_the_programs_own_waits_is_a_request_to_stop(interrupts: ExecSignalHandlers) -> None:
    loop = interrupts._loop

    def done() -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    assert loop.run_until(done)
    assert vars(interrupts)["asked"] == ["Ctrl-C"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_programs_own_hears_of_ctrl_c_while_it_waits(interrupts: ExecSignalHandlers) -> None:
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda signum, _frame: heard.append(signum))

    def done() -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    assert interrupts._loop.run_until(done)
    assert heard == [signal.SIGINT]
    assert vars(interrupts)["asked"] == []
