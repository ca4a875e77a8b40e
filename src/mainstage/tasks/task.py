"""The task: what a worker reports with, the events that it sends, and how code finds the task it works on.

The current task is kept in a context variable, so that it follows contexts as users of `logging` expect. Code outside
any context of ours (a plain thread that a worker started) reports to the live run, if there is one.

No run live: `NullTask`. No context of ours: the thread's `DefaultTask`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from contextvars import ContextVar
from threading import current_thread, local, main_thread

from mainstage._typing import TYPE_CHECKING
from mainstage.core.describe import describe
from mainstage.errors import Cancelled, describe_error, is_cancellation, is_instance, text_of
from mainstage.events import (
    MetricReported,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskStarted,
    TextWritten,
)
from mainstage.tasks.position import PositionCell, plain_number, plain_total
from mainstage.tasks.reporter import live

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextvars import Token
    from types import TracebackType
    from typing import IO, Any, AnyStr, Never, NoReturn, Protocol, Self, TypeGuard, cast

    from mainstage.events import Fields
    from mainstage.tasks.cancel_scope import CancelScope
    from mainstage.tasks.reporter import Reporter
else:
    from mainstage._typing import Protocol, cast


class Nestable(Protocol):
    """A task, or what stands for one, that tasks can be nested in."""

    def _nest(self, description: str, *, total: float | None, unit: str, fields: Fields) -> Task:
        """Open a task within it."""
        ...


class CurrentTask(Protocol):
    """What the context variable holds: a task, or an object that becomes one once it is asked for."""

    @property
    def id(self) -> int:
        """The number of the task in events."""
        ...

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        ...

    def resolve(self) -> Task:
        """Return the task, made now if need be."""
        ...

    def _as_parent(self) -> Nestable:
        """Return what a task can be nested in."""
        ...


ambient: ContextVar[CurrentTask | None] = ContextVar("mainstage_task", default=None)
"""The task that the code running now works on."""


def _after_in_child() -> None:
    """Forget, in a forked child, the task that its parent works on; `live` stays: its channel drops what it is sent."""
    ambient.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)


def current_reporter() -> Reporter | None:
    """Return where a report made here and now goes; None: nowhere, no run is live."""
    current = ambient.get()
    return current.reporter if current is not None else live.reporter


loops: ContextVar[tuple[Task, Any] | None] = ContextVar("mainstage_loop", default=None)
"""The task of the loop whose body the main thread is in, and the same of the loop around it."""


def on_main_thread() -> bool:
    """Return whether this is the main thread; of those that are green, the one that the program has begun on."""
    if current_thread() is main_thread():
        return True
    greenlet = sys.modules.get("greenlet")
    if greenlet is None or greenlet.getcurrent().parent is not None:
        return False
    from mainstage.core.unpatched import in_main_thread  # noqa: PLC0415  # eventlet gives the main one another name

    return in_main_thread()


def innermost_loop() -> Task | None:
    """Return the task of the loop whose body the main thread is in; None: it is in none, or this is another thread."""
    around = loops.get()
    while around is not None and around[0].closed:
        around = around[1]
    if around is None or around[0].reporter is not live.reporter or not on_main_thread():
        return None
    return around[0]


foreign_bars: set[Task] = set()
"""The open bars of other libraries, and of the modules in their places, that may be loops of theirs."""
_interrupted: list[tuple[Task, float]] = []
"""The loops that the main thread was in at the last Ctrl-C in other code than ours, and how far each was."""


def note_interrupt() -> None:
    """Remember where the loops of the main thread are, as Ctrl-C is about to be raised in them; a signal handler."""
    _interrupted.clear()
    around = loops.get()
    while around is not None:
        _interrupted.append((around[0], around[0].position()))
        around = around[1]
    _interrupted.extend((bar, bar.position()) for bar in list(foreign_bars))


def was_interrupted(task: Task) -> bool:
    """Return whether `task` is a loop that has not gone on since Ctrl-C was raised in it."""
    return any(one is task and task.position() <= completed for one, completed in _interrupted)


def plain_fields(fields: Mapping[str, object] | None) -> Fields:
    """Return the fields as an event carries them: what is no plain value, described.

    Raises:
        TypeError: they are no mapping.
    """
    if not fields:
        return ()
    if not hasattr(fields, "items"):
        raise TypeError(f"fields= takes a dict of names and values, not {type(fields).__name__}")
    plain = (str, int, float, bool, type(None))
    return tuple((name, value if type(value) in plain else describe(value)) for name, value in fields.items())  # type: ignore[misc]


def end_event(
    at: float, task_id: int, attempt: int, completed: float, error: BaseException | None, told_input: str
) -> TaskEnded | TaskCancelled | TaskFailed:
    """Return the last event of a task: it ended, failed or was cancelled, as `error` says."""
    if error is None:
        return TaskEnded(at, task_id, attempt, completed)
    if not is_failure(error):
        return TaskCancelled(at, task_id, attempt, completed, text_of(error))
    return TaskFailed(at, task_id, attempt, completed, describe_error(error), told_input)


def is_failure(error: BaseException | None) -> TypeGuard[BaseException]:
    """Return whether a task that ended with `error` has failed, and was not cancelled."""
    return not (error is None or is_instance(error, Cancelled) or is_cancellation(error))


class Task(PositionCell):
    """A piece of work that reports. Safe to share among threads; every method is a no-op once it is closed but `log`.

    `id` and `attempt` name it in events. Use it as a context manager: it is then the `current_task()` of the block,
    and ends, or fails, with it.
    """

    __slots__ = ("_description", "_token", "_total", "worker")

    def __init__(
        self,
        reporter: Reporter,
        task_id: int,
        attempt: int,
        description: str,
        *,
        worker: str,
        total: float | None = None,
        tree: CancelScope | None = None,
    ) -> None:
        """Make the task; the caller sends its `TaskStarted`. Without a `tree` it is a root."""
        super().__init__(reporter, task_id, attempt, tree)
        self.worker = worker
        self._description = description
        self._total = total
        self._token: Token[CurrentTask | None] | None = None
        self._tree.tasks[task_id] = self

    # --- what a worker reports ---

    def set(
        self,
        *,
        completed: float | None = None,
        total: float | None = None,
        description: str | None = None,
        status: str | None = None,
        unit: str | None = None,
        fields: Mapping[str, object] | None = None,
        **unknown: Never,
    ) -> None:
        """Report what has changed; what is left out stays. `unit` ("B", "rows") is what the items are.

        `fields` are values of your own, for columns. `completed` raises `Cancelled` as `advance` does. Raises
        `TypeError` for a keyword that is none of these.
        """
        if unknown:
            _refuse("set", unknown)
        if self.closed:
            return
        if total is not None:
            self._total = total = plain_total(total)
        if description is not None:
            self._description = description = str(description)
        known = plain_fields(fields)
        if unit is not None:
            known = (*known, ("unit", str(unit)))
        if not (total is None and description is None and status is None) or known:
            said = None if status is None else str(status)
            changed = TaskChanged(self.reporter.now(), self.id, self.attempt, description, total, said, known)
            self.reporter.send(changed)
        if completed is not None:
            self._jump(plain_number(completed))
            if self._armed:
                self._fire()

    def _begin_at(self, initial: float) -> None:
        """Count `initial` items as done before it began: they are part of no speed."""
        self._jump(initial)
        self.reporter.send(
            TaskChanged(self.reporter.now(), self.id, self.attempt, fields=(("mainstage.initial", initial),))
        )

    def log(self, text: str) -> None:
        """Write `text`, one line or several, above the display, under this task's name. Never raises `Cancelled`."""
        at = self.reporter.now()
        self.reporter.send(TextWritten(at, self.id, self.attempt, self.worker, "log", str(text).removesuffix("\n")))

    def metric(self, name: str, value: float) -> None:
        """Report a measurement, an event of its own. Never raises `Cancelled`."""
        at = self.reporter.now()
        self.reporter.send(MetricReported(at, self.id, self.attempt, str(name), float(value)))

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`; wakes at once, and raises `Cancelled`, when the task is asked to stop."""
        self._tree.sleep(seconds)

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the task was asked to stop and this thread has not raised it yet."""
        self._tree.check()

    def wrap_file(self, file: IO[AnyStr]) -> IO[AnyStr]:
        """Return `file` with reads, and iteration, that advance the task by what they give: bytes, or characters."""
        from mainstage.tasks.file import CountedFile  # noqa: PLC0415  # most tasks read none

        return cast("IO[AnyStr]", CountedFile(file, self.advance))

    @property
    def completed(self) -> float:
        """How many items are done."""
        return self.position()

    @property
    def total(self) -> float | None:
        """How many there are; None: not known."""
        return self._total

    @property
    def description(self) -> str:
        """What is shown as its name."""
        return self._description

    @property
    def cancelled(self) -> bool:
        """Whether it has been asked to stop."""
        return self._tree.request is not None

    def __enter__(self) -> Self:
        self._token = ambient.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            try:  # noqa: SIM105  # `suppress` costs as much as the rest of the block
                ambient.reset(self._token)
            except (ValueError, RuntimeError):
                pass  # a generator's block may end in another context
            self._token = None
        self.close(None if is_instance(error, GeneratorExit) else error)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.description!r}>"

    def resolve(self) -> Task:
        """Return the task itself: what stands for one in the ambient variable makes it here."""
        return self

    def _as_parent(self) -> Task:
        """Return what a task may be nested in: itself; what stands for one may know enough for that without it."""
        return self

    def _nest(self, description: str, *, total: float | None, unit: str, fields: Fields) -> Task:
        """Open a task within it; what stands for one may know enough for that without telling of it at once."""
        return open_nested(self, description, total=total, unit=unit, fields=fields)

    # --- its end ---

    def close(self, error: BaseException | None = None, told_input: str = "") -> None:
        """Send its last event, as `error` says; closes what is nested in it first. A second call does nothing."""
        completed = self._close_silently(error)
        if completed is None:
            return
        at = self.reporter.now()
        self.reporter.send(end_event(at, self.id, self.attempt, completed, error, told_input))

    def _close_loop(self, error: BaseException | None = None) -> None:
        """End the loop, or the bar, that it is, left by `error`; it may have been left before its end without one."""
        self._tell_interrupt(error)
        completed = self._close_silently(error)
        if completed is None:
            return
        left = error is not None if self._total is None else completed < self._total
        self.reporter.send(TaskEnded(self.reporter.now(), self.id, self.attempt, completed, left))

    def _tell_interrupt(self, error: BaseException | None = None) -> None:
        """Say that Ctrl-C is what ends it, where it is: `error`, the one that is handled now, or raised in its loop."""
        if (
            is_instance(error, KeyboardInterrupt)
            or is_instance(sys.exc_info()[1], KeyboardInterrupt)
            or (_interrupted and was_interrupted(self))
        ):
            self.set(fields={"mainstage.interrupted": True})

    def _close_silently(self, error: BaseException | None = None) -> float | None:
        """Close the cell, send nothing for it, and return its exact count; None: it was closed before."""
        tree = self._tree
        if tree.tasks.pop(self.id, None) is None:
            return None
        if self.id == tree.root:
            while tree.tasks:
                self._close_left_open(error)
        loop = self._loop
        if loop is not None:
            tree.loops.pop(self.id, None)
            loop.stop()
            self.polled = False
        if live.capture is not None:
            live.capture.task_ended(self)
        completed = self.position()
        self.closed = True
        self._armed = tree.request is not None  # a thread that was given up on is still to be told
        return completed

    def _close_left_open(self, error: BaseException | None) -> None:
        """Close the newest task of the scope: its block was not left, or a thread still holds it."""
        with contextlib.suppress(IndexError):
            newest = list(self._tree.tasks.values())[-1]
            newest.close(None if error is None else Cancelled("the task around it is over"))


class DefaultTask(Task):
    """What a thread without a task reports to: it opens with the first report, under the thread's name."""

    __slots__ = ("_opened",)

    def __init__(self, reporter: Reporter) -> None:
        thread = current_thread()
        super().__init__(reporter, reporter.new_id(), 1, thread.name, worker=thread.name)
        self._opened = False

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            self.reporter.send(TaskStarted(self.reporter.now(), self.id, 1, self.worker, self._description))

    def _fire(self) -> None:
        self._open()
        super()._fire()

    def set(self, *, completed: float | None = None, **known: object) -> None:
        """Open, then say it."""
        self._open()
        super().set(completed=completed, **known)  # type: ignore[arg-type]  # the caller's own keywords

    def log(self, text: str) -> None:
        """Write `text`; the main program's lines open no task."""
        if self._opened or current_thread() is not main_thread():
            self._open()
            super().log(text)
        else:
            at = self.reporter.now()
            self.reporter.send(TextWritten(at, None, 0, self.worker, "log", str(text).removesuffix("\n")))

    def metric(self, name: str, value: float) -> None:
        """Open, then report it."""
        self._open()
        super().metric(name, value)

    def close(self, error: BaseException | None = None, told_input: str = "") -> None:
        """End it, where it was opened."""
        if self._opened:
            super().close(error, told_input)
        else:
            self._close_silently()


class NullTask(Task):
    """The task of a program without a run: it does nothing, at the cost of the call."""

    __slots__ = ()

    def __init__(self) -> None:
        """Take nothing: there is no run to report to."""

    id = attempt = 0
    closed = True
    polled = False
    worker = ""
    completed = 0
    total = None
    description = ""
    cancelled = False

    def advance(self, n: float = 1) -> None:
        """Do nothing."""

    def set_position(self, completed: float) -> None:
        """Do nothing."""

    def set(self, **known: object) -> None:
        """Do nothing; raise `TypeError` as any task's does."""
        if not known.keys() <= SETTABLE:
            _refuse("set", known)

    def log(self, text: str) -> None:
        """Do nothing."""

    def metric(self, name: str, value: float) -> None:
        """Do nothing."""

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(max(seconds, 0))

    def check_cancelled(self) -> None:
        """Do nothing."""

    def wrap_file(self, file: IO[AnyStr]) -> IO[AnyStr]:
        """Return the file itself."""
        return file

    def request_cancel(self, reason: str = "") -> None:
        """Do nothing."""

    def close(self, error: BaseException | None = None, told_input: str = "") -> None:
        """Do nothing."""

    def _close_loop(self, error: BaseException | None = None) -> None:
        """Do nothing."""

    def position(self) -> float:
        """Return 0."""
        return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        """Do nothing."""


NULL = NullTask()
SETTABLE = {"completed", "total", "description", "status", "unit", "fields"}


def _refuse(function: str, given: Iterable[str]) -> NoReturn:
    """Raise the `TypeError` for a keyword that `task` or `set` does not take."""
    from mainstage.tasks.keywords import refuse_keyword  # noqa: PLC0415  # a mistake's

    known = SETTABLE if function == "set" else {"total", "unit", "fields"}
    refuse_keyword(function, [word for word in given if word not in known], known, fields=True)


def root_task(
    reporter: Reporter, task_id: int, attempt: int, description: str, *, worker: str, total: float | None = None
) -> Task:
    """Return a root task; the caller sends its `TaskStarted`."""
    return Task(reporter, task_id, attempt, description, worker=worker, total=total)


def open_task(  # noqa: PLR0913  # the members of `TaskStarted`
    reporter: Reporter,
    task_id: int,
    attempt: int,
    description: str,
    *,
    worker: str,
    total: float | None = None,
    unit: str = "",
    fields: Fields = (),
    loop: str = "",
) -> Task:
    """Open a root task: send `TaskStarted` and return the task for `runner.run` and `runner.finish`."""
    opened = root_task(reporter, task_id, attempt, description, worker=worker, total=total)
    reporter.send(TaskStarted(reporter.now(), task_id, attempt, worker, description, total, unit, None, fields, loop))
    return opened


def open_nested(
    parent: Task,
    description: str,
    *,
    total: float | None = None,
    unit: str = "",
    fields: Fields = (),
    loop: str = "",
) -> Task:
    """Open a task within another."""
    reporter = parent.reporter
    task_id = reporter.new_id()
    tree = parent._tree  # noqa: SLF001  # its own module
    opened = Task(reporter, task_id, 1, description, worker=parent.worker, total=total, tree=tree)
    at, worker = reporter.now(), parent.worker
    reporter.send(TaskStarted(at, task_id, 1, worker, description, total, unit, parent.id, fields, loop))
    return opened


def task(
    description: str,
    *,
    total: float | None = None,
    unit: str = "",
    fields: Mapping[str, object] | None = None,
    **unknown: Never,
) -> Task:
    """Open a task: nested in the current one, or in the live run; without a run, one that does nothing.

    It is for code that reports, a worker's or a library's; `track` is for the script that shows.

    Use it in a `with` statement: `with mainstage.task("report.csv", total=size, unit="B") as t: t.advance(len(chunk))`.
    `total` and all counts are in `unit`: "B" for bytes, "rows", "" for plain items; a `total` of infinity is one
    that is not known. `fields` are for columns. Raises `TypeError` or `ValueError` for a `total` that is no number,
    where a run is live.
    """
    if unknown:
        _refuse("task", unknown)
    parent = ambient.get()
    reporter = live.reporter
    if parent is None and reporter is None:
        return NULL
    if parent is None:
        parent = innermost_loop()
    description, known = str(description), plain_fields(fields) if fields else ()
    total = plain_total(total)
    if parent is not None:
        return parent._as_parent()._nest(description, total=total, unit=unit, fields=known)
    assert reporter is not None  # noqa: S101  # the first line saw to it
    name = current_thread().name
    return open_task(reporter, reporter.new_id(), 1, description, worker=name, total=total, unit=unit, fields=known)


class _Ending:
    """Ends a thread's default task with the thread: a thread's locals die with it."""

    __slots__ = ("task",)

    def __init__(self, ended: Task) -> None:
        self.task = ended

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at the interpreter's exit the run is over, and modules are half gone
            self.task.close()


_threads = local()


def current_task() -> Task:
    """Return the task that the code running now works on.

    In the body of a `track` loop of the main thread it is that of the loop. In a thread that was given none, while a
    run is live: one of its own, shown under the thread's name as soon as it reports. Without a run: one that does
    nothing.
    """
    known = ambient.get()
    if known is not None:
        return known.resolve()
    reporter = live.reporter
    if reporter is None:
        return NULL
    loop = innermost_loop()
    if loop is not None:
        return loop
    ending: _Ending | None = getattr(_threads, "ending", None)
    if ending is None or ending.task.reporter is not reporter:
        _threads.ending = ending = _Ending(DefaultTask(reporter))
    return ending.task


def close_default_task() -> None:
    """End the default task of the calling thread, where it has one: the end of a run does this for its own thread."""
    _threads.ending = None
