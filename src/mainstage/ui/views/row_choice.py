"""Which tasks get rows, and how many rows there are."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import TaskState
    from mainstage.ui.views.palette import Glyphs

ROW_DELAY_S = 0.1
"""Seconds that a task lives before it gets a row."""
NEVER = float("inf")
LOOK = 4
"""How many tasks are looked at for each row there is, at most."""
TALL = 12
"""From this height on a quarter of the screen is left to the text; below, two rows."""


class RowChoice(NamedTuple):
    """The tasks that get rows, (depth, task) each, and how many live ones do not for want of room."""

    shown: list[tuple[int, TaskState]]
    hidden: int


class MergedDepth(int):
    """The depth of a row that stands for two: a task that says nothing of itself, and the only one nested in it."""

    over: TaskState
    """The task that says nothing."""


def merged(depth: int, over: TaskState) -> MergedDepth:
    """Return the depth of a row that stands for `over` and the only task nested in it."""
    made = MergedDepth(depth)
    made.over = over
    return made


def row_prefix(depth: int, task: TaskState, glyphs: Glyphs) -> str:
    """Return what stands before the name of `task`: that of the task which shares the row, if its own lacks it."""
    if not isinstance(depth, MergedDepth) or _names(task.description, depth.over.description):
        return ""
    return f"{glyphs.name(depth.over.description)} {glyphs.within} "


def _names(text: str, name: str) -> bool:
    """Return whether `name` stands in `text` as a whole."""
    if not name:
        return True
    before, found, after = text.partition(name)
    return bool(found) and not (before[-1:].isalnum() or after[:1].isalnum())


def row_due_at(state: RunState, now: float) -> float:
    """Return when the youngest task is old enough for a row; `NEVER`: it is."""
    last = next(reversed(state.tasks.values()), None)
    return last.started_at + ROW_DELAY_S if last is not None and last.started_at > now - ROW_DELAY_S else NEVER


def room_for_rows(height: int) -> int:
    """Return how many rows a screen of `height` may give us; the rest is the text's."""
    if height >= TALL:
        return height - height // 4
    return max(1, height - 2)


def is_single_track(state: RunState) -> bool:
    """Return whether the run is one task and nothing else is expected, or a loop that goes through all of it."""
    if state.live_loops:
        return True
    return state.counts.running + state.counts.waiting == 1 and state.expected == 1 and not state.open_ended


def choose_rows(state: RunState, now: float, room: int) -> RowChoice:
    """Choose the tasks for `room` rows, in the order in which they started: rows stay where they are.

    Those that failed and are tried again come first, for up to a third of the rows, then those that have run the
    longest; what room is left is shared by the nested ones. Looks at a few times `room` tasks at most, however many
    there are. If not all find room, a row is kept for saying so.
    """
    if room <= 0:
        return RowChoice([], 0)
    live = len(state.tasks) - _pairs(state, room)
    crowded = live > room > 1
    room -= crowded
    top = top_level(state, now, room)
    shown = list(with_nested(state, top, now, room)) if state.children else [(0, task) for task in top]
    if state.live_loops:
        shown = _below_loops(shown)
    return RowChoice(shown, live - len(shown) if crowded and len(shown) == room else 0)


def _pairs(state: RunState, room: int) -> int:
    """Return how many tasks share a row with the one that is nested in them, as far as rows go."""
    return sum(
        only_child(state, task) is not None
        for task in map(state.tasks.get, islice(state.children, LOOK * room))
        if task is not None and is_top_level(task, state.tasks)
    )


def only_child(state: RunState, task: TaskState) -> TaskState | None:
    """Return the one task that is nested in `task`, where this says nothing of itself: the two are one row."""
    nested = state.children.get(task.id)
    if nested is None or len(nested) != 1 or task.loop:
        return None
    silent = task.total is None and not task.completed and not task.status
    return next(iter(nested.values())) if silent and not task.waiting and task.stuck is None else None


def _below_loops(shown: list[tuple[int, TaskState]]) -> list[tuple[int, TaskState]]:
    """Return the rows with work below the loops of the main thread that go through it."""
    below = 1 + max((depth for depth, task in shown if task.loop), default=-1)
    loops: list[tuple[int, TaskState]] = []
    work: list[tuple[int, TaskState]] = []
    of_loop = False
    for depth, task in shown:
        if not depth:
            of_loop = bool(task.loop)
        if of_loop:
            loops.append((depth, task))
        else:
            work.append((_deeper(depth, below), task))
    return loops + work


def _deeper(depth: int, by: int) -> int:
    return merged(depth + by, depth.over) if isinstance(depth, MergedDepth) else depth + by


def top_level(state: RunState, now: float, room: int) -> list[TaskState]:
    """Return the tasks for `room` rows that are nested in no other, in the order in which they started."""
    tasks, grown = state.tasks, now - ROW_DELAY_S
    found = (
        task
        for task in chain(state.live_loops.values(), islice(tasks.values(), LOOK * room + LOOK))
        if (task.started_at <= grown or task.attempt > 1) and is_top_level(task, tasks)
    )
    if state.live_loops:
        found = (task for task in {task.id: task for task in found}.values())
    if not state.failing:
        return list(islice(found, room))
    near = list(found)
    failing = [task for task in islice(state.failing.values(), LOOK * room) if is_top_level(task, tasks)]
    kept = {task.id for task in failing[: max(1, room // 3)]}
    for task in sorted(near, key=lambda task: task.waiting):
        if len(kept) == room:
            break
        kept.add(task.id)
    shown = [task for task in near if task.id in kept]
    return shown + [task for task in failing if task.id in kept and task not in shown]


def is_top_level(task: TaskState, tasks: Mapping[int, TaskState]) -> bool:
    """Return whether `task` is nested in none of the live `tasks`."""
    return task.parent is None or task.parent not in tasks


def with_nested(
    state: RunState, top: Sequence[TaskState], now: float, room: int, *, merge: bool = True
) -> Iterator[tuple[int, TaskState]]:
    """Yield (depth, task) for `top`, and below each what is nested in it, as far as `room` rows go.

    `merge`: one that says nothing shares a row with the only task nested in it.
    """
    spare = room - len(top)
    for place, task in enumerate(top):
        only = only_child(state, task) if merge else None
        if only is not None:
            yield merged(0, task), only
            task = only  # noqa: PLW2901  # what is nested in the pair is nested in that
        else:
            yield 0, task
        if task.id not in state.children or spare <= 0:
            continue
        parents = sum(1 for other in top[place:] if other.id in state.children)
        for found in islice(_below(state, task, now), -(-spare // parents)):
            spare -= 1
            yield found


def _below(state: RunState, root: TaskState, now: float) -> Iterator[tuple[int, TaskState]]:
    levels = [iter(state.children[root.id].values())]
    while levels:
        task = next(levels[-1], None)
        if task is None:
            levels.pop()
            continue
        if now - task.started_at >= ROW_DELAY_S or task.attempt > 1:
            yield len(levels), task
        if task.id in state.children:
            levels.append(iter(state.children[task.id].values()))
