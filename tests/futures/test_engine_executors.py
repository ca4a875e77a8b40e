"""Executors of engines hold to the standard library's rules for what waits, what runs, and the end."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends.ports import FakeAdapter

from mainstage import futures
from mainstage.channels.outbox import ShiftedClock
from mainstage.pool import open as choose
from mainstage.pool.engines.worker import WorkerAgent
from mainstage.run.run import current_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mainstage.pool.engines.adapter import Piece

SOON = 30.0


class Engine(FakeAdapter):
    """An engine that holds what it is given until the test has a worker do it."""

    def __init__(self) -> None:
        self.held: list[Piece] = []
        self.came = threading.Condition()
        self.dropped: list[Any] = []
        self.asked: list[int] = []

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        """Hold them."""
        with self.came:
            self.held += pieces
            self.came.notify_all()
        return list(pieces)

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:
        """Note it."""
        del worker, kill
        with self.came:
            self.dropped.append(handle)
            self.held.remove(handle)
            self.came.notify_all()

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Note it."""
        del reason
        self.asked += tasks

    def wait_for(self, held: int) -> None:
        """Wait until it holds so many."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.held) == held, SOON)

    def work(self, count: int = 1) -> None:
        """Have a worker do the oldest ones, on this thread."""
        for _ in range(count):
            with self.came:
                assert self.came.wait_for(lambda: self.held, SOON)
                piece = self.held.pop(0)
            worker = WorkerAgent("node/1", self.hear, ShiftedClock(0.0))
            worker.channel.start()
            result = worker.work(piece.head, piece.function, piece.data, piece.large)
            worker.channel.stop()
            piece.done(result, None)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    found = Engine()
    monkeypatch.setattr(choose, "open_port", lambda *_: found)
    return found


@pytest.fixture
def pool(engine: Engine) -> Iterator[futures.DaskExecutor]:
    del engine
    made = futures.DaskExecutor(view="silent")
    yield made
    made.shutdown(cancel_futures=True)


gate = threading.Event()
begun = threading.Event()


def double(n: int) -> int:
    return 2 * n


def waits(n: int) -> int:
    begun.set()
    assert gate.wait(SOON)
    return n


def test_what_was_handed_out_ahead_is_taken_back_when_a_map_is_dropped(
    engine: Engine, pool: futures.DaskExecutor
) -> None:
    results = pool.map(double, range(10))
    engine.work()
    assert next(results) == 0
    engine.wait_for(held=9)
    results.close()  # type: ignore[attr-defined]  # as the end of a loop that is left does
    engine.wait_for(held=0)
    assert len(engine.dropped) == 9
    assert len(engine.asked) == 9
    pool.shutdown()


def test_a_call_waits_until_a_worker_begins_it(engine: Engine, pool: futures.DaskExecutor) -> None:
    gate.clear()
    begun.clear()
    first, second = pool.submit(waits, 1), pool.submit(waits, 2)
    engine.wait_for(held=2)
    assert not first.running()
    worker = threading.Thread(target=engine.work)
    worker.start()
    assert begun.wait(SOON)
    ends = threading.Event()
    for _ in range(1000):
        if first.running() or ends.wait(0.01):
            break
    assert first.running()
    assert not first.cancel()
    assert second.cancel()
    engine.wait_for(held=0)
    gate.set()
    assert first.result(SOON) == 1
    with pytest.raises(CancelledError):
        second.result(SOON)
    worker.join()


def test_a_shutdown_that_does_not_wait_returns_and_what_was_submitted_goes_on(
    engine: Engine, pool: futures.DaskExecutor
) -> None:
    calls = [pool.submit(double, n) for n in range(3)]
    pool.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(double, 4)
    engine.work(3)
    assert [call.result(SOON) for call in calls] == [0, 2, 4]
    assert current_run() is not None
    pool.shutdown()
    assert current_run() is None


def test_a_shutdown_that_does_not_wait_cancels_what_it_is_told_to(engine: Engine, pool: futures.DaskExecutor) -> None:
    calls = [pool.submit(double, n) for n in range(3)]
    engine.wait_for(held=3)
    pool.shutdown(wait=False, cancel_futures=True)
    assert all(call.cancelled() for call in calls)
    engine.wait_for(held=0)


def test_a_shutdown_with_nothing_to_wait_for_ends_the_display_at_once(
    engine: Engine, pool: futures.DaskExecutor
) -> None:
    call = pool.submit(double, 4)
    engine.work()
    assert call.result(SOON) == 8
    ended = threading.Event()
    for _ in range(1000):
        if not pool._run._pending() or ended.wait(0.01):
            break
    pool.shutdown(wait=False)
    assert current_run() is None
