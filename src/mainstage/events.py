"""The contract, first half: what happened, as frozen facts in the past tense.

Everything that reaches the state is one of these, taken from the one inbox. Each carries `at`, seconds on the
monotonic clock of the process that owns the run, and whatever concerns a task carries `(task, attempt)`.

They are named tuples and not `msgspec.Struct`: the worker side imports this module, and msgspec alone costs more than
twice a bare interpreter start; the codec validates with it where events come from outside.
"""

from __future__ import annotations

from mainstage._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple, TypeAlias
else:
    from mainstage._typing import NamedTuple

SCHEMA = 2
"""The version of the events; a recording names the one it was written with. Older ones are read, by the defaults."""

Field: TypeAlias = str | int | float | bool | None
Fields: TypeAlias = tuple[tuple[str, Field], ...]


class ErrorReport(NamedTuple):
    """An exception, described: what is left of it on the far side of any border."""

    type: str
    text: str
    traceback: str = ""


class RunStarted(NamedTuple):
    """A run was entered; `wall` is the time of day, in seconds since the epoch."""

    at: float
    title: str
    wall: float


class RunEnded(NamedTuple):
    """The run is over; nothing follows."""

    at: float


class StopRequested(NamedTuple):
    """Somebody asked the run to stop: `cause` names who ("Ctrl-C", "SIGTERM", "a failure"); `stage` counts 1, 2, 3."""

    at: float
    cause: str
    stage: int


class SourceOpened(NamedTuple):
    """A `map` began to hand out items; `total` is how many, where that is known."""

    at: float
    source: int
    total: int | None


class SourceClosed(NamedTuple):
    """A `map` hands out nothing more; it handed out `handed` items in all."""

    at: float
    source: int
    handed: int


class TaskQueued(NamedTuple):
    """A task was submitted and waits for a worker. Items of a `map` are not queued one by one."""

    at: float
    task: int
    description: str


class TaskStarted(NamedTuple):
    """An attempt at a task began. `parent` is the task it is nested in, if any; `unit` as "B" or "rows".

    `loop` is "" for work; else it is a loop or a bar of the main thread, which goes through work and is not counted as
    such: "line" leaves a line when it ends, "quiet" none, "loop" one if the run is its own.
    """

    at: float
    task: int
    attempt: int
    worker: str
    description: str
    total: float | None = None
    unit: str = ""
    parent: int | None = None
    fields: Fields = ()
    loop: str = ""


class TaskMoved(NamedTuple):
    """The task's position was read: `completed` items, absolute. Made by the receiving side of a channel."""

    at: float
    task: int
    attempt: int
    completed: float


class TaskChanged(NamedTuple):
    """What is known of the task changed; None means "as before".

    A field named "unit" changes its unit, one named "leave", a truth, whether a loop leaves a line; "mainstage.initial"
    is how many items were done before it began, and are part of no speed, "mainstage.interrupted" that Ctrl-C ends it.
    """

    at: float
    task: int
    attempt: int
    description: str | None = None
    total: float | None = None
    status: str | None = None
    fields: Fields = ()


class TaskEnded(NamedTuple):
    """The attempt ended well, at exactly `completed` items. `left`: a loop that did not come to its end."""

    at: float
    task: int
    attempt: int
    completed: float
    left: bool = False


class TaskFailed(NamedTuple):
    """The attempt failed and the task with it."""

    at: float
    task: int
    attempt: int
    completed: float
    error: ErrorReport
    input: str = ""


class TaskRetried(NamedTuple):
    """The attempt failed; the task runs again in `delay` seconds."""

    at: float
    task: int
    attempt: int
    completed: float
    error: ErrorReport
    delay: float
    input: str = ""


class TaskCancelled(NamedTuple):
    """The task was asked to stop and did (`attempt` 0: before it began)."""

    at: float
    task: int
    attempt: int
    completed: float
    reason: str = ""


class TaskReopened(NamedTuple):
    """A task that was told as failed goes on after all: a late sender of its queue came."""

    at: float
    task: int
    attempt: int


class TextWritten(NamedTuple):
    """Whole lines came out of a task, or of the program (`task` None): no newline at the end.

    `stream` is "log", "stdout", "stderr", "warning" or "mainstage" (what the library itself has to say).
    """

    at: float
    task: int | None
    attempt: int
    worker: str
    stream: str
    text: str


class MetricReported(NamedTuple):
    """A task measured something."""

    at: float
    task: int
    attempt: int
    name: str
    value: float


class ItemsEnded(NamedTuple):
    """Short items of a `map`, or short calls, ended well: `(task, started, ended)` each, in seconds.

    One event for all of a worker since its last such report. One of them was announced by a `TaskStarted` only if it
    ran long enough to be shown; one that reported progress, or failed, has its own `TaskStarted` and end instead and is
    not listed. `more` that took `seconds` together were summed into two numbers, since the reports were not taken for
    long. Calls are reported so only where no recorder takes each event; `source` is then no source that was opened.
    """

    at: float
    source: int
    worker: str
    items: tuple[tuple[int, float, float], ...]
    more: int = 0
    seconds: float = 0.0


class KeyPressed(NamedTuple):
    """Whoever looks pressed a key of ours: "a", "up", "ctrl-l". It changes what is looked at, not what is known."""

    at: float
    key: str


class TaskStuck(NamedTuple):
    """The task has not moved for `seconds`; `place` is where its thread stands, as "job.py:12 in load", "" unknown."""

    at: float
    task: int
    attempt: int
    seconds: float
    place: str = ""


class PartsEnded(NamedTuple):
    """Tasks nested in coroutines ended well, `number` of them, each so soon that it was not reported by itself."""

    at: float
    worker: str
    number: int


class SourceForeseen(NamedTuple):
    """What is known of a source's items before they begin: at most `workers` take them at once, None: not known.

    `sizes` are `(task, size)` each, in the order in which they are handed out: what they cost beside each other.
    """

    at: float
    source: int
    workers: int | None
    sizes: tuple[tuple[int, float], ...] = ()


class SourceResumed(NamedTuple):
    """`number` items of a source were there from an earlier run, `failed` of them as failures: none of them is run."""

    at: float
    source: int
    number: int
    failed: int = 0


class CallFailed(NamedTuple):
    """A submitted call `started` and failed, so soon that nothing was told of it before.

    In the place of its `TaskQueued`, `TaskStarted` and `TaskFailed`, where no recorder takes each event.
    """

    at: float
    task: int
    started: float
    worker: str
    description: str
    error: ErrorReport
    input: str = ""


Event: TypeAlias = (
    RunStarted
    | RunEnded
    | StopRequested
    | SourceOpened
    | SourceClosed
    | TaskQueued
    | TaskStarted
    | TaskMoved
    | TaskChanged
    | TaskEnded
    | TaskFailed
    | TaskRetried
    | TaskCancelled
    | TaskReopened
    | TextWritten
    | MetricReported
    | ItemsEnded
    | KeyPressed
    | TaskStuck
    | PartsEnded
    | SourceForeseen
    | SourceResumed
    | CallFailed
)

EVENTS: tuple[type[Event], ...] = Event.__args__
"""Every kind of event, in the order of the compact form's tags: append only."""
