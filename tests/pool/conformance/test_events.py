"""What an owner is told of a task: its start, all that it reports, its end, in this order and exact."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from tests.pool.conformance.conftest import DEADLINE
from tests.pool.conformance.work import double, picky, track_some

from mainstage.events import ItemsEnded, TaskCancelled, TaskEnded, TaskFailed, TaskMoved, TaskQueued, TaskStarted

if TYPE_CHECKING:
    from tests.pool.conformance.conftest import Pool

pytestmark = pytest.mark.timeout(2 * DEADLINE, func_only=True)  # a cluster may take long to start
ENDS = (TaskEnded, TaskFailed, TaskCancelled)


def test_a_start_comes_before_progress_and_an_end_after_it_once(pool: Pool) -> None:
    with pool.run(on_error="collect") as run:
        assert [future.result() for future in [run.submit(track_some, n) for n in (10, 20)]] == [45, 190]
        assert list(run.map(track_some, [30, 40])) == [435, 780]
        assert isinstance(run.submit(picky, 3).exception(), ValueError)
    stories: dict[int, list[str]] = defaultdict(list)
    for event in pool.events:
        if type(event) in (TaskStarted, TaskMoved, *ENDS):
            stories[event.task].append(type(event).__name__)  # type: ignore[index, union-attr]  # those have one
    assert len(stories) >= 5
    for told in stories.values():
        assert told[0] == "TaskStarted"
        assert [name for name in told if name in {kind.__name__ for kind in ENDS}] == [told[-1]]
        assert told.count("TaskStarted") == 1


def test_positions_are_exact(pool: Pool) -> None:
    with pool.run() as run:
        assert run.submit(track_some, 1000).result() == 499_500
    tracked = {event.task: event.completed for event in pool.of(TaskEnded)}
    assert 1000 in tracked.values()


def test_calls_are_told_of_one_by_one_where_each_event_is_recorded(pool: Pool) -> None:
    with pool.run() as run:
        futures = [run.submit(double, n) for n in range(20)]
        assert [future.result() for future in futures] == [2 * n for n in range(20)]
    assert [event.description for event in pool.of(TaskQueued)] == [f"double({n})" for n in range(20)]
    assert len(pool.of(TaskStarted)) == len(pool.of(TaskEnded)) == 20
    assert min(event.task for event in pool.of(TaskQueued)) == 1


def test_items_are_counted_once_in_sums_or_by_name(pool: Pool) -> None:
    with pool.run() as run:
        assert sum(run.map(double, range(500))) == 500 * 499
    by_name = len(pool.of(TaskEnded))
    assert by_name + sum(len(event.items) + event.more for event in pool.of(ItemsEnded)) == 500
