"""The backend over Dask and Ray: the same worker code, the same outcomes, and nothing left behind."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import engines as work
from tests.system.terminals import ROOT, environment

import mainstage
from mainstage import futures
from mainstage.clock import monotonic
from mainstage.errors import TaskTimeout, Unpicklable, WorkerLost
from mainstage.events import MetricReported, TaskEnded, TaskRetried, TaskStarted, TextWritten
from mainstage.state.model import RunState
from mainstage.state.reducer import reduce

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from mainstage.events import Event

ENGINES = ("dask", "ray")
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


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """A cluster of two workers that other work could use too."""
    if request.param == "dask":
        distributed: Any = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield "dask", client
    else:
        ray: Any = pytest.importorskip("ray")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield "ray", None
        ray.shutdown()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def run_on(engine: tuple[str, Any], kept: Kept) -> Callable[..., mainstage.Run]:
    """Make runs on that cluster."""
    name, cluster = engine

    def make(**options: Any) -> mainstage.Run:
        return mainstage.Run(name, executor=name, cluster=cluster, view="silent", recorder=kept, **options)

    return make


def until(there: Path) -> str:
    """Wait for a worker's file, and return what is in it."""
    deadline = monotonic() + SOON
    while monotonic() < deadline:
        if there.exists() and (text := there.read_text(encoding="utf-8")):
            return text
        threading.Event().wait(0.01)
    raise AssertionError(f"no {there.name} within {SOON:g} s")


# --- what works everywhere works there ---


def test_a_map_gives_its_results_in_order_and_pulls_its_input_lazily(run_on: Callable[..., mainstage.Run]) -> None:
    pulled: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(10_000):
            pulled.append(n)
            yield n

    with run_on() as run:
        results = run.map(work.double, numbers())
        assert [next(results) for _ in range(20)] == list(range(0, 40, 2))
        assert len(pulled) < 1000
        results.close()  # type: ignore[attr-defined]  # a generator


def test_futures_are_real_ones_and_come_as_they_complete(run_on: Callable[..., mainstage.Run]) -> None:
    with run_on() as run:
        futures = [run.submit(work.double, n) for n in range(6)]
        assert sorted(future.result() for future in run.as_completed(futures)) == [0, 2, 4, 6, 8, 10]


def test_each_task_is_shown_once_with_its_nested_ones_and_exact_counts(
    run_on: Callable[..., mainstage.Run], kept: Kept
) -> None:
    with run_on() as run:
        assert list(run.map(work.counted, [5, 7, 9])) == [10, 21, 36]
    assert kept.state.counts.done == 3
    assert not kept.state.tasks
    assert not kept.state.anomalies.count
    assert sorted(event.completed for event in kept.of(TaskEnded)) == [4, 4, 4, 5, 7, 9]
    assert sum(event.parent is not None for event in kept.of(TaskStarted)) == 3
    assert all("/" in event.worker for event in kept.of(TaskStarted))


def test_a_stepwise_worker_reports_and_returns(run_on: Callable[..., mainstage.Run], kept: Kept) -> None:
    with run_on() as run:
        assert run.submit(work.steps, 6).result() == 6
    assert [event.completed for event in kept.of(TaskEnded)] == [6]


def test_what_is_printed_and_logged_is_its_tasks(run_on: Callable[..., mainstage.Run], kept: Kept) -> None:
    with run_on() as run:
        assert run.submit(work.speak, 4).result() == 4
    (started,) = kept.of(TaskStarted)
    texts = {(event.stream, event.text) for event in kept.of(TextWritten) if event.task == started.task}
    assert texts == {("stdout", "out 4"), ("stderr", "err 4"), ("log", "log 4")}
    assert [event.value for event in kept.of(MetricReported)] == [0.25]


def test_a_raw_queue_counts_what_workers_put(run_on: Callable[..., mainstage.Run], kept: Kept) -> None:
    with run_on() as run:
        queue = run.queue(total=20, description="shared")
        for _ in range(4):
            run.submit(work.send, queue, 5)
    assert ("shared", 20) in {
        (started.description, ended.completed)
        for ended in kept.of(TaskEnded)
        for started in kept.of(TaskStarted)
        if started.task == ended.task
    }


