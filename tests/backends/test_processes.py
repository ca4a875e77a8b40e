"""Work in processes: the same contract as in threads, and a death costs one task."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import process_work as work

import mainstage
from mainstage.core import pickling
from mainstage.core.clock import monotonic
from mainstage.errors import PoolBroken, TaskTimeout, Unpicklable, WorkerLost
from mainstage.events import MetricReported, TaskEnded, TaskStarted, TaskStuck, TextWritten
from mainstage.pool import mapping
from mainstage.pool.processes import worker_main
from mainstage.pool.processes.dispatcher import Dispatcher
from mainstage.testing import RecordingDisplay
from mainstage.ui.views.bars import BarsView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.events import Event

METHODS = ("fork", "forkserver", "spawn")
SOON = 30.0


class Events(list[Any]):
    """Records what is reduced."""

    unshown: tuple[str, ...] = ()

    def record(self, event: Event) -> None:
        self.append(event)


def opened(**options: Any) -> mainstage.Run:
    options = {"mp_context": "forkserver", "max_workers": 2, "on_error": "collect", **options}
    return mainstage.Run("test", executor="process", display=RecordingDisplay(), **options)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split(") ")[1][0] == "Z"


def gone_in(pid: int, seconds: float) -> bool:
    ends = monotonic() + seconds
    while not gone(pid) and monotonic() < ends:
        threading.Event().wait(0.01)
    return gone(pid)


def until(done: Callable[[], bool]) -> None:
    ends = monotonic() + SOON
    while not done():
        assert monotonic() < ends
        threading.Event().wait(0.01)


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_start_method_runs_calls_and_maps(method: str) -> None:
    with opened(mp_context=method) as run:
        futures = [run.submit(work.square, n) for n in range(10)]
        assert list(run.map(work.square, range(500))) == [n * n for n in range(500)]
        assert [future.result() for future in futures] == [n * n for n in range(10)]
        assert run.submit(os.getpid).result() != os.getpid()


def test_no_process_is_left_when_a_run_has_ended(method: str) -> None:
    with opened(mp_context=method) as run:
        pid = run.submit(work.pid_of_worker).result()
    assert gone(pid)


@pytest.mark.parametrize("how", work.DEATHS)
def test_a_death_costs_the_task_at_hand_and_no_other(how: str) -> None:
    with opened() as run:
        before = run.submit(work.square, 3)
        victim = run.submit(work.die, how)
        after = [run.submit(work.square, n) for n in range(20)]
        error = victim.exception()
        assert isinstance(error, WorkerLost)
        assert error.exitcode == (3 if how == "exit" else -getattr(__import__("signal"), how))
        assert ("status 3" if how == "exit" else how) in str(error)
        assert error.pid
        assert how in error.input
        assert before.result() == 9
        assert [future.result() for future in after] == [n * n for n in range(20)]


def test_a_death_in_a_map_of_tiny_items_costs_one_item() -> None:
    with opened() as run:
        results: list[Any] = list(run.map(work.die_at, range(3000), [1500] * 3000))
    lost = [n for n, value in enumerate(results) if isinstance(value, WorkerLost)]
    assert lost == [1500]
    assert [value for n, value in enumerate(results) if n != 1500] == [n for n in range(3000) if n != 1500]


def test_a_lost_task_runs_again_under_retries(tmp_path: Path) -> None:
    with opened(retries=1) as run:
        assert run.submit(work.die_once, str(tmp_path / "died")).result() == "lived"
        assert list(run.map(work.die_once, [str(tmp_path / "died too")])) == ["lived"]


def test_a_task_that_kills_every_worker_fails_after_its_attempts_and_the_pool_goes_on() -> None:
    with opened() as run:
        poison = run.options(retries=4).submit(work.die, "SIGKILL")
        others = [run.submit(work.square, n) for n in range(50)]
        assert isinstance(poison.exception(), WorkerLost)
        assert [future.result() for future in others] == [n * n for n in range(50)]


def test_a_stopped_process_is_killed_at_its_timeout() -> None:
    with opened(grace=0.2) as run:
        began = monotonic()
        error = run.options(timeout=0.3).submit(work.stop_myself).exception()
        assert isinstance(error, TaskTimeout)
        assert monotonic() - began < 5
        assert run.submit(work.square, 2).result() == 4


def test_a_deaf_task_is_killed_at_its_timeout_in_a_map() -> None:
    with opened(grace=0.2) as run:
        results: list[Any] = list(run.map(work.sleep_deaf, [60.0, 0.0, 0.0], timeout=2.0))
    assert isinstance(results[0], TaskTimeout)
    assert results[1:] == [None, None]


def test_a_task_over_its_timeout_is_tried_again_since_its_process_is_dead(tmp_path: Path) -> None:
    with opened(grace=0.1) as run:
        future = run.options(timeout=2.0, retries=1).submit(work.hang_once, str(tmp_path / "hung"))
        assert future.result() == "lived"


def test_a_running_task_is_cancelled_as_in_a_thread() -> None:
    with opened() as run:
        future = run.submit(work.count_for_long)
        while not future.running():
            threading.Event().wait(0.01)
        assert run.cancel(future)
        assert type(future.exception()).__name__ == "CancelledError"
        pids = {worker.pid for worker in run._live().work.backend.workers.dispatcher.workers}  # type: ignore[attr-defined]
        assert {run.submit(work.pid_of_worker).result() for _ in range(4)} <= pids


def test_what_a_worker_started_dies_with_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with opened(grace=0.1) as run:
        future = run.options(timeout=1.5).submit(work.child_of_worker, str(file))
        assert isinstance(future.exception(), TaskTimeout)
    assert gone_in(int(file.read_text(encoding="ascii")), 2)


def test_an_initializer_that_fails_says_so_at_once(method: str) -> None:
    with opened(mp_context=method, initializer=work.fail_initializer) as run:
        error = run.submit(work.square, 1).exception()
        assert isinstance(error, PoolBroken)
        assert "no database" in str(error)
        assert all(isinstance(one, PoolBroken) for one in run.map(work.square, range(5)))


def test_an_initializer_runs_in_each_worker() -> None:
    with opened(initializer=work.initialize, initargs=(7,)) as run:
        assert run.submit(work.initialized).result() == [7]


def test_a_worker_is_replaced_after_its_share_of_tasks() -> None:
    with opened(max_tasks_per_child=3, max_workers=1) as run:
        pids = [run.submit(work.pid_of_worker).result() for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_what_cannot_be_pickled_is_named() -> None:
    with opened() as run:
        argument = run.submit(work.length, {"file": threading.Lock()})  # type: ignore[arg-type]
        result = run.submit(work.return_lock)
        items: list[Any] = list(run.map(work.square, [1, threading.Lock(), 3]))
        assert isinstance(argument.exception(), Unpicklable)
        assert "argument 1 of length" in str(argument.exception())
        assert "[file]" in str(argument.exception())
        assert isinstance(result.exception(), Unpicklable)
        assert "return_lock" in str(result.exception())
        assert "inner" in str(result.exception())
    assert (items[0], items[2]) == (1, 9)
    assert isinstance(items[1], Unpicklable)


def test_exceptions_arrive_whatever_their_constructors_want() -> None:
    with opened() as run:
        needy, local = run.submit(work.raise_needy).exception(), run.submit(work.raise_local).exception()
    assert isinstance(needy, work.NeedsArguments)
    assert (needy.code, needy.why, str(needy)) == (5, "no room", "5: no room")
    assert "in raise_needy" in str(needy.__cause__)
    assert "LocalError: of a function" in str(local)


def test_a_worker_reports_as_in_a_thread() -> None:
    events = Events()
    with opened(recorder=events) as run:
        assert run.submit(work.report, 5).result() == 5
        assert list(run.map(work.report, [3])) == [3]
    ended = {event.task: event.completed for event in events if isinstance(event, TaskEnded)}
    named = {event.description: event for event in events if isinstance(event, TaskStarted)}
    assert ended[named["report(5)"].task] == 5
    assert ended[named["report(3)"].task] == 3
    inner = [event for event in events if isinstance(event, TaskStarted) and event.description == "inner"]
    assert [(event.parent, ended[event.task]) for event in inner] == [
        (named["report(5)"].task, 2),
        (named["report(3)"].task, 2),
    ]
    assert len({event.task for event in inner}) == 2
    assert [event.text for event in events if isinstance(event, TextWritten) and event.stream == "log"] == ["begun"] * 2
    assert [event.value for event in events if isinstance(event, MetricReported)] == [5, 3]
    kinds = [type(event).__name__ for event in events if getattr(event, "task", 0) == named["report(5)"].task]
    assert kinds.index("TaskStarted") < kinds.index("MetricReported") < kinds.index("TaskEnded")


def test_large_arguments_and_results_arrive() -> None:
    with opened() as run:
        assert run.submit(work.length, bytes(30_000_000)).result() == 30_000_000
        assert len(run.submit(work.big, 30_000_000).result()) == 30_000_000


def test_nobody_waits_for_a_stuck_worker_whose_pipe_is_full() -> None:
    with opened(grace=0.1) as run:
        stuck = run.submit(work.sleep_deaf, 60.0)
        while not stuck.running():
            threading.Event().wait(0.01)
        flood = [run.submit(work.length, bytes(3_000_000)) for _ in range(20)]
        assert [future.result() for future in flood] == [3_000_000] * 20
        run.cancel()


@pytest.mark.parametrize("method", METHODS)
def test_no_process_is_left_when_the_parent_is_killed(method: str, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    program = Path(__file__).parent / "killed_parent.py"
    with subprocess.Popen([sys.executable, str(program), method, str(file)], stderr=subprocess.DEVNULL) as parent:
        pids = wait_for_pids(file)
        parent.kill()
    assert all(gone_in(pid, 2) for pid in pids)


def wait_for_pids(file: Path) -> list[int]:
    ends = monotonic() + 20
    while monotonic() < ends:
        if file.exists() and len(pids := file.read_text(encoding="ascii").split()) >= 3:
            return [int(pid) for pid in pids]
        threading.Event().wait(0.02)
    raise AssertionError("no workers")


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    ends = monotonic() + 5  # what was killed may take a moment; what is left behind stays
    while (left := children()) and monotonic() < ends:
        threading.Event().wait(0.02)
    assert not left


def children() -> list[str]:
    """Return the command lines of this process' children, but those that multiprocessing keeps for good."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2].split()[1])
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if parent == os.getpid() and "forkserver" not in words and "resource_tracker" not in words:
            found.append(f"{folder.name} {words or 'a zombie'}")
    return found


