"""The one place that changes the state: one event in, its consequences in `RunState`, no matter where it came from.

Three rules, each a property test. Any interleaving that keeps each task's own events in order ends in the same
`summary()`. An event of an attempt that is over is *late*: counted, nothing else. An event that cannot follow from what
is known is *impossible*: described in `anomalies`, nothing else; and nothing is ever raised. So each function below
checks all it needs first and changes the state after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstage.events import (
    CallFailed,
    ItemsEnded,
    KeyPressed,
    MetricReported,
    PartsEnded,
    RunEnded,
    RunStarted,
    SourceClosed,
    SourceForeseen,
    SourceOpened,
    SourceResumed,
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
    TaskStuck,
    TextWritten,
)
from mainstage.ui.eta.speed import Speed
from mainstage.ui.state import aggregates, sources
from mainstage.ui.state.status_map import CANCELLED, DONE, FAILED, WAITING
from mainstage.ui.state.task import Failure, TaskState
from mainstage.ui.state.validate import (
    LARGEST,
    PLAIN,
    Impossible,
    check_error,
    check_fields,
    check_items,
    check_number,
    check_parent,
    check_position,
    check_start,
    check_text,
    check_whole,
    invalid,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.events import Event, Field
    from mainstage.ui.state.run import RunState

REOPENABLE = 1000
"""So many failed tasks may go on after all: the last ones."""


def reduce(state: RunState, event: Event) -> None:
    """Apply `event` to `state`. Never raises: what is impossible is reported in `state.anomalies`."""
    try:
        _REDUCERS[type(event)](state, event)
    except Exception as trouble:  # noqa: BLE001  # events come from anywhere: a damaged one must not end the run
        state.anomalies.report(_describe(event, trouble))


def _describe(event: object, trouble: Exception) -> str:
    name = type(event).__name__
    if type(event) not in _REDUCERS:
        return f"{name} is no event"
    task = getattr(event, "task", None)
    attempt = getattr(event, "attempt", None)
    about = f" of task {task}" if isinstance(task, int) else ""
    about += f", attempt {attempt}" if isinstance(attempt, int) else ""
    why = str(trouble) if isinstance(trouble, Impossible) else f"malformed ({type(trouble).__name__})"
    return f"{name}{about}: {why}"


def _missed(state: RunState, task: int, attempt: int) -> None:
    """Take an event whose attempt does not run: late if that is over, impossible otherwise."""
    check_whole(attempt)
    live = state.tasks.get(task)
    if live is not None:
        known = live.attempt
    elif task in state.over:
        known = state.last_attempts.get(task, 1)
    else:
        invalid("no such task has begun")
    if not 0 <= attempt <= known:
        invalid(f"no such attempt has begun, the last one is {known}")
    state.stale += 1


# --- a task's life ---


def _task_queued(state: RunState, event: TaskQueued) -> None:
    task = event.task
    check_whole(task)
    check_number(event.at)
    check_text(event.description)
    if task in state.queued or task in state.tasks or task in state.over:
        invalid("it was submitted, or has begun, already")
    state.queued[task] = event.description
    state.counts.queued += 1
    state.known += 1


def _task_started(state: RunState, event: TaskStarted) -> None:
    at, task, attempt, worker, description, total, unit, parent, fields, loop = event
    known = state.tasks.get(task)
    if (known is not None or task in state.over) and _began_before(state, task, attempt):
        return
    if (  # the plain case by itself: it saves a third of the whole event
        attempt != 1
        or total is not None
        or parent is not None
        or fields
        or loop
        or not (task.__class__ is int and worker.__class__ is description.__class__ is unit.__class__ is str)
        or at.__class__ is not float
        or not -LARGEST < at < LARGEST
    ):
        event = check_start(state, event)
    live = TaskState(event)
    if known is not None:
        live.error = known.error
        live.reopened = known.reopened
        live.slot = known.slot
        aggregates.remove_attempt(state, known, live.started_at)
    elif task in state.queued:
        del state.queued[task]
        state.counts.queued -= 1
    state.tasks[task] = live
    if state.first_start is None and live.counted:
        state.begin(live.started_at)
    aggregates.add_running(state, live, live.started_at)


def _began_before(state: RunState, task: int, attempt: int) -> bool:
    """Return whether this start is late, and count it; False: an attempt takes the place of the last one."""
    live = state.tasks.get(task)
    known = state.last_attempts.get(task, 1) if live is None else live.attempt
    if attempt < known:
        _missed(state, task, attempt)
        return True
    if attempt == known:
        invalid("this attempt has begun already")
    if live is None:
        invalid("the task is over")
    return False


def _task_moved(state: RunState, event: TaskMoved) -> None:
    at, task, attempt, completed = event
    live = state.tasks.get(task)
    if live is None or live.attempt != attempt or live.waiting:
        _missed(state, task, attempt)
        return
    if completed.__class__ not in PLAIN or not 0 <= completed < LARGEST:  # as in `_task_ended`
        completed = check_position(completed)
    if at.__class__ is not float or not -LARGEST < at < LARGEST:
        at = check_number(at)
    if completed == live.completed:
        return
    aggregates.place(state, live, completed, live.total)
    live.moved_at = max(at, live.moved_at)
    live.moves += 1
    if live.stuck is not None:
        aggregates.clear_stall(live)
    if live.speed is None:
        live.speed = Speed(live.started_at)
        live.changes += 1
    live.speed.feed(completed, at)
    if live.counted and live.unit:
        aggregates.feed_unit(state, live.unit, at)


def _task_changed(state: RunState, event: TaskChanged) -> None:
    at, task, attempt, description, total, status, fields = event
    live = state.tasks.get(task)
    if live is None or live.attempt != attempt or live.waiting:
        _missed(state, task, attempt)
        return
    at = check_number(at)
    if description is not None:
        check_text(description)
    if status is not None:
        check_text(status)
    if total is not None:
        total = check_position(total)
    _take_fields(state, live, check_fields(fields))
    if description is not None:
        live.description = description
    if status is not None:
        live.status = status
    if total is not None:
        aggregates.place(state, live, live.completed, total)
    live.moved_at = max(at, live.moved_at)
    live.stuck = None
    live.changes += 1


def _take_fields(state: RunState, live: TaskState, known: dict[str, Field]) -> None:
    """Take what fields say: those of the program's own for columns, three for what the task itself is."""
    initial = known.pop("mainstage.initial", None)
    if initial is not None:
        initial = check_position(initial)
        aggregates.place(state, live, initial, live.total)
        live.speed = Speed(live.started_at, initial)
    unit = known.pop("unit", None)
    if unit is not None:
        aggregates.rename_unit(state, live, check_text(unit))
    if live.loop and known.get("leave").__class__ is bool:
        live.loop = "line" if known.pop("leave") else "quiet"
    if known:
        live.fields = {**live.fields, **known}


