"""Work in interpreters of this process: the same contract through the same channel, from Python 3.14 on."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import engines as work
from tests.backends import process_work

import mainstage
from mainstage import futures
from mainstage.core.clock import monotonic
from mainstage.errors import MainstageError, PoolBroken, TaskTimeout, Unpicklable
from mainstage.events import MetricReported, TextWritten
from mainstage.pool.options import INTERPRETERS
from mainstage.testing import RecordingDisplay
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from mainstage.events import Event

needs_interpreters = pytest.mark.skipif(not INTERPRETERS, reason="needs Python 3.14")
SOON = 30.0


class Kept:
    """Keeps the events of a run, and the state that they lead to."""

    unshown: Collection[str] = ()

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.state = RunState()

    def record(self, event: Event) -> None:
        self.events.append(event)
        reduce(self.state, event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if "interpreter" in thread.name]


def opened(kept: Kept | None = None, **options: Any) -> mainstage.Run:
    options = {"max_workers": 2, "on_error": "collect", **options}
    return mainstage.Run("test", executor="interpreter", display=RecordingDisplay(), recorder=kept, **options)


def until(done: Callable[[], bool]) -> None:
    ends = monotonic() + SOON
    while not done():
        assert monotonic() < ends
        threading.Event().wait(0.01)


@pytest.mark.skipif(INTERPRETERS, reason="has interpreters")
@pytest.mark.parametrize(
    "start", [lambda: mainstage.Run(executor="interpreter"), lambda: futures.InterpreterPoolExecutor(2)]
)
def test_an_older_python_is_told_which_one_it_takes(start: Callable[[], object]) -> None:
    with pytest.raises(
        MainstageError, match=r'needs Python 3\.14 or newer, and this is 3\.\d+: take executor="process"'
    ):
        start()


@needs_interpreters
def test_calls_and_maps_run_beside_this_interpreter_and_come_back_in_order() -> None:
    with opened() as run:
        assert list(run.map(work.double, range(200))) == list(range(0, 400, 2))
        assert run.submit(work.beside).result() is True
    assert work.beside() is False


@needs_interpreters
def test_a_worker_reports_as_in_a_thread(kept: Kept) -> None:
    with opened(kept) as run:
        assert list(run.map(work.counted, [5, 7, 9])) == [10, 21, 36]
        assert run.submit(work.steps, 4).result() == 4
        assert run.submit(work.speak, 2).result() == 2
    assert kept.state.counts.done == 5
    assert not kept.state.tasks
    assert not kept.state.anomalies.count
    assert {"out 2", "log 2", "err 2"} <= {event.text for event in kept.of(TextWritten)}
    assert [event.value for event in kept.of(MetricReported)] == [0.5]


@needs_interpreters
def test_a_raw_queue_crosses() -> None:
    with opened() as run:
        queue = run.queue(total=20)
        run.submit(work.send, queue, 20).result()
        until(lambda: queue.completed == 20)


@needs_interpreters
def test_failures_arrive_as_themselves_and_what_does_not_travel_is_named() -> None:
    with opened() as run:
        awkward = run.submit(work.awkward, 1).exception()
        assert isinstance(awkward, work.Awkward)
        assert awkward.second == "two"
        assert isinstance(run.submit(work.unpicklable, 1).exception(), Unpicklable)
        assert isinstance(run.submit(work.length, threading.Lock()).exception(), Unpicklable)  # type: ignore[arg-type]


@needs_interpreters
def test_a_running_task_is_asked_to_stop_and_a_waiting_one_never_begins(tmp_path: Path) -> None:
    with opened(max_workers=1, grace=SOON) as run:
        running = run.submit(work.wait_for, str(tmp_path / "here"), str(tmp_path / "never"))
        waiting = run.submit(work.double, 2)
        until((tmp_path / "here").exists)
        assert run.cancel(waiting)
        assert run.cancel(running)
        assert isinstance(running.exception(), CancelledError)
        assert waiting.cancelled() or isinstance(waiting.exception(), CancelledError)
        assert run.submit(work.double, 3).result() == 6


@needs_interpreters
def test_a_deaf_task_is_left_behind_at_its_timeout_and_its_place_is_taken(tmp_path: Path) -> None:
    with opened(max_workers=1, grace=0.1) as run:
        deaf = run.options(timeout=0.5, retries=2).submit(work.stubborn, str(tmp_path / "here"), 3.0)
        after = run.submit(work.double, 4)
        assert isinstance(deaf.exception(), TaskTimeout)
        assert after.result() == 8
    until(lambda: not [thread for thread in threading.enumerate() if "interpreter" in thread.name])


@needs_interpreters
def test_an_initializer_runs_in_each_and_one_that_fails_says_so() -> None:
    with opened(initializer=process_work.initialize, initargs=(7,)) as run:
        assert run.submit(process_work.initialized).result() == [7]
    with opened(initializer=process_work.fail_initializer) as run:
        error = run.submit(work.double, 1).exception()
        assert isinstance(error, PoolBroken)
        assert "no database" in str(error)


@needs_interpreters
def test_the_executor_is_the_standard_librarys_by_its_signature() -> None:
    with futures.InterpreterPoolExecutor(2, "name", process_work.initialize, (7,), view="silent") as pool:
        assert list(pool.map(work.double, range(5))) == [0, 2, 4, 6, 8]
        assert pool.submit(process_work.initialized).result() == [7]
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(work.double, 1)


@needs_interpreters
def test_a_program_without_a_guard_is_told_of_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    program = "import mainstage\nprint(list(mainstage.map(abs, [-1, -2], executor='interpreter', view='silent')))\n"
    script.write_text(program, encoding="utf-8")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "if __name__ == '__main__':" in ended.stderr
    assert len(ended.stderr.splitlines()) < 20