def test_a_large_argument_goes_through_the_engines_own_store(run_on: Callable[..., mainstage.Run]) -> None:
    with run_on() as run:
        assert run.submit(work.length, bytes(3_000_000)).result() == 3_000_000


# --- failures ---


def test_a_failure_is_the_workers_own_with_its_input_and_remote_traceback(run_on: Callable[..., mainstage.Run]) -> None:
    with run_on(on_error="collect") as run, pytest.raises(ValueError, match="no 3") as caught:
        run.submit(work.picky, 3).result()
    assert any("input 3" in note for note in caught.value.__notes__)
    assert "in picky" in str(caught.value.__cause__)


def test_a_failure_in_a_map_stands_in_its_place(run_on: Callable[..., mainstage.Run]) -> None:
    with run_on() as run:
        results: list[Any] = list(run.map(work.picky, range(5), on_error="collect"))
    assert [result for result in results if not isinstance(result, Exception)] == [0, 1, 2, 4]
    assert isinstance(results[3], ValueError)


def test_what_cannot_travel_is_named(run_on: Callable[..., mainstage.Run]) -> None:
    with run_on(on_error="collect") as run:
        with pytest.raises(Unpicklable, match="result"):
            run.submit(work.unpicklable, 1).result()
        with pytest.raises(Unpicklable, match="argument"):
            run.submit(work.double, threading.Lock()).result()  # type: ignore[arg-type]  # the point
        with pytest.raises(work.Awkward, match="one and two"):
            run.submit(work.awkward, 1).result()


def test_a_failure_is_tried_again_under_retries(run_on: Callable[..., mainstage.Run], kept: Kept) -> None:
    with run_on(on_error="collect") as run, pytest.raises(ValueError, match="no 3"):
        run.options(retries=1).submit(work.picky, 3).result()
    assert [event.attempt for event in kept.of(TaskRetried)] == [1]


# --- stopping ---


def test_a_running_task_is_asked_to_stop_and_does(run_on: Callable[..., mainstage.Run], tmp_path: Path) -> None:
    with run_on() as run:
        future = run.submit(work.wait_for, str(tmp_path / "here"), str(tmp_path / "there"))
        until(tmp_path / "here")
        run.cancel(future)
        with pytest.raises(CancelledError):
            future.result(SOON)


def test_waiting_tasks_are_cancelled_without_having_begun(run_on: Callable[..., mainstage.Run], tmp_path: Path) -> None:
    files = [str(tmp_path / f"here {n}") for n in range(30)]
    with run_on(on_error="collect") as run:
        futures = [run.submit(work.wait_for, file, str(tmp_path / "there")) for file in files]
        until(tmp_path / "here 0")
        run.cancel()
        for future in futures:
            with pytest.raises(CancelledError):
                future.result(SOON)
    assert sum(os.path.exists(file) for file in files) <= 6  # noqa: PTH110  # plain names


def test_a_task_that_does_not_stop_is_given_up_at_its_timeout(
    run_on: Callable[..., mainstage.Run], tmp_path: Path
) -> None:
    with run_on(on_error="collect", grace=0.3) as run:
        future = run.options(timeout=0.5).submit(work.stubborn, str(tmp_path / "here"), 6.0)
        with pytest.raises(TaskTimeout):
            future.result(SOON)


def test_leaving_the_block_by_an_exception_stops_what_runs(
    run_on: Callable[..., mainstage.Run], tmp_path: Path
) -> None:
    with pytest.raises(KeyError), run_on() as run:  # noqa: PT012  # the block is the subject
        future = run.submit(work.wait_for, str(tmp_path / "here"), str(tmp_path / "there"))
        until(tmp_path / "here")
        raise KeyError("out")
    with pytest.raises(CancelledError):
        future.result(0)


# --- the engine runs a task twice ---


def test_a_worker_that_dies_costs_an_attempt_and_counts_nothing_twice(
    run_on: Callable[..., mainstage.Run], kept: Kept, tmp_path: Path
) -> None:
    with run_on(on_error="collect") as run:
        futures = [run.submit(work.double, n) for n in range(4)]
        dying = run.submit(work.die_once, str(tmp_path / "died"), str(tmp_path / "told"))
        while not any("die_once" in event.description for event in kept.of(TaskStarted)):
            run.wait([dying], timeout=0.05)  # draws
        (tmp_path / "told").touch()
        assert dying.result(SOON) == "lived"
        assert [future.result(SOON) for future in futures] == [0, 2, 4, 6]
    assert kept.state.counts.done == 5
    assert [event.attempt for event in kept.of(TaskRetried)] == [1]
    assert kept.of(TaskRetried)[0].error.type == WorkerLost.__name__
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