def _task_stuck(state: RunState, event: TaskStuck) -> None:
    at, task, attempt, seconds, place = event
    live = state.tasks.get(task)
    if live is None or live.attempt != attempt or live.waiting:
        _missed(state, task, attempt)
        return
    check_number(at)
    check_position(seconds)
    live.stuck = check_text(place)
    live.changes += 1


def _task_ended(state: RunState, event: TaskEnded) -> None:
    at, task, attempt, completed, left = event
    live = state.tasks.get(task)
    if live is None or live.attempt != attempt or live.waiting:
        _missed(state, task, attempt)
        return
    if at.__class__ is not float or not -LARGEST < at < LARGEST:
        at = check_number(at)
    if completed.__class__ not in PLAIN or not 0 <= completed < LARGEST:
        completed = check_position(completed)
    if left.__class__ is not bool:
        invalid(f"{type(left).__name__} where a truth value belongs")
    counts = aggregates.finish_task(state, live, completed, at, DONE)
    counts.done += 1
    if live.loop:
        aggregates.end_loop(state, live, at, left=left)
    if live.counted:
        aggregates.record_duration(state, at - live.started_at if at > live.started_at else 0.0, live.description)
        aggregates.feed_pace(state, at)
        if live.unit:
            aggregates.feed_unit(state, live.unit, at)


