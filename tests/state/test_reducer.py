from __future__ import annotations

import decimal
from typing import Any

import pytest
from tests.contract.examples import ONE_OF_EACH
from tests.state.lives import but, reduced

from mainstage.events import (
    EVENTS,
    CallFailed,
    ErrorReport,
    Event,
    ItemsEnded,
    MetricReported,
    PartsEnded,
    RunEnded,
    RunStarted,
    SourceClosed,
    SourceOpened,
    StopRequested,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskQueued,
    TaskReopened,
    TaskRetried,
    TaskStarted,
    TextWritten,
)
from mainstage.ui.state.counts import DESCRIBED, MetricState
from mainstage.ui.state.reducer import _REDUCERS, reduce
from mainstage.ui.state.run import SLOWEST, RunState, Source
from mainstage.ui.state.task import Failure

ERROR = ErrorReport("ValueError", "bad row", "Traceback ...")


def in_hand(state: RunState) -> dict[str, int]:
    return {name: len(worker.tasks) for name, worker in state.workers.items()}


def started(task: int = 1, at: float = 1.0, attempt: int = 1, **more: Any) -> TaskStarted:
    return TaskStarted(at, task, attempt, more.pop("worker", "thread-1"), f"task {task}", **more)


def test_every_event_has_its_reducer() -> None:
    assert set(_REDUCERS) == set(EVENTS)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_a_lone_event_is_taken_or_told_as_impossible(event: Event) -> None:
    state = RunState()
    reduce(state, event)
    assert "malformed" not in " ".join(state.anomalies.last)


RUN = RunStarted(1.0, "Reading", 1e9)

TABLE: dict[str, tuple[list[Event], dict[str, object]]] = {
    "a run starts": ([RUN], {"title": "Reading", "started_at": 1.0, "wall": 1e9}),
    "a run ends": ([RUN, RunEnded(9.0)], {"ended_at": 9.0}),
    "a stop is asked for": ([StopRequested(1.0, "Ctrl-C", 1)], {"stop": StopRequested(1.0, "Ctrl-C", 1)}),
    "the strongest stop stays": (
        [StopRequested(1.0, "a failure", 1), StopRequested(2.0, "Ctrl-C", 2), StopRequested(3.0, "a failure", 1)],
        {"stop": StopRequested(2.0, "Ctrl-C", 2)},
    ),
    "a source of known size": (
        [SourceOpened(0.0, 5, 40)],
        {"sources": {5: Source(40)}, "expected": 40, "open_ended": False},
    ),
    "a source of unknown size": ([SourceOpened(0.0, 5, None)], {"expected": 0, "open_ended": True, "active": True}),
    "tasks of several sources, and submitted ones": (
        [
            TaskQueued(0.0, 1, "a"),
            SourceOpened(0.0, 5, 40),
            SourceOpened(0.0, 6, 2),
            started(),
            TaskQueued(0.0, 2, "b"),
        ],
        {"expected": 44},
    ),
    "a source closes": (
        [SourceOpened(0.0, 5, None), SourceClosed(1.0, 5, 7)],
        {"sources": {}, "expected": 7, "open_ended": False, "active": False},
    ),
    "a source that handed out less than it had": (
        [SourceOpened(0.0, 5, 40), SourceClosed(1.0, 5, 7)],
        {"expected": 7},
    ),
    "a source that was stopped": (
        [SourceOpened(0.0, 5, 40), SourceClosed(1.0, 5, 7), StopRequested(1.0, "Ctrl-C", 1)],
        {"expected": 40},
    ),
    "queued": ([TaskQueued(0.0, 1, "a")], {"queued": {1: "a"}, "expected": 1, "active": True}),
    "queued, then started": ([TaskQueued(0.0, 1, "a"), started()], {"queued": {}, "expected": 1}),
    "started, nobody having announced it": ([started()], {"expected": 1, "busy": ["thread-1"], "first_start": 1.0}),
    "ended": (
        [started(), TaskEnded(2.0, 1, 1, 0)],
        {"tasks": {}, "busy": [], "workers": {"thread-1": 0}, "expected": 1},
    ),
    "lines of text": (
        [TextWritten(0.0, None, 0, "", "stdout", "a\nb"), TextWritten(0.0, 99, 1, "w", "log", "")],
        {"text_lines": 3},
    ),
    "a metric": (
        [started(), *(MetricReported(2.0, 1, 1, "loss", value) for value in (3.0, 1.0, 2.0))],
        {"metrics": {"loss": MetricState(2.0, 1.0, 3.0, 6.0, 3)}},
    ),
    "bytes of tasks over and of live ones": (
        [
            started(1, unit="B"),
            TaskMoved(2.0, 1, 1, 5),
            started(2, unit="B"),
            TaskMoved(2.0, 2, 1, 7),
            TaskEnded(3.0, 2, 1, 9),
        ],
        {"units": {"B": 9}, "live_units": {"B": 5}},
    ),
    "plain items": ([started(), TaskEnded(2.0, 1, 1, 3)], {"units": {"": 3}}),
    "nested tasks have counts of their own": (
        [started(), started(2, parent=1), TaskEnded(2.0, 2, 1, 5)],
        {"expected": 1, "units": {}, "children": {}, "slowest": []},
    ),
    "items of a map": (
        [SourceOpened(0.0, 5, None), ItemsEnded(3.0, 5, "w", ((6, 1.0, 2.0), (7, 2.0, 3.0)), 3, 0.5)],
        {"workers": {"w": 0}, "first_start": 1.0, "expected": 5, "slowest": [], "typical": 0.5},
    ),
    "short calls, one of which was told of as it waited": (
        [TaskQueued(0.0, 6, "a"), TaskQueued(0.0, 8, "b"), ItemsEnded(3.0, 5, "w", ((6, 1.0, 2.0), (7, 2.0, 3.0)), 3)],
        {"workers": {"w": 0}, "queued": {8: "b"}, "expected": 6, "active": True},
    ),
    "short calls beside a map": (
        [SourceOpened(0.0, 4, 10), *(ItemsEnded(3.0, 5 - n, "w", ((6 + n, 1.0, 2.0),)) for n in range(2))],
        {"expected": 11},
    ),
    "items of a map that were all folded": (
        [ItemsEnded(3.0, 5, "w", (), 3, 0.75)],
        {"first_start": 3.0, "expected": 3, "typical": 0.25},
    ),
    "a report of no items": ([ItemsEnded(3.0, 5, "w", ())], {"expected": 0, "typical": 0.0}),
    "an item of a map that was shown": (
        [started(6), ItemsEnded(3.0, 5, "thread-1", ((6, 1.0, 2.5),))],
        {"tasks": {}, "busy": [], "slowest": [(1.5, "task 6")], "expected": 1},
    ),
}