# --- a cluster of others ---


def test_nothing_is_left_on_a_cluster_that_was_joined(
    engine: tuple[str, Any], run_on: Callable[..., mainstage.Run]
) -> None:
    name, client = engine
    with run_on() as run:
        assert sum(run.map(work.double, range(20))) == 380
    assert not (left_on_dask(client) if name == "dask" else left_on_ray())


def left_on_dask(client: Any) -> list[str]:
    """Return what of ours is left on a scheduler or its workers."""
    topics = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler._broker._topics))
    tasks = client.run_on_scheduler(lambda dask_scheduler: [str(key) for key in dask_scheduler.tasks])
    stations = client.run(lambda: list(import_module("mainstage.backends.engine_worker")._stations))
    streams = client.run(lambda: type(sys.stdout).__name__)
    routers = [name for name in streams.values() if name == "Router"]
    return (
        [name for name in [*topics, *tasks] if "mainstage" in name]
        + [str(runs) for runs in stations.values() if runs]
        + routers
    )


def left_on_ray() -> list[str]:
    """Return what of ours is left in a cluster."""
    ray: Any = import_module("ray")
    try:
        actors = ray.util.list_named_actors(all_namespaces=True)
    except Exception as error:  # noqa: BLE001  # it cannot be asked
        return [str(error)]
    threads: list[str] = ray.get(ray.remote(work.threads).remote())
    return [str(actor) for actor in actors if "mainstage" in str(actor)] + threads


def test_an_executor_of_a_cluster_is_a_standard_one(engine: tuple[str, Any]) -> None:
    name, cluster = engine
    kind = futures.DaskExecutor if name == "dask" else futures.RayExecutor
    with kind(cluster, view="silent") as executor:
        assert isinstance(executor, concurrent.futures.Executor)
        assert list(executor.map(work.double, range(5))) == [0, 2, 4, 6, 8]
        future = executor.submit(work.picky, 3)
        assert isinstance(future.exception(), ValueError)
        assert executor.submit(work.double, 4).result() == 8
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(work.double, 1)


SCHEDULER_GOES = """
import sys, mainstage, distributed
from tests.backends import engines as work
if __name__ == "__main__":
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
    )
    client = distributed.Client(cluster, set_as_default=False, timeout=2)
    with mainstage.Run("gone", executor="dask", cluster=client, on_error="collect", grace=1) as run:
        future = run.submit(work.wait_for, sys.argv[1], sys.argv[2])
        while run.wait([future], timeout=0.05).not_done and not work.exists(sys.argv[1]):
            pass
        cluster.close(timeout=2)
        error = future.exception(20)
        print(type(error).__name__)
"""


def test_a_scheduler_that_goes_away_fails_what_it_had(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    program = tmp_path / "gone.py"
    program.write_text(SCHEDULER_GOES, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "here"), str(tmp_path / "there")],
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
        env=environment({"PYTHONPATH": str(ROOT)}),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {"CancelledError", "WorkerLost", "MainstageError"}


OWN = """
import json, sys, mainstage
from tests.backends import engines as work
if __name__ == "__main__":
    with mainstage.Run("own", executor=sys.argv[1], max_workers=2) as run:
        print(json.dumps(list(run.map(work.double, range(5)))))
"""


@pytest.mark.parametrize("name", ENGINES)
def test_without_an_address_a_cluster_is_started_and_ended(name: str, tmp_path: Path) -> None:
    pytest.importorskip({"dask": "distributed", "ray": "ray"}[name])
    program = tmp_path / "own.py"
    program.write_text(OWN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), name],
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
        env=environment({"PYTHONPATH": str(ROOT)}),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [0, 2, 4, 6, 8]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ENGINES)
def test_without_the_engine_the_error_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, {"dask": "distributed", "ray": "ray"}[name], None)
    monkeypatch.delitem(sys.modules, f"mainstage.backends.{name}_port", raising=False)
    with pytest.raises(mainstage.MainstageError, match=rf"mainstage\[{name}\]"), mainstage.Run(executor=name):
        pass