def _task_failed(state: RunState, event: TaskFailed) -> None:
    at, task, attempt, completed, error, given = event
    live = state.tasks.get(task)
    if live is None or live.attempt != attempt:
        if live is None and attempt == 0 and task in state.queued:
            _fail_queued(state, event)
        else:
            _missed(state, task, attempt)
        return
    at = check_number(at)
    completed = check_position(completed)
    check_error(error)
    check_text(given)
    counts = aggregates.finish_task(state, live, completed, at, FAILED)
    counts.failed += 1
    live.waiting = False
    kind = ""
    if live.counted:
        seconds = live.elapsed(at)
        kind = state.failures.add(Failure(task, attempt, live.description, error, given, at, live.worker, seconds))
        aggregates.feed_pace(state, at)
    state.reopenable[task] = live, kind
    if len(state.reopenable) > REOPENABLE:
        del state.reopenable[next(iter(state.reopenable))]


def _fail_queued(state: RunState, event: TaskFailed) -> None:
    """Take the failure of a task that could not be started (attempt 0): its pool broke, it would not pickle."""
    at, task, _, completed, error, given = event
    at = check_number(at)
    check_position(completed)
    check_error(error)
    check_text(given)
    description = aggregates.leave_queue(state, task, FAILED)
    state.counts.failed += 1
    state.failures.add(Failure(task, 0, description, error, given, at, "", 0.0))
    aggregates.feed_pace(state, at)


def _call_failed(state: RunState, event: CallFailed) -> None:
    at, task, started, worker, description, error, given = event
    if not (  # the plain case by itself: many fail like this at once
        at.__class__ is started.__class__ is float
        and -LARGEST < started <= at < LARGEST
        and task.__class__ is int
        and given.__class__ is worker.__class__ is description.__class__ is str
    ):
        at, started = check_number(at), check_number(started)
        check_whole(task)
        for words in (given, worker, description):
            check_text(words)
    if task in state.tasks or task in state.over:
        invalid("it has begun already")
    check_error(error)
    if task in state.queued:
        del state.queued[task]
        state.counts.queued -= 1
    else:
        state.known += 1
    if state.first_start is None:
        state.begin(started)
    seconds = max(0.0, at - started)
    at_work = aggregates.worker(state, worker, started)
    at_work.did(1, seconds, at)
    at_work.failed += 1
    state.over.add(task)
    state.board.add(FAILED)
    state.counts.failed += 1
    state.failures.add(Failure(task, 1, description, error, given, at, worker, seconds))
    aggregates.feed_pace(state, at)


def _task_retried(state: RunState, event: TaskRetried) -> None:
    live = state.tasks.get(event.task)
    if live is None or live.attempt != event.attempt or live.waiting:
        _missed(state, event.task, event.attempt)
        return
    at = check_number(event.at)
    delay = check_position(event.delay)
    check_position(event.completed)
    check_error(event.error)
    check_text(event.input)
    counts = aggregates.remove_running(state, live, at)
    counts.waiting += 1
    state.failing[live.id] = live
    state.board.set(live.slot, WAITING)
    counts.retried += 1
    live.waiting = True
    live.stuck = None
    live.error = event.error
    live.retry_at = at + delay
    live.moved_at = at
    live.changes += 1
    live.place(0, live.total)
    live.speed = None
    aggregates.rebase_unit(state, live)


def _task_cancelled(state: RunState, event: TaskCancelled) -> None:
    at, task, attempt, completed, reason = event
    live = state.tasks.get(task)
    if live is not None and live.attempt == attempt:
        at = check_number(at)
        completed = check_position(completed)
        check_text(reason)
        counts = aggregates.finish_task(state, live, completed, at, CANCELLED)
        counts.cancelled += 1
    elif live is None and attempt == 0 and task in state.queued:
        at = check_number(at)
        check_position(completed)
        check_text(reason)
        aggregates.leave_queue(state, task, CANCELLED)
        state.counts.cancelled += 1
    else:
        _missed(state, task, attempt)
        return
    if live is None or live.counted:
        aggregates.feed_pace(state, at)