@pytest.mark.parametrize(("events", "expected"), TABLE.values(), ids=TABLE)
def test_these_events_lead_to_this(events: list[Event], expected: dict[str, object]) -> None:
    state = reduced(events)
    known = {**{name: getattr(state, name) for name in expected}, "workers": in_hand(state)}
    assert {name: known[name] for name in expected} == expected
    assert not state.anomalies.count


STARTED: list[Event] = [started()]
AND_ON: list[Event] = [TaskFailed(2.0, 1, 1, 0, ERROR), TaskReopened(3.0, 1, 1)]
COUNTS: dict[str, tuple[list[Event], dict[str, int]]] = {
    "queued": ([TaskQueued(0.0, 1, "a")], {"queued": 1}),
    "running": ([TaskQueued(0.0, 1, "a"), started()], {"running": 1}),
    "done": ([started(), TaskEnded(2.0, 1, 1, 0)], {"done": 1}),
    "failed": ([started(), TaskFailed(2.0, 1, 1, 0, ERROR)], {"failed": 1}),
    "failed before it began": ([TaskQueued(0.0, 1, "a"), TaskFailed(2.0, 1, 0, 0, ERROR)], {"failed": 1}),
    "cancelled": ([started(), TaskCancelled(2.0, 1, 1, 0)], {"cancelled": 1}),
    "cancelled before it began": ([TaskQueued(0.0, 1, "a"), TaskCancelled(2.0, 1, 0, 0)], {"cancelled": 1}),
    "waiting for its next attempt": ([started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0)], {"waiting": 1, "retried": 1}),
    "in its second attempt": (
        [started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0), started(attempt=2)],
        {"running": 1, "retried": 1},
    ),
    "in a second attempt that nobody announced": ([started(), started(attempt=2)], {"running": 1}),
    "done at the second attempt": (
        [started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0), started(attempt=2), TaskEnded(4.0, 1, 2, 0)],
        {"done": 1, "retried": 1},
    ),
    "cancelled between two attempts": (
        [started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0), TaskCancelled(2.5, 1, 1, 0)],
        {"cancelled": 1, "retried": 1},
    ),
    "failed between two attempts": (
        [started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0), TaskFailed(2.5, 1, 1, 0, ERROR)],
        {"failed": 1, "retried": 1},
    ),
    "a retried item of a map, done": (
        [started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0), ItemsEnded(9.0, 5, "w", ((1, 3.0, 4.0),))],
        {"done": 1, "retried": 1},
    ),
    "failed, and on after all": ([started(), TaskFailed(2.0, 1, 1, 0, ERROR), TaskReopened(3.0, 1, 1)], {"running": 1}),
    "failed again": (
        [started(), *AND_ON, *AND_ON, TaskFailed(4.0, 1, 1, 0, ERROR)],
        {"failed": 1},
    ),
}


@pytest.mark.parametrize(("events", "expected"), COUNTS.values(), ids=COUNTS)
def test_a_task_counts_once(events: list[Event], expected: dict[str, int]) -> None:
    state = reduced(events)
    assert {name: number for name, number in state.counts.as_dict().items() if number} == expected
    assert state.counts.seen == 1
    assert state.expected == 1
    assert not state.anomalies.count


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        one
        for name, one in COUNTS.items()
        if name not in {"queued", "a retried item of a map, done"} and "before" not in name
    ],
)
def test_a_nested_task_counts_once_and_apart(events: list[Event], expected: dict[str, int]) -> None:
    nested = [event._replace(parent=9) if isinstance(event, TaskStarted) else event for event in events]
    state = reduced([event for event in nested if not isinstance(event, TaskQueued)])
    assert {name: number for name, number in state.nested.as_dict().items() if number} == expected
    assert state.counts.seen == state.expected == 0
    assert not state.failures
    assert not state.anomalies.count


def test_nested_tasks_that_nobody_was_told_of_are_counted() -> None:
    state = reduced([started(), PartsEnded(2.0, "w", 3), PartsEnded(3.0, "w", 4)])
    assert state.nested.done == 7
    assert (state.counts.done, state.expected, state.anomalies.count) == (0, 1, 0)


# --- what a live task tells ---


