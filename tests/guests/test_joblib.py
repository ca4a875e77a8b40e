"""`mainstage.joblib()`: what joblib runs is shown task by task, and what it returns and raises is joblib's."""

from __future__ import annotations

import sys
import threading
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.events import ItemsEnded, SourceClosed, SourceOpened, TaskCancelled, TaskEnded, TaskFailed, TaskStarted
from mainstage.run.joblib import ParallelCall
from mainstage.tasks.reporter import live
from mainstage.testing import collect_events
from mainstage.ui.display.recording import RecordingDisplay
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mainstage.events import Event

joblib = pytest.importorskip("joblib")

BACKENDS = ("loky", "multiprocessing", "threading", "sequential")
FAR = ("loky", "multiprocessing")


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


def square(n: int) -> int:
    return n * n


def picky(n: int) -> int:
    if n == 3:
        raise ValueError("three")
    return n


def reporting(n: int) -> int:
    return sum(mainstage.track(range(n)))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(autouse=True)
def no_display_of_pytest(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Multiprocessing's children inherit what stands in for stdout and must not flush it."""
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    yield
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415  # only where it was used

        get_reusable_executor().shutdown(wait=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_task_is_counted_once_and_the_results_are_joblibs(backend: str, kept: Kept) -> None:
    jobs = 1 if backend == "sequential" else 2
    with mainstage.joblib("squares", view="silent", recorder=kept):
        results = joblib.Parallel(n_jobs=jobs, backend=backend)(joblib.delayed(square)(n) for n in range(30))
    assert results == [n * n for n in range(30)]
    assert kept.state.counts.done == 30
    assert kept.state.expected == 30
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_a_total_that_joblib_does_not_know_is_taken_from_the_block_for_one_call_after_the_other(kept: Kept) -> None:
    with mainstage.joblib("squares", total=10, view="silent", recorder=kept):
        for count in (4, 6):
            joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(square)(n) for n in range(count))
    assert [event.total for event in kept.of(SourceOpened)] == [10, 6]
    assert kept.state.expected == 10


@pytest.mark.parametrize("backend", FAR)
def test_a_total_that_joblib_knows_is_shown_and_batches_are_counted_item_by_item(backend: str, kept: Kept) -> None:
    with mainstage.joblib(view="silent", recorder=kept):
        calls = [joblib.delayed(square)(n) for n in range(40)]
        assert len(joblib.Parallel(n_jobs=2, backend=backend, batch_size=8)(calls)) == 40
    assert [event.total for event in kept.of(SourceOpened)] == [40]
    assert [event.handed for event in kept.of(SourceClosed)] == [40]
    assert max(len(event.items) for event in kept.of(ItemsEnded)) > 1
    assert kept.state.counts.done == 40


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failure_is_shown_with_its_input_and_raised_as_joblib_raises_it(backend: str, kept: Kept) -> None:
    jobs = 1 if backend == "sequential" else 2
    with mainstage.joblib(view="silent", recorder=kept), pytest.raises(ValueError, match="three"):
        joblib.Parallel(n_jobs=jobs, backend=backend)(joblib.delayed(picky)(n) for n in range(6))
    (failed,) = kept.of(TaskFailed)
    assert failed.input == "picky(3)"
    assert failed.error.type == "ValueError"
    assert not kept.state.tasks
    assert not kept.state.anomalies.count


def test_no_more_tasks_are_shown_as_running_than_there_are_workers(kept: Kept) -> None:
    with mainstage.joblib(view="silent", recorder=kept):
        joblib.Parallel(n_jobs=2, backend="multiprocessing", pre_dispatch="all", batch_size=1)(
            joblib.delayed(square)(n) for n in range(20)
        )
    running = most = 0
    for event in kept.events:
        running += isinstance(event, TaskStarted)
        running -= isinstance(event, TaskEnded)
        most = max(most, running)
    assert most == 2
    assert {event.worker for event in kept.of(TaskStarted)} == {"multiprocessing-1", "multiprocessing-2"}


def test_what_runs_on_threads_reports_from_inside(kept: Kept) -> None:
    with mainstage.joblib(view="silent", recorder=kept):
        joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(reporting)(n) for n in (5, 7))
    assert Counter(event.completed for event in kept.of(TaskEnded)) == {5: 1, 7: 1}


def test_a_generator_that_is_left_early_leaves_nothing_running(kept: Kept) -> None:
    gone_on = threading.Event()

    def work(n: int) -> int:
        if n:
            gone_on.wait(30)
        return n

    with mainstage.joblib(view="silent", recorder=kept):
        results = joblib.Parallel(n_jobs=2, backend="threading", return_as="generator")(
            joblib.delayed(work)(n) for n in range(4)
        )
        assert next(results) == 0
        gone_on.set()
        with pytest.warns(UserWarning, match="cancelled"):
            results.close()
    assert len(kept.of(SourceClosed)) == 1
    assert not kept.state.tasks


