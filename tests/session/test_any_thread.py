"""A run may be left on any thread: whatever only the main thread can give back comes back to it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.terminals import environment

import mainstage
from mainstage.run.display_session import DisplaySession
from mainstage.run.run import own_run
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG]


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in SIGNALS]


def elsewhere(call: Callable[[], object]) -> Any:
    """Return what `call` does on another thread, for which the main one waits in code that is not ours."""
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(call())
        except BaseException as error:  # noqa: BLE001  # a test looks at it
            got.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return got[0]


@pytest.fixture(params=["reachable", "out of reach", "silent"])
def how(request: pytest.FixtureRequest) -> dict[str, Any]:
    ways: dict[str, dict[str, Any]] = {
        "reachable": {"view": "live", "display": RecordingDisplay()},
        "out of reach": {"view": "live", "display": RecordingDisplay(), "heartbeat": False},
        "silent": {"view": "silent"},
    }
    return ways[str(request.param)]


@pytest.fixture(autouse=True)
def all_given_back() -> Iterator[None]:
    before, threads = handlers(), set(threading.enumerate())
    yield
    assert DisplaySession.current is None
    with pytest.raises(KeyboardInterrupt):  # our handler may still stand, to be put off by the first signal
        signal.raise_signal(signal.SIGINT)
    with mainstage.Run(view="silent"):  # or by the next run
        pass
    assert handlers() == before
    for thread in set(threading.enumerate()) - threads:
        thread.join(5)
        assert not thread.is_alive(), thread


def test_a_map_begun_here_is_finished_there(how: dict[str, Any]) -> None:
    run = own_run(on_error="collect", **how)

    def results() -> Iterator[str]:  # as `mainstage.map`, with a display that is told
        with run:
            yield from run.map(str, range(50))

    taken = results()
    first = next(taken)
    assert [first, *elsewhere(lambda: list(taken))] == [str(n) for n in range(50)]


def test_a_map_begun_here_is_dropped_there() -> None:
    taken: list[Any] = [mainstage.map(str, range(50), view="silent")]
    next(taken[0])
    assert elsewhere(taken.clear) is None
    assert DisplaySession.current is None


def test_a_track_begun_here_is_finished_there() -> None:
    rows = iter(mainstage.track(range(2000)))
    first = next(rows)
    assert [first, *elsewhere(lambda: list(rows))] == list(range(2000))


def test_an_async_track_begun_here_is_dropped_there() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def begun() -> Any:
        rows = aiter(mainstage.track(numbers()))
        await anext(rows)
        return rows

    rows = [asyncio.run(begun())]
    assert elsewhere(rows.clear) is None


def test_a_run_entered_here_is_left_there_and_raises_its_failure_there(how: dict[str, Any]) -> None:
    run = mainstage.Run("Work", **how)
    run.__enter__()
    run.submit(divmod, 1, 0)
    assert isinstance(elsewhere(lambda: run.__exit__(None, None, None)), ZeroDivisionError)


def test_a_run_left_there_is_left_once(how: dict[str, Any]) -> None:
    run = mainstage.Run("Work", **how)
    with run:
        assert elsewhere(lambda: run.__exit__(None, None, None)) is None


def test_a_run_that_is_left_while_the_owner_waits_in_it_is_closed_by_the_owner(how: dict[str, Any]) -> None:
    with mainstage.Run("Work", **how) as run:
        gate = threading.Event()
        future = run.submit(gate.wait)
        closing = threading.Thread(target=run.__exit__, args=(None, None, None))
        closing.start()
        threading.Timer(0.05, gate.set).start()
        assert future.result() is True
        closing.join()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_after_that_does_what_it_would_do_without_us(signum: int) -> None:
    code = f"""
import os, threading, mainstage
rows = iter(mainstage.track(range(3)))
next(rows)
thread = threading.Thread(target=list, args=(rows,))
thread.start(); thread.join()
os.kill(os.getpid(), {int(signum)})
threading.Event().wait(10)
"""
    status = subprocess.run([sys.executable, "-c", code], check=False, env=environment(), timeout=30).returncode
    assert status == -signum