def test_a_task_that_started_says_all_it_was_started_with() -> None:
    event = TaskStarted(1.5, 7, 1, "thread-2", "load", 10, "rows", 3, (("size", 4), ("ok", True)))
    task = reduced([event]).tasks[7]
    assert (task.id, task.attempt, task.worker, task.description) == (7, 1, "thread-2", "load")
    assert (task.total, task.unit, task.parent, dict(task.fields)) == (10, "rows", 3, {"size": 4, "ok": True})
    assert (task.completed, task.status, task.started_at, task.moved_at) == (0, "", 1.5, 1.5)
    assert (task.fraction, task.rate(9.0), task.eta(9.0), task.elapsed(2.5)) == (0.0, None, None, 1.0)


def likely(eta: tuple[float, float, float] | None) -> float | None:
    return None if eta is None else eta[1]


def test_a_task_that_moved_knows_where_it_is_and_how_long_it_takes() -> None:
    task = reduced([started(total=100), TaskMoved(3.0, 1, 1, 20)]).tasks[1]
    assert (task.completed, task.moved_at, task.fraction) == (20, 3.0, 0.2)
    assert task.rate(3.0) == pytest.approx(10.0)
    assert likely(task.eta(3.0)) == pytest.approx(8.0)


def test_a_task_without_a_total_has_no_fraction_and_no_eta() -> None:
    task = reduced([started(), TaskMoved(3.0, 1, 1, 20)]).tasks[1]
    assert (task.fraction, task.eta(3.0)) == (None, None)


@pytest.mark.parametrize(("completed", "total", "fraction"), [(5, 0, 1.0), (0, 0, 1.0), (12, 10, 1.0), (1, 4, 0.25)])
def test_a_fraction_stays_within_0_and_1(completed: float, total: float, fraction: float) -> None:
    assert reduced([started(total=total), TaskMoved(3.0, 1, 1, completed)]).tasks[1].fraction == fraction


def test_a_position_read_twice_is_no_change() -> None:
    task = reduced([started(), TaskMoved(3.0, 1, 1, 20), TaskMoved(5.0, 1, 1, 20)]).tasks[1]
    assert task.moved_at == 3.0


def test_a_change_leaves_as_it_was_what_it_does_not_name() -> None:
    before: list[Event] = [
        started(total=5, fields=(("a", 1), ("b", 2))),
        TaskChanged(2.0, 1, 1, "new", 7, "busy", (("b", 3),)),
    ]
    task = reduced([*before, TaskChanged(3.0, 1, 1)]).tasks[1]
    assert (task.description, task.total, task.status, dict(task.fields)) == ("new", 7, "busy", {"a": 1, "b": 3})
    assert task.moved_at == 3.0
    assert reduced([*before, TaskChanged(3.0, 1, 1, "", 0, "")]).tasks[1].status == ""


@pytest.mark.parametrize("moved", [0, 6])
def test_a_task_may_say_its_unit_while_it_runs(moved: float) -> None:
    state = reduced([started(fields=(("a", 1),)), TaskMoved(2.0, 1, 1, moved)])
    reduce(state, TaskChanged(3.0, 1, 1, fields=(("unit", "B"), ("b", 2))))
    assert (state.tasks[1].unit, dict(state.tasks[1].fields)) == ("B", {"a": 1, "b": 2})
    assert (state.items("B"), state.items("")) == (moved, 0)
    reduce(state, TaskChanged(3.0, 1, 1, fields=(("unit", None),)))
    assert (state.tasks[1].unit, dict(state.tasks[1].fields)) == ("B", {"a": 1, "b": 2})
    assert not state.anomalies.count


def test_a_nested_task_may_say_its_unit_too() -> None:
    state = reduced([started(parent=7), TaskMoved(2.0, 1, 1, 6), TaskChanged(3.0, 1, 1, fields=(("unit", "B"),))])
    assert (state.tasks[1].unit, state.live_units) == ("B", {})


def test_items_that_change_their_unit_are_no_speed_of_the_new_one() -> None:
    state = reduced([started(1, 0.0, unit="B"), started(2, 0.0), TaskMoved(1.0, 2, 1, 9000)])
    for second in range(1, 11):
        reduce(state, TaskMoved(second, 1, 1, second * 100))
    reduce(state, TaskChanged(10.0, 2, 1, fields=(("unit", "B"),)))
    reduce(state, TaskMoved(11.0, 1, 1, 1100))
    assert state.unit_rate("B", 11.0) == pytest.approx(100.0, rel=0.01)


def test_a_task_between_two_attempts_says_why_and_until_when() -> None:
    state = reduced([started(total=9, unit="B"), TaskMoved(2.0, 1, 1, 6), TaskRetried(3.0, 1, 1, 6, ERROR, 2.0)])
    task = state.tasks[1]
    assert (task.waiting, task.error, task.retry_at, task.completed) == (True, ERROR, 5.0, 0)
    assert (task.rate(4.0), task.eta(4.0), task.moved_at) == (None, None, 3.0)
    assert (state.busy, state.items("B"), state.progress) == ([], 0, 0.0)


def test_a_new_attempt_begins_at_nothing_in_the_same_place_and_remembers_the_error() -> None:
    events: list[Event] = [started(1), started(2), TaskMoved(2.0, 1, 1, 6), TaskRetried(3.0, 1, 1, 6, ERROR, 2.0)]
    state = reduced([*events, started(1, 5.0, 2, worker="thread-2")])
    task = state.tasks[1]
    assert (task.attempt, task.completed, task.started_at, task.waiting, task.error) == (2, 0, 5.0, False, ERROR)
    assert list(state.tasks) == [1, 2]
    assert in_hand(state) == {"thread-1": 1, "thread-2": 1}


