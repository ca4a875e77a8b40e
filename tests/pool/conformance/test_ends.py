"""How work ends that does not end well: failures, further attempts, requests to stop."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest
from tests.pool.conformance.conftest import DEADLINE
from tests.pool.conformance.work import begin_and_wait, double, fail, picky, second_time

from mainstage.errors import TaskTimeout
from mainstage.events import TaskEnded, TaskFailed, TaskRetried, TaskStarted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pool.conformance.conftest import Pool

pytestmark = pytest.mark.timeout(2 * DEADLINE, func_only=True)  # a cluster may take long to start


def wait_for(file: Path) -> None:
    while not file.exists():
        pass


def test_an_error_is_the_workers_own_with_notes_of_where(pool: Pool) -> None:
    with pool.run(on_error="collect") as run:
        error = run.submit(picky, 3).exception()
    assert isinstance(error, ValueError)
    assert error.args == ("no 3",)
    notes = "\n".join(error.__notes__)
    assert "picky(3)" in notes
    assert "input 3" in notes
    assert "attempt 1" in notes


def test_an_error_that_nobody_asked_for_is_raised_at_the_end(pool: Pool) -> None:
    with pytest.raises(ValueError, match="no 3"), pool.run() as run:
        run.submit(picky, 3)
    with pool.run() as run:
        assert isinstance(run.submit(picky, 3).exception(), ValueError)


def test_collect_and_skip_cancel_nothing(pool: Pool) -> None:
    with pool.run(on_error="collect") as run:
        got = list(run.map(picky, range(6)))
        assert [type(one) for one in got] == [int, int, int, ValueError, int, int]
        assert list(run.map(picky, range(6), on_error="skip")) == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("kind", ["exit", "base", "stop"])
def test_whatever_a_worker_raises_is_one_failed_task(pool: Pool, kind: str) -> None:
    with pool.run(on_error="collect") as run:
        error = run.submit(fail, kind).exception()
        expected = {"exit": SystemExit, "base": BaseException, "stop": CancelledError}[kind]
        assert type(error) is expected
        assert run.submit(double, 1).result() == 2


def test_a_failure_is_tried_again_and_told_with_its_attempt(pool: Pool, tmp_path: Path) -> None:
    with pool.run(retries=2) as run:
        assert run.submit(second_time, str(tmp_path / "call")).result() == "done"
        assert list(run.map(second_time, [str(tmp_path / "item")])) == ["done"]
    assert [event.attempt for event in pool.of(TaskRetried)] == [1, 1]
    assert [event.attempt for event in pool.of(TaskStarted)][:3] == [1, 2, 1]  # the last one may be told of in sums


def test_over_its_timeout_a_task_that_reports_stops(pool: Pool, tmp_path: Path) -> None:
    if not pool.traits.keeps_time:
        pytest.skip("its clocks stand")
    with pool.run(on_error="collect") as run:
        future = run.options(timeout=0.3).submit(begin_and_wait, str(tmp_path / "a"), DEADLINE)
        assert isinstance(future.exception(), TaskTimeout)
        errors: list[object] = list(run.map(begin_and_wait, [str(tmp_path / "b")], [DEADLINE], timeout=0.3))
        assert [type(error) for error in errors] == [TaskTimeout]
        assert run.submit(double, 1).result() == 2


def test_a_waiting_future_is_cancelled_and_a_running_one_is_asked(pool: Pool, tmp_path: Path) -> None:
    with pool.run(on_error="collect") as run:
        running = [run.submit(begin_and_wait, str(tmp_path / f"{n}"), DEADLINE) for n in range(2)]
        for n in range(2):
            wait_for(tmp_path / f"{n}")
        waiting = [run.submit(double, n) for n in range(100)]
        assert run.cancel(waiting[-1])
        assert waiting[-1].cancelled()
        assert all(run.cancel(future) for future in running)
        for future in running:
            with pytest.raises(CancelledError):
                future.result()
        assert [future.result() for future in waiting[:-1]] == [2 * n for n in range(99)]
        assert not run.cancel(waiting[0])


def test_leaving_by_an_exception_stops_the_work(pool: Pool, tmp_path: Path) -> None:
    def leave() -> None:
        with pool.run() as run:
            run.submit(begin_and_wait, str(tmp_path / "a"), DEADLINE)
            wait_for(tmp_path / "a")
            raise KeyError("left")

    with pytest.raises(KeyError, match="left"):
        leave()


def test_hold_begins_nothing_and_goes_on(pool: Pool) -> None:
    with pool.run() as run:
        assert run.submit(double, 1).result() == 2
        with run.hold():
            future = run.submit(double, 2)
            assert not run.wait([future], 0.1).done
        assert future.result() == 4


def test_the_end_is_sent_before_the_future_is_done(pool: Pool) -> None:
    seen: list[bool] = []
    with pool.run(on_error="collect") as run:
        for n, kind in ((1, TaskEnded), (3, TaskFailed)):
            future = run.submit(picky, n)
            run.wait([future])
            run.wait([run.submit(double, 0)])  # what was sent before has been reduced by now
            seen.append(any(event.task == future.task for event in pool.of(kind)))  # type: ignore[attr-defined]
    assert seen == [True, True]
