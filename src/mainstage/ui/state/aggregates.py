"""How a task counts: its way in and out of the live ones and of every sum. The reducer's; nothing here may fail."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mainstage.ui.eta.speed import Speed
from mainstage.ui.state.counts import MetricState
from mainstage.ui.state.run import SLOWEST, RunState
from mainstage.ui.state.series import Series
from mainstage.ui.state.status_map import DONE, FAILED, RUNNING
from mainstage.ui.state.task import TAIL_TEXTS, LoopEnd, TaskState
from mainstage.ui.state.validate import LARGEST
from mainstage.ui.state.workers import WorkerState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstage.events import TextWritten
    from mainstage.ui.state.counts import Counts

RECENT = 0.05
"""The weight of the last task in what a task typically takes, once twenty have ended."""
PACE = 0.1
"""Seconds between two looks at the speed of all tasks together."""


def add_running(state: RunState, live: TaskState, at: float) -> None:
    """Enter a task that begins to run, or goes on, at `at`, in all sums."""
    worker(state, live.worker, at).take(live, at)
    if live.error is not None:
        state.failing[live.id] = live
    if live.counted:
        if live.slot < 0:
            live.slot = state.board.add(RUNNING)
        else:
            state.board.set(live.slot, RUNNING)
        state.counts.running += 1
        if state.plan.ahead:
            state.plan.begin(live.id)
        state.starts += live.started_at - (state.first_start or 0.0)
        if live.total is not None:
            state.progress += live.fraction or 0.0
        if live.completed:
            state.live_units[live.unit] = state.live_units.get(live.unit, 0) + live.completed
    elif live.parent is not None:
        state.nested.running += 1
        state.children.setdefault(live.parent, {})[live.id] = live
    else:
        state.loops.running += 1
        state.live_loops[live.id] = live
        if state.first_loop is None:
            state.first_loop = live.id, live.description


def counts_of(state: RunState, live: TaskState) -> Counts:
    """Return the counts that a task belongs to: of tasks, of nested ones, of loops of the main thread."""
    if live.counted:
        return state.counts
    return state.loops if live.parent is None else state.nested


def end_loop(state: RunState, live: TaskState, at: float, *, left: bool) -> None:
    """Remember how a loop ended."""
    interrupted = live.fields.get("mainstage.interrupted") is True
    told = live.id, live.description, live.completed, live.total, live.unit, live.elapsed(at), left, live.loop
    end = LoopEnd(*told, interrupted)
    state.loop_ended = end
    if state.first_loop is not None and state.first_loop[0] == live.id:
        state.first_loop_ended = end


def worker(state: RunState, name: str, at: float) -> WorkerState:
    """Return the worker of that name, a new one as seen first at `at`."""
    known = state.workers.get(name)
    if known is None:
        known = state.workers[name] = WorkerState(name, at)
    return known


def remove_running(state: RunState, live: TaskState, at: float) -> Counts:
    """Take a running task out of all sums at `at`; return the counts that it belongs to."""
    state.workers[live.worker].put_down(live, at)
    if not live.counted:
        counts = counts_of(state, live)
        counts.running -= 1
        return counts
    counts = state.counts
    counts.running -= 1
    state.starts -= live.started_at - (state.first_start or 0.0)
    if live.total is not None:
        state.progress -= live.fraction or 0.0
    if live.completed:
        state.live_units[live.unit] -= live.completed
    if not counts.running:
        state.starts = state.progress = 0.0  # what rounding left
    return counts


def remove_attempt(state: RunState, live: TaskState, at: float) -> None:
    """Take an attempt out of the state altogether, whether it runs or waits: a newer one is there at `at`."""
    _stand_back(state, live, at)
    rebase_unit(state, live)


def _stand_back(state: RunState, live: TaskState, at: float) -> Counts:
    parent = live.parent
    if live.waiting:
        counts = counts_of(state, live)
        counts.waiting -= 1
    else:
        counts = remove_running(state, live, at)
    if live.error is not None:
        state.failing.pop(live.id, None)
    if live.loop:
        state.live_loops.pop(live.id, None)
    if parent is not None:
        siblings = state.children[parent]
        del siblings[live.id]
        if not siblings:
            del state.children[parent]
    return counts


def finish_task(state: RunState, live: TaskState, completed: float, at: float, code: int) -> Counts:
    """Take a task that is over at `completed` items out of the live ones; return the counts that it belongs to.

    `code` is what the board shows of it, `at` when it ended.
    """
    counts = _stand_back(state, live, at)
    task = live.id
    del state.tasks[task]
    state.over.add(task)
    if live.attempt != 1:
        state.last_attempts[task] = live.attempt
    live.place(completed, live.total)
    if live.counted:
        state.board.set(live.slot, code)
        worker = state.workers[live.worker]
        worker.done += 1
        worker.failed += code == FAILED
        if state.plan.at_work:
            state.plan.end(task, live.elapsed(at) if code == DONE else None, max(0.0, at - (state.first_start or 0.0)))
        if completed:
            state.units[live.unit] = state.units.get(live.unit, 0) + completed
    return counts


def leave_queue(state: RunState, task: int, code: int) -> str:
    """Take a task that never began out of the queue; return its description. `code` is as for `leave`."""
    state.board.add(code)
    state.counts.queued -= 1
    state.over.add(task)
    state.last_attempts[task] = 0
    return state.queued.pop(task)


def place(state: RunState, live: TaskState, completed: float, total: float | None) -> None:
    """Set the position and total of a running task, in the sums too."""
    before, part = live.completed, live.fraction
    live.place(completed, total)
    if live.counted:
        state.progress += (live.fraction or 0.0) - (part or 0.0)
        state.live_units[live.unit] = state.live_units.get(live.unit, 0) + completed - before


def rename_unit(state: RunState, live: TaskState, unit: str) -> None:
    """Count the items of a running task under another unit."""
    if live.counted and live.completed:
        state.live_units[live.unit] -= live.completed
        state.live_units[unit] = state.live_units.get(unit, 0) + live.completed
    rebase_unit(state, live)
    live.unit = unit
    rebase_unit(state, live)


def record_duration(state: RunState, seconds: float, description: str) -> None:
    """Remember how long a top-level task took that ended well, once it is counted."""
    state.typical += (seconds - state.typical) * (RECENT if state.counts.done > 1 / RECENT else 1 / state.counts.done)
    state.durations.add(seconds)
    slowest = state.slowest
    if len(slowest) < SLOWEST or seconds >= slowest[-1][0]:
        record_slowest(state, seconds, description)


def record_slowest(state: RunState, seconds: float, description: str) -> None:
    """Keep it among the slowest, if it is one of them."""
    slowest = state.slowest
    slowest.append((seconds, description))
    slowest.sort(reverse=True)
    del slowest[SLOWEST:]


def set_sizes(state: RunState, sizes: Sequence[tuple[int, float]]) -> None:
    """Remember the sizes of tasks, of those that have begun too."""
    begun = [task for task, _ in sizes if task in state.tasks]
    state.plan.expect([pair for pair in sizes if pair[0] not in state.over])
    for task in begun:
        state.plan.begin(task)


def skip_items(state: RunState, items: Iterable[tuple[int, float, float]], more: int) -> None:
    """Remove the sizes of items that ended without being reported one by one."""
    state.plan.skip(more)
    for task, started, ended in items:
        state.plan.begin(task)
        state.plan.end(task, max(0.0, ended - started), max(0.0, ended - (state.first_start or 0.0)))


def end_known(state: RunState, items: list[tuple[int, float, float]]) -> None:
    """Take the ends of items that were told of by themselves; one that told a position has an end of its own."""
    for task, started, ended in items:
        live = state.tasks.get(task)
        if live is None:  # twice in one event
            state.stale += 1
            continue
        finish_task(state, live, 0, ended, DONE)
        state.counts.done += 1
        record_duration(state, max(0.0, ended - started), live.description)


def learn_many(state: RunState, number: int, seconds: float) -> None:
    """Remember that `number` of the tasks that are done took `seconds` each."""
    weight = max(number / state.counts.done, 1.0 - (1.0 - RECENT) ** number)
    state.typical += (seconds - state.typical) * weight
    state.durations.add(seconds, number)


def feed_pace(state: RunState, at: float) -> None:
    """Look at the speed of all tasks together, now and then."""
    pace = state.pace
    if at - pace.at >= PACE:
        pace.feed(state.counts.ended, at)


def feed_unit(state: RunState, unit: str, at: float) -> None:
    """Look at the speed of the items of `unit`, now and then."""
    pace = state.unit_paces.get(unit)
    if pace is None:
        pace = state.unit_paces[unit] = Speed(at if state.first_start is None else state.first_start)
    if at - pace.at >= PACE:
        pace.feed(state.items(unit), at)


def rebase_unit(state: RunState, live: TaskState) -> None:
    """Rebase the unit's rate so that a retried task does not look like negative progress."""
    pace = state.unit_paces.get(live.unit)
    if pace is not None and live.counted:
        pace.rebase(state.items(live.unit))


def keep_text(state: RunState, event: TextWritten) -> None:
    """Keep a text among the last ones: of the run, of its task and of those that it is nested in."""
    state.texts.append(event)
    task = event.task
    while task is not None:
        live = state.tasks.get(task)
        if live is None:
            return
        if live.stuck is not None:
            clear_stall(live)
        if live.tail is None:
            live.tail = deque(maxlen=TAIL_TEXTS)
        live.tail.append(event)
        task = live.parent


def clear_stall(live: TaskState) -> None:
    """Mark a task as no longer stuck."""
    live.stuck = None
    live.changes += 1


def measure(state: RunState, name: str, value: float) -> None:
    """Count a measurement; one that is no finite number is only the last one."""
    known = state.metrics.get(name) or MetricState(value, 0.0, 0.0, 0.0, 0)
    if not -LARGEST < value < LARGEST:
        state.metrics[name] = known._replace(last=value)
        return
    if name not in state.metric_history:
        state.metric_history[name] = Series()
    state.metric_history[name].add(value)
    _, least, most, total, count = known
    if count:
        state.metrics[name] = MetricState(value, min(least, value), max(most, value), total + value, count + 1)
    else:
        state.metrics[name] = MetricState(value, value, value, value, 1)
