"""A child that a task forks in its worker is a process of its own: it reports nothing and never becomes the worker."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import forking_work as work
from tests.backends.test_processes import METHODS, SOON, Events, gone_in, opened
from tests.system.terminals import ROOT, environment

from mainstage.errors import WorkerLost
from mainstage.events import TaskStarted, TextWritten

if TYPE_CHECKING:
    from pathlib import Path

ENDS = {"returns": 0, "raises": 1, "exits": 7, "says": 1}


@pytest.mark.timeout(90)
@pytest.mark.parametrize("method", METHODS)
def test_a_child_that_comes_back_from_the_task_ends_there_as_a_program_does(method: str) -> None:
    kept = Events()
    with opened(mp_context=method, recorder=kept) as run:
        calls = {how: run.submit(work.forks, how) for how in ENDS}
        assert {how: call.result(SOON) for how, call in calls.items()} == ENDS
        assert list(run.map(work.forks, list(ENDS) * 2)) == list(ENDS.values()) * 2
    told = [event for event in kept if isinstance(event, TaskStarted)]
    assert len({event.task for event in told}) == len(told)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("method", METHODS)
def test_children_of_a_worker_that_reports_all_the_time_never_wait_for_its_locks(method: str) -> None:
    kept = Events()
    with opened(mp_context=method, recorder=kept, capture="fd") as run:
        assert list(run.map(work.busy_forks, [40] * 2)) == [[], []]
    assert not [event for event in kept if isinstance(event, TextWritten) and "of a child" in event.text]
    assert not [event for event in kept if isinstance(event, TaskStarted) and event.description == "of a child"]
    printed = [event for event in kept if isinstance(event, TextWritten) and "printed by child" in event.text]
    if method != "fork":  # there `sys.stdout` is the tests' own
        assert sum(event.text.count("printed by child") for event in printed) == 80


def test_a_child_has_no_way_to_the_runs_queues() -> None:
    with opened() as run:
        queue: Any = run.queue()
        assert run.submit(work.forks_and_puts, queue).result(SOON) == 3
        run.close(queue)


def test_a_child_hears_ctrl_c_as_anywhere() -> None:
    with opened() as run:
        assert run.submit(work.hears_ctrl_c, 0).result(SOON) == 3


@pytest.mark.timeout(90)
@pytest.mark.parametrize("method", METHODS)
def test_a_worker_that_dies_is_missed_at_once_although_its_child_lives(method: str, tmp_path: Path) -> None:
    file = tmp_path / "child"
    with opened(mp_context=method) as run:
        assert isinstance(run.submit(work.leaves_a_child, str(file)).exception(SOON), WorkerLost)
        assert gone_in(int(file.read_text(encoding="ascii")), 10)


THREADS = """
import sys
from tests.backends import forking_work as work
import mainstage

ENDS = {"returns": 0, "raises": 1, "exits": 7, "says": 1}
with mainstage.Run("forks", max_workers=2, view="silent", on_error="collect") as run:
    assert list(run.map(work.forks, list(ENDS) * 3)) == list(ENDS.values()) * 3
    assert list(run.map(work.forks, list(ENDS), timeout=30)) == list(ENDS.values())
    calls = [run.submit(work.forks, how) for how in ENDS]
    calls += [run.options(timeout=30).submit(work.forks, how) for how in ENDS]
    assert [call.result(30) for call in calls] == list(ENDS.values()) * 2
print("fine")
"""


@pytest.mark.timeout(60)
def test_a_child_of_a_thread_that_comes_back_ends_there_too() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", THREADS],
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
        cwd=ROOT,
        env=environment(),
    )
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr
    assert "last words of the child" in done.stderr
    assert "ValueError: of the child" in done.stderr