AGAIN: list[list[Event]] = [[TaskRetried(10.0, 1, 1, 1000, ERROR, 0.0)], [started(1, 10.0, 2, unit="B")]]


@pytest.mark.parametrize("again", AGAIN, ids=["retried", "replaced"])
def test_a_position_that_is_taken_back_is_no_speed_twice(again: list[Event]) -> None:
    state = reduced([started(1, 0.0, unit="B"), started(2, 0.0, unit="B")])
    for second in range(1, 11):
        reduce(state, TaskMoved(second, 1, 1, second * 100))
    for event in again:
        reduce(state, event)
    reduce(state, TaskMoved(11.0, 2, 1, 100))
    assert state.unit_rate("B", 11.0) == pytest.approx(100.0, rel=0.01)
    assert state.unit_rate("rows", 11.0) == 0.0


# --- failures, and going on after one ---


def test_a_failure_tells_what_failed_and_of_what_input() -> None:
    state = reduced([started(at=1.0), TaskFailed(3.5, 1, 1, 4, ERROR, "row 5")])
    assert state.failures == {1: Failure(1, 1, "task 1", ERROR, "row 5", 3.5, "thread-1", 2.5)}


def test_a_task_that_could_not_begin_is_a_failure_with_its_description() -> None:
    state = reduced([TaskQueued(0.0, 1, "load"), TaskFailed(3.5, 1, 0, 0, ERROR, "row 5")])
    assert state.failures == {1: Failure(1, 0, "load", ERROR, "row 5", 3.5, "", 0.0)}
    assert not state.queued


def test_a_reopened_task_goes_on_where_it_was() -> None:
    events: list[Event] = [
        started(total=10, unit="B"),
        TaskMoved(2.0, 1, 1, 3),
        TaskFailed(3.0, 1, 1, 4, ERROR),
        TaskReopened(4.0, 1, 1),
    ]
    state = reduced(events)
    task = state.tasks[1]
    assert (task.completed, task.total, task.started_at, task.moved_at, task.reopened) == (4, 10, 1.0, 4.0, True)
    assert (state.failures, state.busy, state.items("B"), state.units) == ({}, ["thread-1"], 4, {"B": 0})
    assert state.progress == 0.4
    reduce(state, TaskEnded(5.0, 1, 1, 10))
    assert (state.counts.done, state.counts.failed, state.items("B")) == (1, 0, 10)


def test_a_task_reopened_in_its_second_attempt_ends_in_it() -> None:
    state = reduced([started(), started(attempt=2), TaskFailed(3.0, 1, 2, 4, ERROR), TaskReopened(4.0, 1, 2)])
    reduce(state, TaskEnded(5.0, 1, 1, 10))
    assert (state.stale, list(state.tasks)) == (1, [1])
    reduce(state, TaskEnded(5.0, 1, 2, 10))
    assert (state.stale, list(state.tasks), state.anomalies.count) == (1, [], 0)


def test_a_task_that_failed_between_two_attempts_runs_again_when_reopened() -> None:
    state = reduced([started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0), *AND_ON])
    assert (state.tasks[1].waiting, state.counts.running, state.counts.waiting) == (False, 1, 0)


def test_a_reopened_task_stays_one_through_its_next_attempt() -> None:
    state = reduced([started(), *AND_ON, TaskRetried(4.0, 1, 1, 0, ERROR, 1.0), started(attempt=2)])
    assert state.tasks[1].reopened


def test_a_reopened_nested_task_is_back_under_its_parent() -> None:
    state = reduced([started(1), started(2, parent=1), TaskFailed(3.0, 2, 1, 4, ERROR), TaskReopened(4.0, 2, 1)])
    assert [(depth, task.id) for depth, task in state.walk()] == [(0, 1), (1, 2)]
    assert (state.nested.running, state.nested.failed) == (1, 0)


# --- late and impossible ---

OVER: list[Event] = [started(), TaskRetried(2.0, 1, 1, 0, ERROR, 1.0), started(attempt=2), TaskEnded(4.0, 1, 2, 0)]
FAILED: list[Event] = [started(), TaskFailed(2.0, 1, 1, 0, ERROR)]

LATE: dict[str, tuple[list[Event], Event]] = {
    "moved after its end": ([started(), TaskEnded(2.0, 1, 1, 3)], TaskMoved(3.0, 1, 1, 2)),
    "moved while it waits": (OVER[:2], TaskMoved(3.0, 1, 1, 2)),
    "moved in an old attempt": (OVER[:3], TaskMoved(3.0, 1, 1, 2)),
    "ended in an old attempt": (OVER, TaskEnded(3.0, 1, 1, 2)),
    "ended after it failed, its thread having been abandoned": (FAILED, TaskEnded(3.0, 1, 1, 2)),
    "started anew in an old attempt": (OVER[:3], started()),
    "started anew in an old attempt, being over": (OVER, started()),
    "cancelled as if it had not begun": (STARTED, TaskCancelled(3.0, 1, 0, 0)),
    "reopened although it ended well": (OVER, TaskReopened(3.0, 1, 2)),
    "reopened twice": ([*FAILED, TaskReopened(3.0, 1, 1)], TaskReopened(4.0, 1, 1)),
    "an item that was told twice": (
        [ItemsEnded(3.0, 5, "w", ((1, 1.0, 2.0),))],
        ItemsEnded(3.0, 5, "w", ((1, 1.0, 2.0),)),
    ),
}