def test_a_raw_queue_crosses_the_border_by_submit_and_by_map() -> None:
    with opened() as run:
        submitted, mapped = run.queue(total=300, description="submitted"), run.queue(description="mapped")
        for future in [run.submit(work.by_queue, submitted, 100) for _ in range(3)]:
            future.result()
        list(run.map(work.by_queue, [mapped] * 3, [50] * 3))
        run.wait([])
        assert (submitted.completed, submitted.error()) == (300, None)
        assert (mapped.completed, mapped.error()) == (150, None)


def test_a_queue_learns_that_its_worker_was_killed() -> None:
    with opened() as run:
        queue = run.queue(total=10)
        future = run.submit(work.put_and_die, queue)
        assert isinstance(future.exception(), WorkerLost)
        assert queue.completed == 4
        while queue.pending():
            threading.Event().wait(0.02)
        assert isinstance(queue.error(), WorkerLost)


def test_what_waits_behind_a_slow_item_is_done_by_others(tmp_path: Path) -> None:
    others_are_done, slow, found = tmp_path / "done", 500, []
    with opened() as run:
        for n in run.map(work.slow_at, range(2000), [slow] * 2000, [str(others_are_done)] * 2000, unordered=True):
            found.append(n)
            if len(found) == 1999:
                others_are_done.touch()
    assert found[-1] == slow