def _task_reopened(state: RunState, event: TaskReopened) -> None:
    at, task, attempt = event
    live, kind = state.reopenable.get(task, (None, ""))
    if live is None or live.attempt != attempt:
        _missed(state, task, attempt)
        return
    at = check_number(at)
    check_parent(state, task, live.parent)
    del state.reopenable[task]
    state.tasks[task] = live
    live.reopened = True
    live.moved_at = at
    live.changes += 1
    if live.counted:
        state.failures.take_back(task, kind)
        state.counts.failed -= 1
        worker = state.workers[live.worker]
        worker.done -= 1
        worker.failed -= 1
        if live.completed:
            state.units[live.unit] -= live.completed
        state.pace.rebase(state.counts.ended)
    else:
        aggregates.counts_of(state, live).failed -= 1
    aggregates.add_running(state, live, at)


def _items_ended(state: RunState, event: ItemsEnded) -> None:
    at, source, worker, items, more, seconds = event
    at = check_number(at)
    check_whole(source)
    check_whole(more)
    check_text(worker)
    check_position(more)
    spent = check_position(seconds)
    tasks = check_items(state, items)
    at_work = aggregates.worker(state, worker, items[0][1] if items else at)
    if state.first_start is None:
        state.begin(items[0][1] if items else at)
    known = state.tasks.keys() & tasks
    if known:
        aggregates.end_known(state, [item for item in items if item[0] in known])
        items = tuple(item for item in items if item[0] not in known)
        tasks = [item[0] for item in items]
    again = state.over.add_all(tasks)  # all at once and not one by one: a tiny item costs a seventh less in all
    number = more + len(items) - len(again)
    queued = state.queued.keys() & tasks
    for task in queued:
        del state.queued[task]
    state.counts.queued -= len(queued)
    if source not in state.sources and source not in state.sources_over:  # calls: submitted, and not told of before
        state.known += number - len(queued)
    spent += sum([ended - started for _, started, ended in items if ended > started])
    spent -= sum([max(0.0, items[place][2] - items[place][1]) for place in again])
    if state.plan.ahead:
        aggregates.skip_items(state, items, more)
    state.stale += len(again)
    state.counts.done += number
    state.board.add_many(number)
    at_work.did(number, spent, at)
    if number:
        aggregates.learn_many(state, number, spent / number)
    aggregates.feed_pace(state, at)


def _parts_ended(state: RunState, event: PartsEnded) -> None:
    at, worker, number = event
    check_number(at)
    check_text(worker)
    check_whole(number)
    check_position(number)
    state.nested.done += number


# --- what comes out of tasks ---


def _text_written(state: RunState, event: TextWritten) -> None:
    check_number(event.at)
    for words in (event.worker, event.stream, event.text):
        check_text(words)
    if event.task is not None:
        check_whole(event.task)
    state.text_lines += event.text.count("\n") + 1
    aggregates.keep_text(state, event)


def _metric_reported(state: RunState, event: MetricReported) -> None:
    at, task, attempt, name, value = event
    live = state.tasks.get(task)
    if live is None or live.attempt != attempt or live.waiting:
        _missed(state, task, attempt)
        return
    check_number(at)
    check_text(name)
    value = check_number(value) if -LARGEST < value < LARGEST else float(value)
    aggregates.measure(state, name, value)


def _key_pressed(_state: RunState, event: KeyPressed) -> None:
    check_number(event.at)
    check_text(event.key)


_REDUCERS: dict[type, Callable[[RunState, Any], None]] = {
    RunStarted: sources.run_started,
    RunEnded: sources.run_ended,
    StopRequested: sources.stop_requested,
    SourceOpened: sources.source_opened,
    SourceClosed: sources.source_closed,
    TaskQueued: _task_queued,
    TaskStarted: _task_started,
    TaskMoved: _task_moved,
    TaskChanged: _task_changed,
    TaskEnded: _task_ended,
    TaskFailed: _task_failed,
    TaskRetried: _task_retried,
    TaskCancelled: _task_cancelled,
    TaskReopened: _task_reopened,
    TextWritten: _text_written,
    MetricReported: _metric_reported,
    ItemsEnded: _items_ended,
    KeyPressed: _key_pressed,
    TaskStuck: _task_stuck,
    PartsEnded: _parts_ended,
    SourceForeseen: sources.source_foreseen,
    SourceResumed: sources.source_resumed,
    CallFailed: _call_failed,
}
