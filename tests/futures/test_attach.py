"""`run.attach(pool)`: executors of the user's, shown while the block lasts, and otherwise as they were."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskQueued, TaskStarted
from mainstage.futures import ThreadPoolExecutor as DropIn
from mainstage.run.render_loop import RenderLoop
from mainstage.ui.display.recording import RecordingDisplay
from mainstage.ui.state import reducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState

SOON = 10.0


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Event]]:
    """Return what the owner reduces; nothing of it may be impossible."""
    seen: list[Event] = []
    states: list[RunState] = []

    def reduce(state: RunState, event: Event) -> None:
        seen.append(event)
        states.append(state)
        reducer.reduce(state, event)

    monkeypatch.setattr("mainstage.run.render_loop.reduce", reduce)
    yield seen
    assert [list(state.anomalies.last) for state in states[-1:]] in ([], [[]])


@pytest.fixture
def run(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> mainstage.Run:
    monkeypatch.setattr(RenderLoop, "check_detail", lambda loop: setattr(loop.channel, "detailed", True))
    return mainstage.Run("Work", view="live", display=RecordingDisplay())


def of(events: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if type(event) is kind]


def double(n: int) -> int:
    return 2 * n


def fail(n: int) -> int:
    raise ValueError(f"no {n}")


class Inline(Executor):
    """Runs a call at once, on the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except ValueError as error:
            future.set_exception(error)
        return future


def test_calls_of_a_thread_pool_report_from_inside(run: mainstage.Run, events: list[Event]) -> None:
    def work(n: int) -> int:
        return sum(mainstage.track(range(n)))

    with ThreadPoolExecutor(2, thread_name_prefix="theirs") as pool, run:
        run.attach(pool)
        assert pool.submit(work, 10).result(SOON) == 45
        assert list(pool.map(double, range(3))) == [0, 2, 4]
    assert [event.description for event in of(events, TaskQueued)] == [
        "work(10)",
        "double(0)",
        "double(1)",
        "double(2)",
    ]
    assert {event.worker.rpartition("_")[0] for event in of(events, TaskStarted)} == {"theirs"}
    assert of(events, TaskEnded)[0].completed == 10


def test_calls_of_a_process_pool_are_seen_from_outside(run: mainstage.Run, events: list[Event]) -> None:
    with ProcessPoolExecutor(1) as pool, run:
        run.attach(pool)
        assert list(pool.map(double, range(20), chunksize=5)) == [2 * n for n in range(20)]
        assert isinstance(pool.submit(fail, 3).exception(SOON), ValueError)
    assert of(events, TaskQueued)[0].description.startswith("double(")
    assert {event.worker for event in of(events, TaskStarted)} == {"ProcessPoolExecutor"}
    assert (len(of(events, TaskStarted)), len(of(events, TaskEnded)), len(of(events, TaskFailed))) == (5, 4, 1)


def test_any_other_executor_is_seen_from_outside(run: mainstage.Run, events: list[Event]) -> None:
    pool = Inline()
    with run:
        run.attach(pool)
        assert pool.submit(double, 4).result() == 8
        assert isinstance(pool.submit(fail, 4).exception(), ValueError)
    assert (len(of(events, TaskEnded)), len(of(events, TaskFailed))) == (1, 1)


def test_the_start_of_a_call_outside_is_told_when_it_is_noticed(run: mainstage.Run, events: list[Event]) -> None:
    class Held(Executor):
        def submit(self, *_: Any, **__: Any) -> Future[Any]:
            return futures.pop(0)

    first, second, third = futures = [Future[Any]() for _ in range(3)]
    pool = Held()
    with run:
        run.attach(pool)
        pool.submit(double, 1)
        assert first.set_running_or_notify_cancel()
        pool.submit(double, 2)
        pool.submit(double, 3)
        first.set_result(2)
        assert third.cancel()
        assert second.set_running_or_notify_cancel()
        second.set_result(4)
    kinds = [(type(event), getattr(event, "task", None)) for event in events if hasattr(event, "task")]
    assert kinds == [
        (TaskQueued, 1),
        (TaskQueued, 2),
        (TaskStarted, 1),
        (TaskQueued, 3),
        (TaskEnded, 1),
        (TaskCancelled, 3),
        (TaskStarted, 2),
        (TaskEnded, 2),
    ]


def test_the_end_of_the_block_waits_and_gives_the_pool_back(run: mainstage.Run) -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with run:
            run.attach(pool)
            run.attach(pool)
            future = pool.submit(gate.wait, SOON)
            threading.Timer(0.05, gate.set).start()
        assert future.done()
        assert "submit" not in vars(pool)
        assert pool.submit(double, 2).result(SOON) == 4


def test_what_the_user_has_put_in_the_place_of_submit_is_put_back_or_left(run: mainstage.Run) -> None:
    class Mine:
        """Whatever they have made of it."""

    with ThreadPoolExecutor(1) as before, ThreadPoolExecutor(1) as during:
        own, later = before.submit, Mine()
        before.submit = own  # type: ignore[method-assign]  # the user's
        with run:
            run.attach(before)
            run.attach(during)
            assert before.submit is not own
            during.submit = later  # type: ignore[method-assign, assignment]  # as above
        assert before.submit is own
        assert vars(during)["submit"] is later


def test_futures_stay_as_they_are_and_a_failure_is_theirs_alone(run: mainstage.Run) -> None:
    with ThreadPoolExecutor(1) as pool:
        with run:
            run.attach(pool)
            future = pool.submit(fail, 1)
            good = pool.submit(double, 1)
        assert type(future) is Future
        assert not getattr(future.exception(), "__notes__", [])
        assert good.result() == 2


def test_cancelling_the_run_cancels_what_waits_and_asks_what_runs(run: mainstage.Run, events: list[Event]) -> None:
    began = threading.Event()

    def endless() -> None:
        began.set()
        mainstage.current_task().sleep(SOON)

    with ThreadPoolExecutor(1) as pool, run:
        run.attach(pool)
        running, waiting = pool.submit(endless), pool.submit(double, 1)
        assert began.wait(SOON)
        run.cancel()
        with pytest.raises(CancelledError):
            running.result(SOON)
        assert waiting.cancelled()
    assert len(of(events, TaskCancelled)) == 2


def test_a_refused_call_is_raised_and_not_waited_for(run: mainstage.Run) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with run:
        run.attach(pool)
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(double, 1)


def test_a_drop_in_is_shown_once(run: mainstage.Run, events: list[Event]) -> None:
    with DropIn(1) as pool, run:
        run.attach(pool)
        assert pool.submit(double, 1).result() == 2
    assert len(of(events, TaskStarted)) == 1


def test_what_is_no_executor_is_refused_by_name(run: mainstage.Run) -> None:
    with run, pytest.raises(TypeError, match=r"attach\(\) takes a concurrent\.futures\.Executor, not int"):
        run.attach(3)  # type: ignore[arg-type]  # the point