def test_a_task_that_joblib_leaves_running_is_shown_as_cancelled_before_the_run_ends(kept: Kept) -> None:
    running, gone_on = threading.Barrier(3), threading.Event()
    ended: list[int] = []

    def work(n: int) -> int:
        if n:
            running.wait(30)
            gone_on.wait(30)
            ended.append(n)
        return n

    with mainstage.joblib(view="silent", recorder=kept):
        results = joblib.Parallel(n_jobs=2, backend="threading", return_as="generator", pre_dispatch="all")(
            joblib.delayed(work)(n) for n in range(3)
        )
        assert next(results) == 0
        running.wait(30)
        with pytest.warns(UserWarning, match="cancelled"):
            results.close()
    assert ended == []
    assert len(kept.of(TaskCancelled)) == 2
    assert not kept.state.tasks
    gone_on.set()


def test_a_generator_that_outlives_the_block_leaves_no_task_in_it(kept: Kept) -> None:
    running, gone_on = threading.Barrier(3), threading.Event()

    def work(n: int) -> int:
        running.wait(30)
        gone_on.wait(30)
        return n

    with mainstage.joblib(view="silent", recorder=kept):
        results = joblib.Parallel(n_jobs=2, backend="threading", return_as="generator")(
            joblib.delayed(work)(n) for n in range(2)
        )
        running.wait(30)
    gone_on.set()
    assert list(results) == [0, 1]
    assert len(kept.of(TaskCancelled)) == 2
    assert len(kept.of(SourceClosed)) == 1
    assert not kept.state.tasks


def test_an_item_that_begins_after_its_call_has_ended_is_not_shown() -> None:
    with collect_events() as events:
        assert live.reporter is not None
        call = ParallelCall(live.reporter, "threading", 2, 1)
        late, args, kwargs = call.reporting((square, (3,), {}))
        call.close()
        assert late(*args, **kwargs) == 9
    assert [type(event) for event in events] == [SourceOpened, SourceClosed]


def test_tasks_that_nobody_wants_any_more_are_shown_as_cancelled() -> None:
    with collect_events() as events:
        assert live.reporter is not None
        call = ParallelCall(live.reporter, "loky", 1, 2)
        batch = call.sent([(square, (1,), {})])
        call.sent([(square, (2,), {})])
        call.close(KeyboardInterrupt())
        call.came_back(batch, None)
    kinds = [type(event) for event in events]
    assert kinds == [SourceOpened, TaskStarted, TaskCancelled, SourceClosed]


def test_it_joins_the_run_that_is_live_and_gives_joblib_back(kept: Kept) -> None:
    before = joblib.Parallel.__call__
    with mainstage.Run("outer", view="silent", recorder=kept) as outer:
        with mainstage.joblib() as run, mainstage.joblib() as again:
            assert run is outer is again
            joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(square)(n) for n in range(3))
            assert joblib.Parallel.__call__ is not before
        assert joblib.Parallel.__call__ is before
        joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(square)(n) for n in range(3))
    assert kept.state.counts.done == 3


def test_a_parallel_that_is_used_as_a_context_shows_each_of_its_calls(kept: Kept) -> None:
    with mainstage.joblib(view="silent", recorder=kept), joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        for _ in range(3):
            assert parallel(joblib.delayed(square)(n) for n in range(4)) == [0, 1, 4, 9]
    assert kept.state.counts.done == 12
    assert len(kept.of(SourceOpened)) == 3


def test_the_fits_of_a_grid_search_are_shown(kept: Kept) -> None:
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_iris  # noqa: PLC0415
    from sklearn.linear_model import Ridge  # noqa: PLC0415
    from sklearn.model_selection import GridSearchCV  # noqa: PLC0415

    x, y = load_iris(return_X_y=True)
    display = RecordingDisplay()
    with mainstage.joblib("search", view="plain", display=display, recorder=kept):
        GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=4, n_jobs=2).fit(x, y)
    assert kept.state.counts.done == 12
    started = kept.of(TaskStarted)
    assert not started or {event.description.partition("(")[0] for event in started} == {"_fit_and_score"}
    assert display.final is not None
    assert any("12 done" in line for line in display.final.rows)


def inner(n: int) -> list[int]:
    """Call joblib within a task of joblib's."""
    results: list[int] = joblib.Parallel(n_jobs=2, backend="multiprocessing")(
        joblib.delayed(square)(n) for n in range(n)
    )
    return results


def test_the_warning_of_calls_that_cannot_be_nested_is_joblibs_and_comes_once() -> None:
    def warned() -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            joblib.Parallel(n_jobs=2, backend="threading")([joblib.delayed(inner)(3)])
        return [f"{one.filename}: {one.message}" for one in caught]

    plain = warned()
    with mainstage.joblib(view="silent"):
        shown = warned()
    assert len(plain) == 1
    assert shown == plain


def test_without_joblib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joblib.parallel", None)
    with pytest.raises(mainstage.MainstageError, match=r"mainstage\[joblib\]"), mainstage.joblib():
        pass
