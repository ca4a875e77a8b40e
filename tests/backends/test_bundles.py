"""Short items of a map go to an engine in bundles: each item's outcome, count and request to stop is its own."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import CancelledError
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends.clusters import SOON, Kept
from tests.backends.ports import FakeAdapter

import mainstage
from mainstage.core import pickling
from mainstage.core.commands import Cancel, Hold
from mainstage.core.retry_policy import check_policy
from mainstage.errors import Cancelled, Unpicklable, WorkerLost
from mainstage.events import TaskEnded, TaskFailed, TaskRetried, TaskStarted
from mainstage.pool import open as choose
from mainstage.pool.engines.batch import MOST, Pace
from mainstage.pool.engines.pieces import ItemPieces
from mainstage.pool.engines.worker import WorkerAgent
from mainstage.pool.mapping import Map
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mainstage.pool.engines.adapter import Piece

TOGETHER = 5


class At(threading.local):
    """Where an item is at work."""

    engine: Engine
    clock: ManualClock
    station: WorkerAgent


at = At()


class Engine(FakeAdapter):
    """An engine whose workers are threads of this process, each with a clock that stands unless an item moves it."""

    slots = 2

    def __init__(self) -> None:
        self.sizes: list[int] = []
        """How many items each piece had, as it was submitted."""
        self.lost: Callable[[Piece], bool] = lambda _: False
        """Whether a worker dies of a piece."""
        self.deaf = False
        self.stations: list[WorkerAgent] = []
        self.held = threading.Event()
        """Nothing is done until this is set, as it is at first, and by the first `drop`."""
        self.held.set()
        self.came = threading.Event()
        self.called = threading.Event()
        self._queue: SimpleQueue[Piece | None] = SimpleQueue()
        self._dropped: set[int] = set()
        self._threads = [threading.Thread(target=self._serve, args=(place,)) for place in range(self.slots)]

    def open(self, run: str, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:
        """Begin."""
        super().open(run, hear, gone)
        for thread in self._threads:
            thread.start()

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        """Have each done on a thread, in order."""
        for piece in pieces:
            self.sizes.append(len(tasks_of(piece)))
            self._queue.put(piece)
            self.came.set()
            if piece.head.description == "double(4)":
                self.called.set()
        return list(pieces)

    def _serve(self, place: int) -> None:
        clock = ManualClock()
        station = WorkerAgent(f"node/{place}", self._carry, clock)
        self.stations.append(station)
        at.engine, at.clock, at.station = self, clock, station
        while (piece := self._queue.get()) is not None:
            self.held.wait(SOON)
            head, function, data, large, done = piece
            if head.task in self._dropped:
                done(None, Cancelled("dropped"))
            elif self.lost(piece):
                done(None, WorkerLost("the worker died", 0, None, ""))
            else:
                done(station.work(head, function, data, large), None)

    def _carry(self, batch: bytes) -> None:
        if not self.deaf:
            self.hear(batch)

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask on all workers."""
        for station in self.stations:
            station.ask(tasks, reason)

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:
        """Have it not run if it has not begun."""
        del worker, kill
        self._dropped.add(handle.head.task)
        self.held.set()

    def close(self) -> None:
        """End the threads."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()


def tasks_of(piece: Piece) -> list[int]:
    if not piece.head.bundle:
        return [piece.head.task]
    return [task for task, _ in pickling.unpack(piece.data)]


def inputs_of(piece: Piece) -> list[Any]:
    told = [data for _, data in pickling.unpack(piece.data)] if piece.head.bundle else [piece.data]
    return [pickling.unpack(data)[0][0] for data in told]


def take_long() -> None:
    """Let the item at work run for long, and its worker's reporter look at it."""
    at.clock.advance(1.0)
    at.station.channel.report(at.clock.now())


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    found = Engine()
    monkeypatch.setattr(choose, "open_port", lambda *_: found)
    monkeypatch.setattr(Pace, "together", lambda *_: TOGETHER)
    return found


@contextlib.contextmanager
def run_of(kept: Kept) -> Iterator[mainstage.Run]:
    """Make a run in which nothing but the outcome of an item ends it: no grace time comes to an end."""
    options: dict[str, Any] = {"view": "silent", "on_error": "collect", "grace": 1000.0}
    with mainstage.Run("bundles", executor="dask", recorder=kept, **options) as run:
        yield run
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def at_once(run: mainstage.Run, items: Iterable[Any]) -> Iterator[Any]:
    """Give a few items as an input that is handed out when all of it is there: in as few pieces as can be."""
    run._live().work.backend.command(Hold(on=True))
    yield from items
    run._live().work.backend.command(Hold(on=False))


