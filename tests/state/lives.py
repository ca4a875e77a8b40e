"""Lives of tasks as hypothesis makes them up, interleavings of them, and all that a state holds as plain values."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from mainstage.events import (
    ErrorReport,
    ItemsEnded,
    MetricReported,
    PartsEnded,
    SourceClosed,
    SourceForeseen,
    SourceOpened,
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
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstage.events import Event

ERROR = ErrorReport("ValueError", "bad row", "")
WORKERS = ("thread-1", "thread-2")
SOURCE = 900
Draw = Any  # hypothesis's own type of it is not public


def reduced(events: Iterable[Event]) -> RunState:
    """Return the state after `events`."""
    state = RunState()
    for event in events:
        reduce(state, event)
    return state


def contents(value: Any) -> Any:
    """Return all that an object of the state holds, in its own order, as plain comparable values."""
    if isinstance(value, dict):
        return [(key, contents(item)) for key, item in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return (type(value).__name__, *map(contents, value))
    if isinstance(value, (list, tuple, deque)):
        return [contents(item) for item in value]
    slots = getattr(type(value), "__slots__", None)
    if slots and type(value).__module__.startswith("mainstage"):
        return {name: contents(getattr(value, name)) for name in slots}
    return repr(value) if isinstance(value, (float, bytearray)) or value is None else value


def but(state: RunState, *names: str) -> Any:
    """Return the contents of `state` without some of its members."""
    return {name: contents(getattr(state, name)) for name in RunState.__slots__ if name not in names}


@st.composite
def _attempt(draw: Draw, task: int, attempt: int, parent: int | None) -> list[Event]:
    """Return an attempt but its end: its start and what it reports."""
    begin = float(draw(st.integers(0, 100)))
    total = draw(st.none() | st.integers(0, 10))
    unit = draw(st.sampled_from(["", "B"]))
    fields = draw(st.sampled_from([(), (("size", 3),), (("unit", "rows"),)]))
    worker = draw(st.sampled_from(WORKERS))
    events: list[Event] = [TaskStarted(begin, task, attempt, worker, f"task {task}", total, unit, parent, fields)]
    at = begin
    for kind in draw(st.lists(st.sampled_from("mctx"), max_size=4)):
        at += draw(st.integers(0, 5))
        match kind:
            case "m":
                events.append(TaskMoved(at, task, attempt, draw(st.integers(0, 12))))
            case "c":
                events.append(TaskChanged(at, task, attempt, None, draw(st.none() | st.integers(0, 9)), "busy", fields))
            case "t":
                events.append(TextWritten(at, task, attempt, worker, "stdout", "a\nb"))
            case _:
                events.append(MetricReported(at, task, attempt, "loss", draw(st.integers(0, 5))))
    return events


@st.composite
def _end(draw: Draw, task: int, attempt: int, at: float) -> list[Event]:
    done = draw(st.integers(0, 12))
    match draw(st.sampled_from("efcxr")):
        case "e":
            return [TaskEnded(at, task, attempt, done)]
        case "f":
            return [TaskFailed(at, task, attempt, done, ERROR, "row 5")]
        case "c":
            return [TaskCancelled(at, task, attempt, done, "Ctrl-C")]
        case "r":
            failed = TaskFailed(at, task, attempt, done, ERROR)
            return [failed, TaskReopened(at, task, attempt), *draw(_end(task, attempt, at + 1))]
        case _:
            return []


@st.composite
def life(draw: Draw, task: int, parent: int | None = None) -> list[Event]:
    """Return all that happens to one task, in order: queued or not, up to three attempts, ended or still live."""
    events: list[Event] = []
    if parent is None and draw(st.booleans()):
        events.append(TaskQueued(0.0, task, f"task {task}"))
        match draw(st.sampled_from("scf")):
            case "c":
                return [*events, TaskCancelled(1.0, task, 0, 0, "Ctrl-C")]
            case "f":
                return [*events, TaskFailed(1.0, task, 0, 0, ERROR, "unpicklable")]
            case _:
                pass
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        if attempt > 1:
            events.append(TaskRetried(events[-1].at + 1, task, attempt - 1, 2, ERROR, 0.5))
        events += draw(_attempt(task, attempt, parent))
    if draw(st.integers(0, 9)) == 0:
        events.append(TaskRetried(events[-1].at + 1, task, attempt, 2, ERROR, 0.5))
        if draw(st.booleans()):
            events.append(TaskCancelled(events[-1].at + 1, task, attempt, 0))
        return events
    events += draw(_end(task, attempt, events[-1].at + 1))
    return events


@st.composite
def _items(draw: Draw) -> list[Event]:
    """Return a `map`: its items, of which one may have been announced."""
    total = draw(st.none() | st.integers(0, 9))
    events: list[Event] = [SourceOpened(0.0, SOURCE, total)]
    count = draw(st.integers(0, 4))
    if draw(st.booleans()):
        sizes = tuple((SOURCE + 1 + n, draw(st.integers(0, 9))) for n in range(count))
        events.append(SourceForeseen(0.0, SOURCE, draw(st.none() | st.integers(0, 4)), sizes))
    if draw(st.booleans()):
        events.append(TaskStarted(1.0, SOURCE + 1, 1, WORKERS[0], "item 1"))
    items = tuple((SOURCE + 1 + n, 1.0 + n, 2.0 + n) for n in range(count))
    events.append(ItemsEnded(9.0, SOURCE, WORKERS[0], items, draw(st.integers(0, 3)), 0.0))
    events.append(PartsEnded(9.0, WORKERS[0], draw(st.integers(0, 3))))
    if draw(st.booleans()):
        events.append(SourceClosed(9.0, SOURCE, count))
    return events


@st.composite
def lives(draw: Draw) -> list[list[Event]]:
    """Return the lives of a few tasks, some nested in others (or in one that never began), and of a `map`."""
    count = draw(st.integers(1, 4))
    parents = [None, *(draw(st.none() | st.integers(1, task - 1) | st.just(77)) for task in range(2, count + 1))]
    return [draw(life(task, parents[task - 1])) for task in range(1, count + 1)] + [draw(_items())]


@st.composite
def interleaved(draw: Draw, lines: list[list[Event]]) -> list[Event]:
    """Return one interleaving that keeps the order of each line."""
    order = draw(st.permutations([number for number, line in enumerate(lines) for _ in line]))
    sources = [iter(line) for line in lines]
    return [next(sources[number]) for number in order]