@pytest.mark.parametrize(("events", "late"), LATE.values(), ids=LATE)
def test_what_comes_late_is_counted_and_changes_nothing(events: list[Event], late: Event) -> None:
    state = reduced(events)
    before = state.summary()
    reduce(state, late)
    assert state.summary() == before | {"stale": 1}


NAN = float("nan")
TEXT: Any = "5"
IMPOSSIBLE: dict[str, tuple[list[Event], Any]] = {
    "TaskMoved of task 1, attempt 1: no such task has begun": ([], TaskMoved(3.0, 1, 1, 2)),
    "TaskMoved of task 1, attempt 2: no such attempt has begun, the last one is 1": (STARTED, TaskMoved(3.0, 1, 2, 2)),
    "TaskEnded of task 1, attempt 3: no such attempt has begun, the last one is 2": (OVER, TaskEnded(3.0, 1, 3, 2)),
    "TaskEnded of task 1, attempt 1: nan is no finite number": (STARTED, TaskEnded(3.0, 1, 1, NAN)),
    "TaskEnded of task 1, attempt 1: inf is no finite number": (STARTED, TaskEnded(float("inf"), 1, 1, 1)),
    "TaskMoved of task 1, attempt 1: -1 is below 0": (STARTED, TaskMoved(3.0, 1, 1, -1)),
    "TaskMoved of task 1, attempt 1: str where a number belongs": (STARTED, TaskMoved(3.0, 1, 1, TEXT)),
    "TaskMoved of task 1, attempt 1: malformed (TypeError)": (STARTED, TaskMoved(3.0, 1, 1, object())),  # type: ignore[arg-type]
    "TaskStarted of task 1, attempt 1: this attempt has begun already": (STARTED, started()),
    "TaskStarted of task 1, attempt 2: this attempt has begun already": (OVER, started(attempt=2)),
    "TaskStarted of task 1, attempt 3: the task is over": (OVER, started(attempt=3)),
    "TaskStarted of task 1, attempt 0: attempts begin at 1": ([], started(attempt=0)),
    "TaskStarted of task 1, attempt 1: nested in itself": ([], started(parent=1)),
    "TaskStarted of task 1, attempt 1: NoneType where a text belongs": ([], started(worker=None)),
    "TaskStarted of task 1, attempt 1: str where a number belongs": ([], started(total=TEXT)),
    "TaskStarted of task 3, attempt 1: nested in itself": (
        [started(1, parent=3), started(2, parent=1)],
        started(3, parent=2),
    ),
    "TaskStarted of task 1, attempt 1: int where a text belongs": ([], started(fields=((5, 5),))),
    "TaskStarted of task 1, attempt 1: str where a whole number belongs": ([], started(parent=TEXT)),
    "TaskStarted, attempt 1: malformed (TypeError)": ([], started(TEXT)),
    "TaskReopened of task 1, attempt 1: no such task has begun": ([], TaskReopened(3.0, 1, 1)),
    "TaskFailed of task 1, attempt 1: tuple where an error's description belongs": (
        STARTED,
        TaskFailed(3.0, 1, 1, 0, ("ValueError", "x", "")),  # type: ignore[arg-type]
    ),
    "TaskQueued of task 1: it was submitted, or has begun, already": (STARTED, TaskQueued(3.0, 1, "a")),
    "TaskQueued of task 2: it was submitted, or has begun, already": (
        [TaskQueued(3.0, 2, "a")],
        TaskQueued(3.0, 2, "a"),
    ),
    "TaskStarted of task 2, attempt 1: the task is over": (
        [TaskQueued(0.0, 2, "a"), TaskCancelled(1.0, 2, 0, 0)],
        started(2),
    ),
    "TaskMoved of task 2, attempt 1: no such attempt has begun, the last one is 0": (
        [TaskQueued(0.0, 2, "a"), TaskCancelled(1.0, 2, 0, 0)],
        TaskMoved(3.0, 2, 1, 2),
    ),
    "RunStarted: the run has begun already": ([RunStarted(0.0, "", 0.0)], RunStarted(1.0, "", 0.0)),
    "RunEnded: the run is over already": ([RunEnded(0.0)], RunEnded(1.0)),
    "SourceOpened: source 5 was opened already": ([SourceOpened(0.0, 5, 1)], SourceOpened(0.0, 5, 1)),
    "SourceOpened: source 6 was opened already": (
        [SourceOpened(0.0, 6, 1), SourceClosed(0.0, 6, 1)],
        SourceOpened(0.0, 6, 1),
    ),
    "SourceOpened: -1 is below 0": ([], SourceOpened(0.0, 5, -1)),
    "SourceClosed: source 5 is not open": ([], SourceClosed(0.0, 5, 1)),
    "ItemsEnded: an item of a map is nested in nothing": (
        [started(1, parent=9)],
        ItemsEnded(3.0, 5, "w", ((2, 1.0, 2.0), (1, 1.0, 2.0))),
    ),
    "ItemsEnded: str where a whole number belongs": ([], ItemsEnded(3.0, 5, "w", ((TEXT, 1.0, 2.0),))),
    "CallFailed of task 1: it has begun already": ([started(1)], CallFailed(3.0, 1, 2.0, "w", "d", ERROR)),
    "PartsEnded: -1 is below 0": ([], PartsEnded(3.0, "w", -1)),
    "PartsEnded: str where a whole number belongs": ([], PartsEnded(3.0, "w", TEXT)),
    "str is no event": ([], "TaskEnded"),
}