# --- functions ---


class Gates:
    """What the functions of a test wait for."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.began = threading.Event()


gates = Gates()


@pytest.fixture(autouse=True)
def new_gates() -> None:
    gates.__init__()  # type: ignore[misc]  # functions know it by its name


def double(n: int) -> int:
    return 2 * n


def picky(n: int) -> int:
    if n == 2:
        raise ValueError(f"no {n}")
    return n


def fail(n: int) -> None:
    raise ValueError(f"attempt {mainstage.current_task().attempt} of {n}")


def odd_ones_do_not_travel(n: int) -> Any:
    return threading.Lock() if n % 2 else n


class Trouble:
    def __reduce__(self) -> Any:
        return int, ("no number",)


def makes_trouble_here(n: int) -> Any:
    return Trouble() if n == 2 else n


def first(n: int, _: Any) -> int:
    return n


def counted(n: int) -> int:
    with mainstage.task("inner", total=2) as inner:
        inner.advance(2)
    mainstage.current_task().advance(n)
    return n


def second_takes_long(n: int) -> tuple[int, bool]:
    """Run, as item 2, until the gate opens and item 3 has run; without item 3, just long."""
    waited = True
    if n == 2:
        take_long()
        waited = gates.open.wait(SOON) and gates.began.wait(SOON)
    if n == 3:
        gates.began.set()
    return n, waited


def second_is_asked(n: int) -> int:
    """Run, as item 2, until the gate opens; then see whether somebody has asked for a stop."""
    ran.append(n)
    if n == 2:
        gates.began.set()
        gates.open.wait(SOON)
        mainstage.current_task().check_cancelled()
    return n


def interrupted(n: int) -> int:
    if n == 2:
        raise KeyboardInterrupt
    return n


def slow(n: int) -> int:
    at.clock.advance(0.06)
    return n


def large(n: int) -> bytes:
    return bytes([n]) * 400_000


ran: list[int] = []


@pytest.fixture(autouse=True)
def none_ran() -> None:
    ran.clear()


# --- how many ---


def pace(seconds: float, count: int = 100) -> Pace:
    found = Pace()
    for _ in range(count):
        found.learn(seconds)
    return found


def test_nothing_is_assumed_of_items_before_one_has_ended() -> None:
    assert Pace().together(2, 1000, 1000) == 1


def test_a_bundle_is_some_hundredths_of_a_second_of_work() -> None:
    assert pace(0.001).together(2, 1000, 1000) == 30
    assert pace(0.01).together(2, 1000, 1000) == 3
    assert pace(0.02).together(2, 1000, 1000) == 1
    assert pace(0.0).together(2, 100_000, 100_000) == MOST


def test_a_bundle_leaves_other_workers_their_share() -> None:
    assert pace(0.001).together(100, 1000, 1000) == 3
    assert pace(0.001).together(2, 1000, 40) == 10
    assert pace(0.001).together(2, 1000, 3) == 1


def test_the_latest_items_weigh_the_most() -> None:
    found = pace(0.001)
    for _ in range(10):
        found.learn(0.1)
    assert found.together(2, 1000, 1000) == 1


@pytest.mark.parametrize(("slots", "most"), [(2, 1000), (64, 4096), (5000, 20_000), (20_000, 40_000)])
def test_the_engine_has_half_a_second_of_work_ahead_within_bounds(
    slots: int, most: int, engine: Engine, kept: Kept
) -> None:
    assert engine.slots
    with run_of(kept) as run:
        backend: Any = run._live().work.backend
        backend.workers.max_workers = slots
        share = backend.open_map(double, iter(()), check_policy(0, None, 5.0))
        items = backend.workers._maps[share.id]
        assert items.ahead() == 2 * slots
        items.pace = pace(0.001, 25_000)
        assert items.ahead() == most


# --- outcomes ---


def test_results_keep_their_order_and_each_item_is_counted_once(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        assert list(run.map(double, range(200))) == [2 * n for n in range(200)]
    assert max(engine.sizes) == TOGETHER
    assert len(engine.sizes) < 100
    assert kept.state.counts.done == 200


def test_short_items_are_told_of_together(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        assert list(run.map(double, at_once(run, range(4)))) == [0, 2, 4, 6]
    assert engine.sizes == [4]
    assert not kept.of(TaskStarted)
    assert kept.state.counts.done == 4


def test_an_error_in_a_bundle_is_its_items_own(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        results: list[Any] = list(run.map(picky, at_once(run, range(4)), on_error="collect"))
    assert engine.sizes == [4]
    assert isinstance(results[2], ValueError)
    assert any("input 2" in note for note in results[2].__notes__)
    assert [one for one in results if one is not results[2]] == [0, 1, 3]
    assert [event.input for event in kept.of(TaskFailed)] == ["2"]
    assert (kept.state.counts.done, kept.state.counts.failed) == (3, 1)


def test_an_item_that_is_tried_again_goes_alone(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        results: list[Any] = list(run.map(picky, at_once(run, range(4)), on_error="collect", retries=1))
    assert engine.sizes == [4, 1]
    assert isinstance(results[2], ValueError)
    assert [event.attempt for event in kept.of(TaskRetried)] == [1]
    assert [event.attempt for event in kept.of(TaskFailed)] == [2]
    assert (kept.state.counts.done, kept.state.counts.failed) == (3, 1)


def test_items_that_are_tried_again_at_the_same_time_go_alone(
    engine: Engine, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = Map.requeue

    def hold_until_all(self: Map, entry: Any) -> None:
        workers: Any = self.workers
        workers.hold(on=True)
        again(self, entry)
        tried.append(entry)
        workers.hold(on=len(tried) < 4)

    tried: list[Any] = []
    monkeypatch.setattr(Map, "requeue", hold_until_all)
    with run_of(kept) as run:
        results: list[Any] = list(run.map(fail, at_once(run, range(4)), on_error="collect", retries=1))
    assert engine.sizes == [4, 1, 1, 1, 1]
    assert [str(one) for one in results] == [f"attempt 2 of {n}" for n in range(4)]


def test_a_result_that_does_not_travel_leaves_the_others_alone(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        results: list[Any] = list(run.map(odd_ones_do_not_travel, at_once(run, range(4)), on_error="collect"))
    assert engine.sizes == [4]
    assert [isinstance(one, Unpicklable) for one in results] == [False, True, False, True]
    assert [results[0], results[2]] == [0, 2]


def test_a_result_that_cannot_be_made_here_leaves_the_others_alone(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        results: list[Any] = list(run.map(makes_trouble_here, at_once(run, range(4)), on_error="collect"))
    assert engine.sizes == [4]
    assert isinstance(results[2], Unpicklable)
    assert [results[0], results[1], results[3]] == [0, 1, 3]


def test_an_argument_that_does_not_travel_fails_before_its_bundle_goes(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        results: list[Any] = list(run.map(double, at_once(run, [1, threading.Lock(), 3]), on_error="collect"))
    assert engine.sizes == [2]
    assert isinstance(results[1], Unpicklable)
    assert [results[0], results[2]] == [2, 6]


def test_what_items_report_is_exact(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        assert list(run.map(counted, at_once(run, range(4)))) == [0, 1, 2, 3]
    assert engine.sizes == [4]
    started = {event.task: event.parent for event in kept.of(TaskStarted)}
    ended = {event.task: event.completed for event in kept.of(TaskEnded)}
    assert sorted(ended[task] for task, parent in started.items() if parent is None) == [0, 1, 2, 3]
    assert [ended[task] for task, parent in started.items() if parent is not None] == [2, 2, 2, 2]
    assert kept.state.counts.done == 4


def test_where_a_worker_has_died_its_items_go_one_by_one_and_the_one_that_kills_fails_alone(
    engine: Engine, kept: Kept
) -> None:
    engine.lost = lambda piece: 2 in inputs_of(piece)
    with run_of(kept) as run:
        results: list[Any] = list(run.map(double, at_once(run, range(4)), on_error="collect"))
    assert engine.sizes == [4, 1, 1, 1, 1]
    assert isinstance(results[2], WorkerLost)
    assert any("input 2" in note for note in results[2].__notes__)
    assert [one for one in results if one is not results[2]] == [0, 2, 6]
    assert (kept.state.counts.done, kept.state.counts.failed) == (3, 1)


# --- what does not go together ---


def test_items_with_a_deadline_go_alone(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        assert list(run.map(double, at_once(run, range(4)), timeout=SOON)) == [0, 2, 4, 6]
    assert engine.sizes == [1, 1, 1, 1]


def test_items_go_alone_where_a_raw_queue_does(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        queue = run.queue(description="shared")
        assert list(run.map(first, at_once(run, range(4)), [queue] * 4)) == [0, 1, 2, 3]
    assert engine.sizes == [1, 1, 1, 1]


def test_large_arguments_go_alone(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        assert list(run.map(len, at_once(run, [b"x", bytes(20_000), b"xx"]))) == [1, 20_000, 2]
    assert sorted(engine.sizes) == [1, 2]


def test_a_call_does_not_wait_until_a_map_has_nothing_left(
    engine: Engine, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "together", lambda *_: 1)
    monkeypatch.setattr(ItemPieces, "ahead", lambda _: 200)
    engine.held.clear()
    seen: list[bool] = []

    def numbers() -> Iterator[int]:
        for n in range(300):
            if n == 150:  # a hundred wait in the engine
                run.submit(double, 4)
                seen.append(engine.called.wait(SOON))
                engine.held.set()
            yield n

    with run_of(kept) as run:
        assert sum(run.map(double, numbers())) == 300 * 299
    assert seen == [True]


# --- long ones ---


def test_an_item_that_turns_out_long_parts_with_those_before_and_after_it(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        results = run.map(second_takes_long, at_once(run, range(4)))
        before = [next(results), next(results)]
        gates.open.set()
        assert [*before, *results] == [(n, True) for n in range(4)]
    assert engine.sizes == [4, 1]
    assert "second_takes_long(2)" in [event.description for event in kept.of(TaskStarted)]
    assert kept.state.counts.done == 4


def test_results_are_the_same_where_nobody_hears_that_it_parts(
    engine: Engine, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mainstage.pool.engines.workers.NEWS_S", 0.01)
    engine.deaf = True
    gates.open.set()
    gates.began.set()
    with run_of(kept) as run:
        assert [n for n, _ in run.map(second_takes_long, at_once(run, range(4)))] == [0, 1, 2, 3]
    assert kept.state.counts.done == 4


def test_a_bundle_that_takes_too_long_gives_back_what_it_has_not_begun(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        assert list(run.map(slow, at_once(run, range(4)))) == [0, 1, 2, 3]
    assert engine.sizes == [4, 2]
    assert kept.state.counts.done == 4


def test_a_bundle_whose_results_are_large_gives_back_what_it_has_not_begun(engine: Engine, kept: Kept) -> None:
    with run_of(kept) as run:
        assert [len(one) for one in run.map(large, at_once(run, range(4)))] == [400_000] * 4
    assert engine.sizes == [4, 2]


# --- stopping ---


def test_an_interrupt_in_an_item_ends_its_bundle_and_not_those_after_it(engine: Engine, kept: Kept) -> None:
    """Ray asks what runs to stop that way."""
    with run_of(kept) as run:
        results: list[Any] = list(run.map(interrupted, at_once(run, range(4)), on_error="collect"))
    assert engine.sizes == [4, 1]
    assert isinstance(results[2], KeyboardInterrupt)
    assert [results[0], results[1], results[3]] == [0, 1, 3]


def test_items_of_a_bundle_are_cancelled_one_by_one(engine: Engine, kept: Kept) -> None:
    def cancel_two() -> None:
        gates.began.wait(SOON)
        (share,) = backend._maps.values()
        tasks = sorted(share.in_hand)
        for place in (2, 3):  # the one that runs, and the one after it
            backend.command(Cancel(tasks[place], "not wanted"))
        backend.workers.post(gates.open.set)

    with run_of(kept) as run:
        backend: Any = run._live().work.backend
        asker = threading.Thread(target=cancel_two)
        asker.start()
        results: list[Any] = list(run.map(second_is_asked, at_once(run, range(4)), on_error="collect"))
        asker.join()
    assert engine.sizes == [4]
    assert [isinstance(one, CancelledError) for one in results] == [False, False, True, True]
    assert ran == [0, 1, 2]
    assert (kept.state.counts.done, kept.state.counts.cancelled) == (2, 2)


def test_a_bundle_that_waits_is_dropped_when_all_is_cancelled(engine: Engine, kept: Kept) -> None:
    engine.held.clear()
    with run_of(kept) as run:
        canceller = threading.Thread(target=lambda: (engine.came.wait(SOON), run.cancel()))
        canceller.start()
        results: list[Any] = list(run.map(second_is_asked, at_once(run, range(4)), on_error="collect"))
        canceller.join()
    assert engine.sizes == [4]
    assert not ran
    assert not [one for one in results if not isinstance(one, CancelledError)]
