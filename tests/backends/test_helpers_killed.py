"""What runs beside the workers (fork server, resource tracker) may be killed: it is started again, and no task pays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import warnings
from multiprocessing import forkserver, get_context, resource_tracker
from typing import TYPE_CHECKING

import pytest
from tests.backends import process_work as work
from tests.backends.test_processes import METHODS, SOON, gone_in, opened, until

from mainstage import futures
from mainstage.errors import PoolBroken, WorkerLost
from mainstage.pool.processes import process, replacement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)


def server() -> int:
    """Return the fork server's process."""
    pid = getattr(forkserver._forkserver, "_forkserver_pid", None)
    assert isinstance(pid, int)
    return pid


def tracker() -> int:
    pid = getattr(resource_tracker._resource_tracker, "_pid", None)
    assert isinstance(pid, int)
    return pid


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert gone_in(pid, SOON)


@pytest.fixture(autouse=True)
def fresh_server() -> Iterator[None]:
    """Leave no dead server to the next test."""
    yield
    with warnings.catch_warnings(), contextlib.suppress(ChildProcessError):
        warnings.simplefilter("ignore")
        forkserver.ensure_running()


def test_workers_outlive_their_fork_server_and_new_ones_come_of_another(tmp_path: Path) -> None:
    with opened() as run:
        waiting = run.submit(work.stand_still, str(tmp_path / "go"))
        assert run.submit(work.square, 3).result(SOON) == 9
        first = server()
        kill(first)
        (tmp_path / "go").touch()
        assert waiting.result(SOON) == "moved"
        died = run.submit(work.die, "SIGKILL").exception(SOON)
        assert isinstance(died, WorkerLost)
        assert "the fork server, which alone knew how, was killed" in str(died)
        assert list(run.map(work.square, range(200))) == [n * n for n in range(200)]
        assert server() != first


def test_a_worker_that_dies_with_its_fork_server_costs_its_task(tmp_path: Path) -> None:
    with opened(max_workers=1) as run:
        pid = run.submit(os.getpid).result(SOON)
        hanging = run.submit(work.hang_once, str(tmp_path / "begun"))
        until((tmp_path / "begun").exists)
        os.kill(server(), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        died = hanging.exception(SOON)
        assert isinstance(died, WorkerLost)
        assert f"pid {pid}" in str(died)
        assert "status 255" not in str(died)
        assert run.submit(work.square, 5).result(SOON) == 25


def test_a_pool_of_the_drop_ins_goes_on_too() -> None:
    with futures.ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        assert list(pool.map(work.square, range(20))) == [n * n for n in range(20)]
        kill(server())
        assert list(pool.map(work.square, range(20))) == [n * n for n in range(20)]


def test_a_server_whose_end_the_program_has_waited_for_is_replaced() -> None:
    with opened(max_workers=1) as run:
        assert run.submit(work.square, 3).result(SOON) == 9
        os.kill(server(), signal.SIGKILL)
        os.waitpid(server(), 0)
        assert isinstance(run.submit(work.die, "SIGKILL").exception(SOON), WorkerLost)
        assert run.submit(work.square, 4).result(SOON) == 16


def test_a_server_that_was_stopped_goes_on_when_a_worker_is_to_start_or_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "REAPED", SOON)  # a worker whose end the server does not tell would be waited for
    with opened(max_workers=2) as run:
        assert run.submit(work.square, 3).result(SOON) == 9
        os.kill(server(), signal.SIGSTOP)
        assert isinstance(run.submit(work.die, "SIGKILL").exception(SOON / 2), WorkerLost)
        os.kill(server(), signal.SIGSTOP)
        assert list(run.map(work.square, range(200))) == [n * n for n in range(200)]
    assert not [thread.name for thread in threading.enumerate() if thread.name == "mainstage-fork-server"]


class Killer(threading.Thread):
    """Kills every fork server as it comes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.killed: set[int] = set()

    def run(self) -> None:
        while not self.over.wait(0.001):
            self.kill()

    def kill(self) -> None:
        pid = getattr(forkserver._forkserver, "_forkserver_pid", None)
        if pid is not None and pid not in self.killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed.add(pid)


def test_a_server_that_is_killed_for_ever_is_given_up_with_a_true_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacement, "SERVERS", 3)
    monkeypatch.setattr(replacement, "KILLED_UNBORN", 3)
    killer = Killer()
    with opened(max_workers=1) as run:
        killer.kill()  # the server of an earlier test is ready to fork at once
        killer.start()
        error = run.submit(work.square, 3).exception(SOON)
        killer.over.set()
        killer.join()
        assert isinstance(error, PoolBroken)
        assert "killed" in str(error)
        assert "main program" not in str(error)
    assert len(killer.killed) >= 2


@pytest.mark.parametrize("method", METHODS)
def test_the_resource_tracker_is_started_again(method: str) -> None:
    resource_tracker.ensure_running()
    with opened(mp_context=method) as run, warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning in the wrong place would end the dispatcher
        assert run.submit(work.square, 3).result(SOON) == 9
        os.kill(tracker(), signal.SIGKILL)
        assert isinstance(run.submit(work.die, "SIGKILL").exception(SOON), WorkerLost)
        assert list(run.map(work.square, range(100))) == [n * n for n in range(100)]


def test_a_process_that_is_no_child_is_waited_for() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not process._ended_in(child.pid, 0)
        child.kill()
        assert process._ended_in(child.pid, SOON)
    finally:
        child.communicate()
    assert process._ended_in(child.pid, 0)
