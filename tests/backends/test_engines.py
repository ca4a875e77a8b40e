"""The backend over Dask and Ray: the same worker code, the same outcomes, and nothing left behind."""

from __future__ import annotations

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import engines as work
from tests.backends.clusters import SOON, gone_from, interrupt, left_on, until
from tests.system.terminals import environment

import mainstage
from mainstage import futures
from mainstage.errors import TaskTimeout, Unpicklable, WorkerLost
from mainstage.events import MetricReported, TaskEnded, TaskRetried, TaskStarted, TaskStuck, TextWritten
from mainstage.pool.engines.workers import EngineWorkers
from mainstage.ui.views.bars import BarsView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.backends.clusters import Cluster, Kept

    from mainstage.events import Event

pytestmark = pytest.mark.timeout(180)  # a cluster may take long to start on a busy machine


# --- what works everywhere works there ---


@pytest.mark.parametrize("nested", [False, True])
def test_where_a_stuck_task_stands_is_told_by_its_worker(
    run_on: Callable[..., mainstage.Run], kept: Kept, tmp_path: Path, nested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    record = kept.record

    def free(event: Event) -> None:
        record(event)
        if isinstance(event, TaskStuck):
            moved.touch()

    monkeypatch.setattr(kept, "record", free)
    with run_on(stuck_after=1.0, view=BarsView()) as run:
        assert list(run.map(work.stand_still, [str(moved)], [nested])) == ["moved"]
    (told,) = kept.of(TaskStuck)
    assert told.place.endswith(" in stand_still")
    assert "engines.py:" in told.place
    assert told.seconds >= 1.0
    (stuck,) = [event for event in kept.of(TaskStarted) if event.task == told.task]
    assert (stuck.parent is not None) is nested


def test_a_map_gives_its_results_in_order_and_pulls_its_input_lazily(run_on: Callable[..., mainstage.Run]) -> None:
    pulled: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(10_000):
            pulled.append(n)
            yield n

    with run_on() as run:
        results = run.map(work.double, numbers())
        assert [next(results) for _ in range(20)] == list(range(0, 40, 2))
        assert len(pulled) < 3000
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
    node = socket.gethostname().partition(".")[0]
    assert {event.worker.partition("/")[0] for event in kept.of(TaskStarted)} == {node}


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


def test_a_large_argument_goes_through_the_engines_own_store_once(
    cluster: Cluster, run_on: Callable[..., mainstage.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    numpy = pytest.importorskip("numpy")
    stored: list[int] = []
    store, put = (cluster.joined, "scatter") if cluster.engine == "dask" else (import_module("ray"), "put")
    original = getattr(store, put)

    def spy(data: bytes, **options: Any) -> Any:
        stored.append(len(data))
        return original(data, **options)

    monkeypatch.setattr(store, put, spy)
    with run_on() as run:
        assert run.submit(work.length, bytes(3_000_000)).result() == 3_000_000
        twice, size = run.submit(work.total, numpy.ones(400_000)).result()
        assert twice.sum() == 800_000
    assert len(stored) == 2
    assert stored[1] == size == 3_200_000


def test_results_and_counts_are_the_same_where_no_event_arrives(
    run_on: Callable[..., mainstage.Run], kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EngineWorkers, "_heard", lambda *_: None)
    with run_on(on_error="collect") as run:
        assert list(run.map(work.counted, [5, 7, 9])) == [10, 21, 36]
        assert isinstance(run.submit(work.picky, 3).exception(), ValueError)
    assert (kept.state.counts.done, kept.state.counts.failed) == (3, 1)
    assert not kept.state.anomalies.count


def test_results_are_the_same_where_rays_actor_is_gone_before_a_worker_looks_for_it(
    cluster: Cluster, run_on: Callable[..., mainstage.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    if cluster.engine != "ray":
        pytest.skip("Dask has no actor of ours")
    ray, port = import_module("ray"), import_module("mainstage.pool.engines.ray")

    def open_and_lose(self: Any, run: str, *told: Any) -> None:
        opens(self, run, *told)
        ray.kill(self._exchange)
        for _ in range(1000):
            try:
                ray.get_actor(port.exchange_of(run))
            except ValueError:
                return
            threading.Event().wait(0.02)

    opens = port.RayAdapter.open
    monkeypatch.setattr(port.RayAdapter, "open", open_and_lose)
    with run_on(on_error="collect") as run:
        assert list(run.map(work.counted, [5, 7, 9])) == [10, 21, 36]
        assert isinstance(run.submit(work.picky, 3).exception(SOON), ValueError)


# --- many short items ---


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items each piece of work had."""
    found: list[int] = []
    send = EngineWorkers.send

    def spy(self: EngineWorkers, works: Any, pieces: Any) -> None:
        found.extend(len(work.tasks()) for work in works)
        send(self, works, pieces)

    monkeypatch.setattr(EngineWorkers, "send", spy)
    return found


def test_short_items_go_together_and_come_back_each_by_itself(
    run_on: Callable[..., mainstage.Run], kept: Kept, pieces: list[int]
) -> None:
    with run_on() as run:
        results: list[Any] = list(run.map(work.short, range(300), on_error="collect"))
    assert isinstance(failed := results.pop(150), ValueError)
    assert any("input 150" in note for note in failed.__notes__)
    assert results == [2 * n for n in range(300) if n != 150]
    assert len(pieces) < 200
    assert (kept.state.counts.done, kept.state.counts.failed) == (299, 1)
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_a_worker_that_dies_among_short_items_costs_none_of_them(
    run_on: Callable[..., mainstage.Run], kept: Kept, pieces: list[int], tmp_path: Path
) -> None:
    with run_on() as run:
        results = list(run.map(work.short_but_deadly, range(300), [str(tmp_path / "died")] * 300))
    assert results == [2 * n for n in range(300)]
    assert len(pieces) < 250
    assert kept.state.counts.done == 300
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_an_item_among_short_ones_that_takes_long_holds_up_no_other(
    run_on: Callable[..., mainstage.Run], kept: Kept, pieces: list[int], tmp_path: Path
) -> None:
    with run_on() as run:
        results = list(run.map(work.short_but_one, range(300), [str(tmp_path / "ran")] * 300))
    assert results == [2 * n for n in range(300)]
    assert len(pieces) < 250
    assert kept.state.counts.done == 300
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


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


def test_a_request_that_overtakes_its_task_stops_it_all_the_same(
    run_on: Callable[..., mainstage.Run], tmp_path: Path
) -> None:
    with run_on(on_error="collect") as run:
        futures = []
        for n in range(20):
            futures.append(run.submit(work.wait_for, str(tmp_path / f"here {n}"), str(tmp_path / "there")))
            run.cancel(futures[-1])
        for future in futures:
            with pytest.raises(CancelledError):
                future.result(SOON)


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
        until(tmp_path / "died")
        while not any("died" in event.description for event in kept.of(TaskStarted)):
            run.wait([dying], timeout=0.05)  # draws
        (tmp_path / "told").touch()
        assert dying.result(SOON) == "lived"
        assert [future.result(SOON) for future in futures] == [0, 2, 4, 6]
    assert kept.state.counts.done == 5
    assert [event.attempt for event in kept.of(TaskRetried)] == [1]
    assert kept.of(TaskRetried)[0].error.type == WorkerLost.__name__
    assert [(event.attempt, event.completed) for event in kept.of(TaskEnded) if event.completed] == [(2, 5)]
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_a_task_that_kills_each_worker_that_gets_it_fails_by_name_and_the_cluster_goes_on(
    cluster: Cluster, run_on: Callable[..., mainstage.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask may hold what waits at a worker responsible for its death too: docs/clusters.md says so."""
    if cluster.engine == "ray":  # the Dask scheduler of the fixture gives up as soon
        monkeypatch.setattr(import_module("mainstage.pool.engines.ray"), "RERUNS", 1)
    with run_on(on_error="collect") as run:
        with pytest.raises(WorkerLost) as caught:
            run.submit(work.die, 7).result(60)
        assert run.submit(work.double, 4).result(SOON) == 8
    assert any("input 7" in note for note in caught.value.__notes__)


# --- a cluster of others ---


def test_nothing_is_left_on_a_cluster_that_was_joined(
    cluster: Cluster, run_on: Callable[..., mainstage.Run], tmp_path: Path
) -> None:
    with run_on() as run:
        assert sum(run.map(work.double, range(20))) == 380
        assert run.submit(work.length, bytes(3_000_000)).result() == 3_000_000
        assert run.submit(work.speak, 1).result() == 1
        assert left_on(cluster), "the test sees nothing while there is something"
    gone_from(cluster)
    with pytest.raises(KeyError), run_on(grace=0.1) as run:  # noqa: PT012  # the block is the subject
        run.submit(work.stubborn, str(tmp_path / "here"), 1.0)  # outlives the run
        until(tmp_path / "here")
        raise KeyError("out")
    gone_from(cluster)


def test_nothing_is_left_on_it_by_a_program_that_ctrl_c_ends(cluster: Cluster, tmp_path: Path) -> None:
    interrupt(cluster.engine, cluster.address, tmp_path)
    gone_from(cluster)


def test_the_command_joins_a_cluster_and_runs_a_file_that_its_workers_do_not_have(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "only_here.py").write_text("FACTOR = 3\ndef f(text): return int(text) * FACTOR\n", encoding="utf-8")
    words = ["map", "-k", f"{tmp_path}/only_here.py:f", "1", "2", "3"]
    options = ["--executor", cluster.engine, "--cluster", cluster.address]
    argv = [sys.executable, "-m", "mainstage", *words, *options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["result"] for line in done.stdout.splitlines()] == [3, 6, 9]
    gone_from(cluster)


def test_an_executor_of_a_cluster_is_a_standard_one(cluster: Cluster) -> None:
    kind = futures.DaskExecutor if cluster.engine == "dask" else futures.RayExecutor
    with kind(cluster.joined, view="silent") as executor:
        assert isinstance(executor, concurrent.futures.Executor)
        assert list(executor.map(work.double, range(5))) == [0, 2, 4, 6, 8]
        future = executor.submit(work.picky, 3)
        assert isinstance(future.exception(), ValueError)
        assert executor.submit(work.double, 4).result() == 8
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(work.double, 1)