@pytest.mark.parametrize(("said", "case"), IMPOSSIBLE.items(), ids=IMPOSSIBLE)
def test_what_cannot_be_is_described_and_changes_nothing(said: str, case: tuple[list[Event], Any]) -> None:
    events, impossible = case
    state = reduced(events)
    before = state.summary()
    reduce(state, impossible)
    assert state.summary() == before | {"anomalies": 1}
    assert list(state.anomalies.last) == [said]


def test_a_reopened_task_never_stands_above_itself() -> None:
    events: list[Event] = [started(1, parent=2), TaskFailed(2.0, 1, 1, 0, ERROR), started(2, parent=1)]
    state = reduced([*events, TaskReopened(3.0, 1, 1)])
    assert list(state.anomalies.last) == ["TaskReopened of task 1, attempt 1: nested in itself"]


def test_only_the_last_impossible_events_are_kept_in_words() -> None:
    state = reduced([TaskMoved(3.0, task, 1, 2) for task in range(100)])
    assert state.anomalies.count == 100
    assert len(state.anomalies.last) == DESCRIBED
    assert "task 99" in state.anomalies.last[-1]


VALID: list[tuple[list[Event], Event]] = [
    ([], RUN),
    ([], RunEnded(2.0)),
    ([], StopRequested(2.0, "Ctrl-C", 1)),
    ([], SourceOpened(2.0, 5, 40)),
    ([SourceOpened(2.0, 5, 40)], SourceClosed(3.0, 5, 40)),
    ([], TaskQueued(2.0, 1, "a")),
    ([], TaskStarted(2.0, 1, 1, "w", "d", 5, "B", 7, (("a", 1),))),
    (STARTED, TaskMoved(3.0, 1, 1, 5)),
    (STARTED, TaskChanged(3.0, 1, 1, "d", 5, "s", (("a", 1),))),
    (STARTED, TaskEnded(3.0, 1, 1, 5)),
    (STARTED, TaskFailed(3.0, 1, 1, 5, ERROR, "row 5")),
    ([TaskQueued(2.0, 1, "a")], TaskFailed(3.0, 1, 0, 5, ERROR, "row 5")),
    ([], CallFailed(3.0, 1, 2.0, "w", "d", ERROR, "row 5")),
    ([TaskQueued(2.0, 1, "a")], CallFailed(3.0, 1, 2.0, "w", "d", ERROR, "row 5")),
    (STARTED, TaskRetried(3.0, 1, 1, 5, ERROR, 1.0, "row 5")),
    (STARTED, TaskCancelled(3.0, 1, 1, 5, "Ctrl-C")),
    ([TaskQueued(2.0, 1, "a")], TaskCancelled(3.0, 1, 0, 0, "Ctrl-C")),
    (FAILED, TaskReopened(3.0, 1, 1)),
    ([], TextWritten(3.0, 1, 1, "w", "log", "text")),
    (STARTED, MetricReported(3.0, 1, 1, "m", 5)),
    ([], ItemsEnded(3.0, 5, "w", ((1, 1.0, 2.0),), 3, 0.5)),
]
BAD: dict[type, tuple[object, ...]] = {
    str: (5, b"x"),
    int: ("5", 0.5, None),
    bool: ("5", 1, None),
    float: ("5", NAN, None, [1]),
    ErrorReport: (("ValueError", "x", ""), None),
    tuple: (5, ((5, 5),), ("x",), (("unit", 5),)),
}
NUMBERS = {"at", "completed", "total", "wall", "delay", "value", "seconds", "started"}
MEMBERS = [
    pytest.param(events, event._replace(**{name: bad}), id=f"{type(event).__name__}.{name}={bad!r}")  # type: ignore[arg-type]
    for events, event in VALID
    for name, value in zip(event._fields, event, strict=True)
    for bad in BAD[float if name in NUMBERS else type(value)]
    if not (bad is None and name in {"total", "parent", "description", "status"} and type(event) is not CallFailed)
    if not (isinstance(event, MetricReported) and name == "value" and bad is NAN)
    if not (isinstance(event, TextWritten) and name in {"task", "attempt"})  # text counts, whoever wrote it
    if not (isinstance(event, SourceOpened) and bad == [1])
    if not (isinstance(event, TaskStarted) and bad == (("unit", 5),))
]


@pytest.mark.parametrize(
    ("events", "event"), VALID, ids=lambda case: type(case).__name__ if isinstance(case, tuple) else ""
)
def test_an_event_with_the_right_members_is_taken(events: list[Event], event: Event) -> None:
    state = reduced([*events, event])
    assert (state.anomalies.count, state.stale) == (0, 0)


@pytest.mark.parametrize(("events", "odd"), MEMBERS)
def test_a_member_of_another_kind_is_described_and_changes_nothing(events: list[Event], odd: Any) -> None:
    state = reduced(events)
    before = but(state, "anomalies")
    reduce(state, odd)
    assert state.anomalies.count == 1
    assert but(state, "anomalies") == before


# --- numbers of other kinds ---


class Half:
    """As numpy's float32."""

    def __float__(self) -> float:
        return 0.5


class Seven:
    """As numpy's int64."""

    def __index__(self) -> int:
        return 7


def test_numbers_of_other_libraries_become_plain_ones() -> None:
    half: Any = Half()
    seven: Any = Seven()
    cash: Any = decimal.Decimal("2.5")
    state = reduced([started(1, half, total=seven), TaskMoved(half, 1, 1, cash), MetricReported(1.0, 1, 1, "m", cash)])
    task = state.tasks[1]
    assert [(type(n), n) for n in (task.started_at, task.total, task.completed)] == [
        (float, 0.5),
        (int, 7),
        (float, 2.5),
    ]
    assert type(state.metrics["m"].sum) is float
    reduce(state, TaskEnded(1.0, 1, 1, seven))
    assert state.units == {"": 7}


