"""Which tasks stand out: those that stand still, and those that take far longer than the others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import TaskState

ENOUGH = 5
"""Tasks that have ended before what one takes is known."""
FAR = 4.0
"""Times as long as the others is far longer."""
SHORTEST = 5.0
"""Seconds below which nothing is slow."""


def typical(state: RunState) -> float:
    """Return the seconds that a top-level task takes; 0.0: too few have ended to say."""
    return state.typical if state.counts.done >= ENOUGH else 0.0


def is_slow(task: TaskState, usual: float, now: float) -> bool:
    """Return whether a top-level task takes far longer than `usual` seconds; 0.0: not known."""
    if not usual or not task.counted or task.waiting:
        return False
    return now - task.started_at > max(SHORTEST, FAR * usual)


def stalled(state: RunState, now: float, after: float) -> list[TaskState]:
    """Return the tasks that have not moved for `after` seconds and were not reported yet.

    Only one that reports something can be seen not to move: of others, those that take far longer than usual. One with
    live nested tasks is judged by these.
    """
    limit = now - after
    usual = typical(state)
    return [
        task
        for task in state.tasks.values()
        if task.moved_at <= limit
        and task.stuck is None
        and not task.waiting
        and task.id not in state.children
        and (task.tail is None or task.tail[-1].at <= limit)
        and (task.moves or task.changes or task.total is not None or is_slow(task, usual, now))
    ]
