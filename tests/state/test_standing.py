"""What stands out, and what is kept of many: stuck and slow tasks, the board, courses, how busy workers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.state.lives import ERROR, reduced

from mainstage.events import (
    RunStarted,
    TaskChanged,
    TaskEnded,
    TaskMoved,
    TaskRetried,
    TaskStarted,
    TaskStuck,
    TextWritten,
)
from mainstage.ui.state.outliers import is_slow, stalled, typical
from mainstage.ui.state.series import POINTS, Series
from mainstage.ui.state.status_map import DONE, FAILED, MOST, StatusMap

if TYPE_CHECKING:
    from mainstage.events import Event

BEGUN = RunStarted(0.0, "run", 0.0)


def stuck(*events: Event, now: float = 100.0) -> list[int]:
    return [task.id for task in stalled(reduced([BEGUN, *events]), now, 60.0)]


def test_a_task_that_reports_and_does_not_move_stands_still() -> None:
    begun = TaskStarted(0.0, 1, 1, "w", "t", 10.0)
    assert stuck(begun) == [1]
    assert stuck(begun, TaskMoved(39.9, 1, 1, 3)) == [1]
    assert stuck(begun, TaskMoved(40.1, 1, 1, 3)) == []
    assert stuck(begun, TextWritten(41.0, 1, 1, "w", "log", "here")) == []
    assert stuck(begun, TaskStuck(90.0, 1, 1, 60.0, "a.py:1 in f")) == []
    assert stuck(begun, TaskStuck(20.0, 1, 1, 60.0), TaskChanged(30.0, 1, 1, status="on")) == [1]


def test_one_that_reports_nothing_is_told_only_where_others_are_far_faster() -> None:
    silent = TaskStarted(0.0, 1, 1, "w", "t")
    others: list[Event] = []
    for task in range(2, 8):
        others += [TaskStarted(0.0, task, 1, "w", "t"), TaskEnded(1.0, task, 1, 0)]
    assert stuck(silent) == []
    assert stuck(silent, *others) == [1]


def test_one_with_nested_tasks_is_told_by_these() -> None:
    assert stuck(TaskStarted(0.0, 1, 1, "w", "t", 9.0), TaskStarted(0.0, 2, 1, "w", "n", 9.0, parent=1)) == [2]


def test_a_task_is_slow_from_four_times_what_five_others_took() -> None:
    events: list[Event] = [BEGUN, TaskStarted(0.0, 1, 1, "w", "t")]
    for task in range(2, 7):
        assert typical(reduced(events)) == 0.0
        events += [TaskStarted(0.0, task, 1, "w", "t"), TaskEnded(3.0, task, 1, 0)]
    state = reduced(events)
    usual = typical(state)
    assert usual == 3.0
    assert not is_slow(state.tasks[1], usual, 12.0)
    assert is_slow(state.tasks[1], usual, 12.1)


@given(st.lists(st.floats(-1e9, 1e9), max_size=700))
def test_a_course_keeps_the_whole_in_few_points(values: list[float]) -> None:
    series = Series()
    for value in values:
        series.add(value)
    assert len(series.points) < POINTS
    assert (len(series.points) + 1) * series.stride > len(values)
    assert all(min(values) - 1e-3 <= point <= max(values) + 1e-3 for point in series.points)


def test_the_board_has_a_bound_and_its_blocks_show_the_worst() -> None:
    board = StatusMap()
    board.add_many(MOST + 5)
    assert board.add(FAILED) == -1
    assert len(board.cells) == MOST
    board.set(-1, FAILED)
    board.set(7, FAILED)
    assert board.blocks(5)[:3] == bytes([DONE, FAILED, DONE])


def test_a_worker_is_busy_while_it_has_a_task_in_hand() -> None:
    state = reduced([
        BEGUN,
        TaskStarted(0.0, 1, 1, "w", "t"),
        TaskStarted(1.0, 2, 1, "w", "n", parent=1),
        TaskEnded(2.0, 2, 1, 0),
        TaskRetried(4.0, 1, 1, 0, ERROR, 1.0),
        TaskStarted(6.0, 1, 2, "w", "t"),
    ])  # fmt: skip
    worker = state.workers["w"]
    assert worker.busy(6.0) == 4 / 6
    assert worker.busy(8.0) == 6 / 8
    assert list(worker.tasks) == [1]