def test_a_metric_that_is_no_finite_number_is_only_the_last_value() -> None:
    values = (NAN, 2.0, float("inf"), 4.0, float("-inf"))
    state = reduced([started(), *(MetricReported(2.0, 1, 1, "loss", value) for value in values)])
    assert state.metrics == {"loss": MetricState(float("-inf"), 2.0, 4.0, 6.0, 2)}
    assert state.metrics["loss"].mean == 3.0
    lone = reduced([started(), MetricReported(2.0, 1, 1, "loss", NAN), MetricReported(2.0, 1, 1, "loss", NAN)])
    assert lone.metrics["loss"].mean is None
    assert repr(lone.metrics["loss"].last) == "nan"


# --- the run as a whole ---


def test_the_slowest_tasks_are_kept_slowest_first() -> None:
    state = reduced([event for n in range(9) for event in (started(n, 0.0), TaskEnded(n * 7 % 9, n, 1, 0))])
    assert state.slowest == [(8.0, "task 5"), (7.0, "task 1"), (6.0, "task 6"), (5.0, "task 2"), (4.0, "task 7")]
    assert len(state.slowest) == SLOWEST


def test_a_clock_of_another_machine_that_is_behind_gives_no_negative_time() -> None:
    state = reduced([started(1, 5.0), TaskEnded(3.0, 1, 1, 0), ItemsEnded(6.0, 5, "w", ((2, 3.0, 2.0),))])
    assert (state.slowest, state.typical, state.counts.done) == ([(0.0, "task 1")], 0.0, 2)


def test_live_tasks_are_walked_in_order_nested_ones_below_their_parent() -> None:
    parents = {1: None, 2: None, 3: 1, 4: 3, 5: 1, 6: 99, 7: 2}
    state = reduced([started(task, parent=parent) for task, parent in parents.items()])
    order = [(0, 1), (1, 3), (2, 4), (1, 5), (0, 2), (1, 7), (0, 6)]
    assert [(depth, task.id) for depth, task in state.walk()] == order
    assert list(state.children[1]) == [3, 5]


def test_a_nested_task_outlives_its_parent_and_stands_by_itself() -> None:
    state = reduced([started(1), started(2, parent=1), started(3, parent=2), TaskEnded(2.0, 1, 1, 0)])
    assert [(depth, task.id) for depth, task in state.walk()] == [(0, 2), (1, 3)]
    assert (
        reduced([started(2, parent=1), started(1)]).summary() == reduced([started(1), started(2, parent=1)]).summary()
    )


def test_tasks_nested_deeper_than_pythons_stack_are_walked() -> None:
    state = reduced([started(1), *(started(task, parent=task - 1) for task in range(2, 3000))])
    assert max(depth for depth, _ in state.walk()) == 2998


def test_elapsed_runs_from_the_start_of_the_run_to_its_end() -> None:
    assert reduced([]).elapsed(50.0) == 0.0
    state = reduced([RUN])
    assert state.elapsed(11.0) == 10.0
    reduce(state, RunEnded(6.0))
    assert state.elapsed(11.0) == 5.0


def test_the_fraction_of_a_run_counts_running_tasks_by_theirs() -> None:
    state = reduced([SourceOpened(0.0, 5, 4)])
    assert state.fraction == 0.0
    state = reduced(
        [SourceOpened(0.0, 5, 4), started(6), TaskEnded(2.0, 6, 1, 0), started(7, total=10), TaskMoved(2.0, 7, 1, 5)]
    )
    assert state.fraction == 0.375
    assert reduced([SourceOpened(0.0, 5, None), started(6), TaskEnded(2.0, 6, 1, 0)]).fraction is None
    assert reduced([]).fraction is None


def test_what_is_added_up_of_running_tasks_leaves_with_them() -> None:
    state = reduced([started(task, total=10) for task in (1, 2)])
    reduce(state, TaskMoved(2.0, 1, 1, 3))
    reduce(state, TaskMoved(2.0, 2, 1, 6))
    assert state.progress == pytest.approx(0.9)
    reduce(state, TaskEnded(3.0, 1, 1, 10))
    assert state.progress == pytest.approx(0.6)


def test_rounding_leaves_nothing_when_nothing_runs() -> None:
    tasks = range(1, 4)
    state = reduced([started(task, task * 0.1, total=10) for task in tasks])
    for task in tasks:
        reduce(state, TaskMoved(2.0, task, 1, task))
    for task in tasks:
        reduce(state, TaskEnded(3.0, task, 1, 10))
    assert (state.progress, state.starts) == (0.0, 0.0)


def test_what_a_task_typically_takes_is_the_mean_of_the_first_and_then_follows_the_last() -> None:
    state = reduced([started(1, 0.0), TaskEnded(4.0, 1, 1, 0), started(2, 0.0), TaskEnded(2.0, 2, 1, 0)])
    assert state.typical == 3.0
    for task in range(3, 200):
        reduce(state, started(task, 0.0))
        reduce(state, TaskEnded(9.0, task, 1, 0))
    assert state.typical == pytest.approx(9.0, rel=0.001)