def test_workers_are_lent_what_stands_behind_a_long_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "AHEAD_S", 0.0)  # a window of two items a worker
    file = str(tmp_path / "there")
    with opened(max_workers=2) as run:
        assert list(run.map(work.wait_for_a_later_one, range(200), [100] * 200, [file] * 200)) == list(range(200))


def test_a_forked_worker_that_a_lock_keeps_from_beginning_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = worker_main._settle_in
    monkeypatch.setattr("mainstage.pool.processes.dispatcher.COPIED_IN", 0.5)
    monkeypatch.setattr("mainstage.pool.processes.worker_main._settle_in", lambda: threading.Event().wait(60))
    with opened(mp_context="fork", max_workers=1) as run:
        future = run.submit(work.square, 3)
        dispatcher = run._live().work.backend.workers.dispatcher  # type: ignore[attr-defined]
        while not dispatcher.workers:
            threading.Event().wait(0.01)
        stuck = dispatcher.workers[0].pid
        monkeypatch.setattr("mainstage.pool.processes.worker_main._settle_in", usual)
        assert future.result() == 9
    assert gone(stuck)


def test_a_forked_worker_that_is_ended_before_it_has_said_anything_is_killed_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A copy of this process may lose the first signal: it has the handlers of its parent until it sets its own."""
    hire = Dispatcher._hire
    ended: list[int] = []

    def hire_and_end_the_first(self: Dispatcher, waiting: int) -> None:
        hire(self, waiting)
        if not ended:
            ended.append(self.workers[0].pid)
            self._end_worker(self.workers[0], 0)

    monkeypatch.setattr(Dispatcher, "_hire", hire_and_end_the_first)
    with opened(mp_context="fork", max_workers=1) as run:
        assert run.submit(work.square, 3).result(SOON) == 9
    assert gone(ended[0])


def test_a_deaf_task_that_is_cancelled_gets_sigterm_to_clean_up_and_its_worker_is_replaced(tmp_path: Path) -> None:
    with opened(max_workers=1, grace=0.1) as run:
        future = run.submit(work.clean_up_at_sigterm, str(tmp_path))
        until((tmp_path / "ready").exists)
        assert run.cancel(future)
        assert isinstance(future.exception(SOON), CancelledError)
        until((tmp_path / "cleaned up").exists)
        assert run.submit(work.square, 3).result(SOON) == 9


def test_one_that_ignores_sigterm_is_killed_with_what_it_started(tmp_path: Path) -> None:
    with opened(max_workers=1, grace=0.1) as run:
        future = run.submit(work.ignore_sigterm, str(tmp_path))
        until((tmp_path / "ready").exists)
        assert run.cancel(future)
        assert run.submit(work.square, 3).result(SOON) == 9
    pids = (tmp_path / "ready").read_text(encoding="ascii").split()
    assert len(pids) == 2
    assert all(gone_in(int(pid), SOON) for pid in pids)


def test_large_buffers_pass_without_a_second_copy() -> None:
    """What is allocated is counted: on its way there nothing of the size, on its way back the result itself, once."""
    size = 100_000_000
    with opened(max_workers=1) as run:
        run.submit(work.square, 1).result(SOON)
        data = work.Block(bytearray(size))
        tracemalloc.start()
        try:
            allocated = run.submit(work.allocated_for, data).result(SOON)
            sent = tracemalloc.get_traced_memory()[1]
            tracemalloc.reset_peak()
            block = run.submit(work.make_block, size).result(SOON)
            received = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(block.data) == size
    assert sent < size // 10
    assert size * 0.99 <= allocated < size * 1.1  # pages that were there already are none more
    assert size <= received < size * 1.1


def test_an_array_of_numpy_is_such_a_buffer() -> None:
    numpy: Any = pytest.importorskip("numpy")
    with opened(max_workers=1) as run:
        array = numpy.arange(3_000_000)
        assert len(pickling.pack(array, "").data) < 1000
        assert (run.submit(work.reversed_array, array).result(SOON) == array[::-1]).all()


def test_so_it_is_beside_what_only_cloudpickle_takes() -> None:
    pytest.importorskip("cloudpickle")
    n = 3
    with opened(max_workers=1) as run:
        data = bytearray(1_000_000)
        assert len(pickling.pack((lambda: n, work.Block(data)), "").data) < 10_000
        assert run.submit(lambda block: len(block.data) + n, work.Block(data)).result(SOON) == 1_000_003


def test_a_function_that_holds_a_large_buffer_travels_with_it() -> None:
    function = functools.partial(work.longer_by, work.Block(bytearray(1_000_000)))
    with opened(max_workers=1) as run:
        assert list(run.map(function, range(3))) == [1_000_000, 1_000_001, 1_000_002]
        assert run.submit(function, 3).result(SOON) == 1_000_003
    assert len(pickling.pack_function(function, large=None).data) > 1_000_000


class Freeing(Events):
    """Ends the standing still of a task once that is told."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def record(self, event: Event) -> None:
        super().record(event)
        if isinstance(event, TaskStuck):
            self.file.touch()


@pytest.mark.parametrize("mapped", [False, True])
def test_where_a_stuck_task_stands_is_told_by_its_worker(tmp_path: Path, mapped: bool) -> None:
    seen = Freeing(tmp_path / "moved")
    with opened(recorder=seen, stuck_after=1.0, view=BarsView()) as run:
        if mapped:
            assert list(run.map(work.stand_still, [str(seen.file)])) == ["moved"]
        else:
            assert run.submit(work.stand_still, str(seen.file)).result(30) == "moved"
    (told,) = [event for event in seen if isinstance(event, TaskStuck)]
    assert told.place.endswith(" in stand_still")
    assert "process_work.py:" in told.place
    assert told.seconds >= 1.0


def test_a_worker_loads_nothing_of_what_the_owner_alone_needs() -> None:
    told = "import mainstage, sys\nwith mainstage.Run(executor='process', mp_context='spawn', view='silent') as run:\n"
    told += "    print(*run.submit(eval, 'list(__import__(\"sys\").modules)').result())"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "mainstage.pool.processes.worker_main" in loaded
    assert not loaded & {"tempfile", "rich", "msgspec", "logging", "mainstage.ui"}
