"""What an engine brings in another order than it was sent: results overtake events, none waits long."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends.clusters import SOON, Kept
from tests.backends.ports import FakeAdapter

import mainstage
from mainstage.channels.outbox import INTERVAL, ShiftedClock
from mainstage.core.clock import cpu
from mainstage.events import TaskEnded, TaskRetried, TextWritten
from mainstage.pool import open as choose
from mainstage.pool.engines import workers as engines
from mainstage.pool.engines.worker import WorkerAgent, pack_news

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.pool.engines.adapter import Piece


class LatePort(FakeAdapter):
    """An engine whose workers are threads of this process; what they tell is held back until it is let go."""

    def __init__(self) -> None:
        self.intervals: list[float] = []
        self.held: list[bytes] = []
        self.workers = [WorkerAgent("node/1", self.held.append, ShiftedClock(0.0))]
        """Each does each piece; only the result of the last one comes, and what that one tells is held back."""
        self.came = threading.Event()

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        """Have each done on a thread."""
        for piece in pieces:
            threading.Thread(target=self._work, args=(piece,)).start()
        return list(pieces)

    def _work(self, piece: Piece) -> None:
        for worker in self.workers:
            self.let_go()
            at_work.worker = worker
            result = worker.work(piece.head, piece.function, piece.data, piece.large)
        piece.done(result, None)
        self.came.set()

    def let_go(self) -> None:
        """Bring what was told so far."""
        while self.held:
            self.hear(self.held.pop(0))

    def set_interval(self, seconds: float) -> None:
        """Keep it: there is no reporter."""
        self.intervals.append(seconds)


class AtWork(threading.local):
    worker: WorkerAgent


at_work = AtWork()


def nested(n: int) -> int:
    """Report in the middle of a nested task: its start goes ahead, its end with the result."""
    with mainstage.task("inner", total=2) as inner:
        inner.advance()
        at_work.worker._basket.flush()
        inner.advance()
    return n


noted: list[int] = []


def note(n: int) -> None:
    """Leave a trace."""
    noted.append(n)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> LatePort:
    found = LatePort()
    monkeypatch.setattr(choose, "open_port", lambda *_: found)
    return found


def run_of(kept: Kept) -> mainstage.Run:
    return mainstage.Run("news", executor="dask", view="silent", recorder=kept)


def test_a_result_waits_for_the_events_that_it_has_overtaken(port: LatePort, kept: Kept) -> None:
    with run_of(kept) as run:
        future = run.submit(nested, 7)
        assert port.came.wait(SOON)
        assert not run.wait([future], timeout=0.05).done
        port.let_go()
        assert future.result(SOON) == 7
    assert [event.completed for event in kept.of(TaskEnded)] == [2, 0]
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_a_result_whose_events_are_lost_comes_all_the_same_and_the_next_one_waits_no_more(
    port: LatePort, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    port.workers = [WorkerAgent("node/1", lambda _: None, ShiftedClock(0.0))]
    with run_of(kept) as run:
        monkeypatch.setattr(engines, "NEWS_S", 0.05)
        assert run.submit(nested, 1).result(SOON) == 1
        monkeypatch.setattr(engines, "NEWS_S", 1000.0)
        assert run.submit(nested, 2).result(SOON) == 2
    assert kept.state.counts.done == 2
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_a_result_of_another_worker_than_began_is_of_a_second_attempt_though_nothing_else_says_so(
    port: LatePort, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "NEWS_S", 0.05)
    port.workers.append(WorkerAgent("node/2", port.held.append, ShiftedClock(0.0)))
    with run_of(kept) as run:
        assert run.submit(nested, 3).result(SOON) == 3
    assert [(event.attempt, event.error.type) for event in kept.of(TaskRetried)] == [(1, "WorkerLost")]
    assert [(event.attempt, event.task) for event in kept.of(TaskEnded)][-1] == (2, 1)
    assert kept.state.counts.done == 1
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_a_piece_that_was_asked_to_stop_before_it_came_is_not_begun(port: LatePort, kept: Kept) -> None:
    port.workers[0].expect(dict.fromkeys(range(10), "not wanted"))
    with run_of(kept) as run:
        future = run.submit(note, 4)
        with pytest.raises(CancelledError):
            future.result(SOON)
    assert not noted
    assert kept.state.counts.cancelled == 1


def test_the_workers_of_a_large_engine_begin_at_a_longer_interval(port: LatePort, kept: Kept) -> None:
    port.slots = 10_000
    with run_of(kept) as run:
        run.submit(note, 5).result(SOON)
    assert port.intervals[0] > 2 * INTERVAL
    assert port.workers[0].channel._seconds == port.intervals[0]  # as it came with the piece


def test_batches_that_wait_are_taken_together(port: LatePort, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def look() -> float:
        looks.append(cpu())
        return looks[-1]

    with run_of(kept) as run:
        backend = run._live().work.backend.workers
        assert isinstance(backend, engines.EngineWorkers)
        busy, taken = threading.Lock(), threading.Event()
        busy.acquire()
        backend.post(busy.acquire)  # type: ignore[arg-type]  # what it returns is nobody's
        monkeypatch.setattr(engines, "cpu", look)
        for number in range(100):
            port.hear(pack_news("node/1", [TextWritten(0.0, None, 0, "node/1", "stdout", f"line {number}")]))
        backend.post(taken.set)
        busy.release()
        assert taken.wait(SOON)
        assert len(looks) == 2
        port.hear(pack_news("node/1", [TextWritten(0.0, None, 0, "node/1", "stdout", "one more")]))
    assert [event.text for event in kept.of(TextWritten)] == [*(f"line {n}" for n in range(100)), "one more"]