@pytest.mark.parametrize("begun", [True, False])
def test_tasks_that_fail_or_are_cancelled_have_a_pace_too(begun: bool) -> None:  # a parameter of the test
    for kind in (TaskFailed, TaskCancelled):
        state = reduced([started(99, 0.0)])
        for task in range(1, 41):
            reduce(state, started(task, task * 0.5) if begun else TaskQueued(0.0, task, "a"))
            end = (task * 0.5, task, int(begun), 0)
            reduce(state, TaskFailed(*end, ERROR) if kind is TaskFailed else TaskCancelled(*end))
        assert state.rate(20.0) == pytest.approx(2.0, rel=0.05)


def test_tasks_that_end_evenly_give_a_rate_and_an_eta() -> None:
    state = reduced([SourceOpened(0.0, 5, 100)])
    assert state.eta(1.0) is None
    for task in range(40):
        reduce(state, started(task, task * 0.5))
        reduce(state, TaskEnded(task * 0.5 + 0.5, task, 1, 0))
    assert state.rate(20.0) == pytest.approx(2.0, rel=0.01)
    assert likely(state.eta(20.0)) == pytest.approx(30.0, rel=0.01)


def test_items_told_in_batches_give_the_same_rate_and_eta() -> None:
    state = reduced([SourceOpened(0.0, 5, 1000)])
    for batch in range(100):
        items = tuple((batch * 5 + n, batch * 0.1 + n * 0.02, batch * 0.1 + n * 0.02 + 0.02) for n in range(5))
        reduce(state, ItemsEnded(batch * 0.1 + 0.1, 5, "w", items))
    assert state.rate(10.0) == pytest.approx(50.0, rel=0.01)
    assert likely(state.eta(10.0)) == pytest.approx(10.0, rel=0.02)
    assert state.typical == pytest.approx(0.02)


def test_long_tasks_on_workers_side_by_side_give_an_eta_before_the_first_has_ended() -> None:
    state = reduced([SourceOpened(0.0, 5, 8), *(started(task, 0.0, total=100) for task in range(4))])
    assert state.eta(5.0) is None
    for task in range(4):
        reduce(state, TaskMoved(10.0, task, 1, 50))
    assert likely(state.eta(10.0)) == pytest.approx(30.0)


def test_the_last_tasks_own_eta_is_the_least_that_the_run_takes() -> None:
    state = reduced([*(started(task, 0.0, total=100) for task in range(3))])
    reduce(state, TaskMoved(10.0, 0, 1, 10))
    for task in (1, 2):
        reduce(state, TaskMoved(10.0, task, 1, 99))
        reduce(state, TaskEnded(10.0, task, 1, 100))
    assert likely(state.eta(10.0)) == pytest.approx(90.0)


def test_a_crowd_of_live_tasks_is_not_looked_at_one_by_one() -> None:
    state = reduced([started(task, 0.0, total=100) for task in range(200)])
    reduce(state, TaskMoved(10.0, 0, 1, 10))
    assert likely(state.eta(10.0)) == pytest.approx((200 - 0.1) / (0.1 / 10.0))


def test_a_run_whose_tasks_are_all_over_takes_no_more_time() -> None:
    assert reduced([started(), TaskEnded(2.0, 1, 1, 0)]).eta(5.0) == (0.0, 0.0, 0.0)
    assert reduced([SourceOpened(0.0, 5, None), started(), TaskEnded(2.0, 1, 1, 0)]).eta(5.0) is None
    assert reduced([started()]).eta(1.0) is None


def test_bytes_of_all_tasks_together_have_a_speed() -> None:
    state = reduced([started(task, 0.0, unit="B") for task in range(2)])
    for second in range(1, 11):
        for task in range(2):
            reduce(state, TaskMoved(second, task, 1, second * 100))
    reduce(state, TaskEnded(11.0, 0, 1, 1100))
    assert state.unit_rate("B", 10.0) == pytest.approx(200.0, rel=0.15)


def test_ended_tasks_leave_nothing_but_numbers() -> None:
    def size(state: RunState) -> int:
        return sum(
            len(getattr(state, name)) for name in state.__slots__ if isinstance(getattr(state, name), (dict, list))
        )

    state = RunState()
    sizes = []
    for task in range(20_000):
        reduce(state, started(task))
        reduce(state, TaskEnded(2.0, task, 1, 0))
        sizes.append(size(state) if task % 1000 == 999 else 0)
    assert sizes[999] == sizes[-1]
    assert len(state.over._blocks) == 20


def test_a_field_named_unit_says_what_the_items_are() -> None:
    state = RunState()
    for event in (
        RunStarted(0.0, "", 0.0),
        TaskStarted(0.0, 1, 1, "w", "file"),
        TaskMoved(1.0, 1, 1, 5),
        TaskChanged(1.0, 1, 1, fields=(("unit", "B"), ("host", "a"))),
        TaskMoved(2.0, 1, 1, 9),
    ):
        reduce(state, event)
    assert state.tasks[1].unit == "B"
    assert dict(state.tasks[1].fields) == {"host": "a"}
    reduce(state, TaskEnded(3.0, 1, 1, 10))
    assert state.units == {"B": 10}
    assert not any(state.live_units.values())


def test_what_was_done_before_a_task_began_is_part_of_no_speed() -> None:
    state = reduced([RUN, started(total=1000), TaskChanged(1.0, 1, 1, fields=(("mainstage.initial", 900),))])
    live = state.tasks[1]
    assert (live.completed, live.fraction, dict(live.fields)) == (900, 0.9, {})
    for at in range(2, 12):
        reduce(state, TaskMoved(float(at), 1, 1, 900 + 2 * at))
    rate, left = live.rate(11.0), live.eta(11.0)
    assert rate is not None
    assert 1.5 < rate < 3
    assert left is not None
    assert 20 < left.likely < 70
