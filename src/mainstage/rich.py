"""Rich's progress displays, shown by the run that is live: `from mainstage.rich import Progress, track`.

`Progress`, `Live` and `Status` are subclasses of Rich's and start no thread. Where their console leads to the program's
own terminal they are part of its one display: a `Progress` with Rich's default columns as rows of the run, everything
else as Rich draws it, above the rows. On the main thread they open a run if none is live. On any other console Rich
draws, in the thread that reports, at most `refresh_per_second` times a second.

All other public names of `rich.progress` are here too, so one changed import serves.
"""

from __future__ import annotations

import contextlib
import sys
from itertools import chain
from math import floor
from operator import length_hint
from threading import current_thread, get_ident, main_thread
from typing import IO, TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast, overload

import rich.live
import rich.progress
import rich.status
from rich import get_console
from rich.errors import MarkupError
from rich.progress import (
    BarColumn,
    DownloadColumn,
    FileSizeColumn,
    MofNCompleteColumn,
    ProgressColumn,
    ProgressSample,
    RenderableColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TotalFileSizeColumn,
    TransferSpeedColumn,
    _TrackThread,  # noqa: F401  # not public, and taken by name all the same
)
from rich.text import Text

from mainstage.core.clock import monotonic
from mainstage.core.fork import works_for_parent
from mainstage.events import TaskEnded, TaskStarted
from mainstage.run.early import allow_calls
from mainstage.tasks.bar import LoopRun, hold_run
from mainstage.tasks.integrations.rich_blocks import LiveBlock, has_own_look, locks_of, renderable_of
from mainstage.tasks.position import plain_number, plain_total
from mainstage.tasks.reporter import live as running
from mainstage.tasks.task import Task as RunTask
from mainstage.tasks.task import ambient, foreign_bars, innermost_loop, plain_fields
from mainstage.tasks.track import TrackLoop

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import BinaryIO, Literal, Never, TextIO

    from rich.console import Console, RenderableType
    from rich.style import StyleType

    from mainstage.tasks.capture.streams import Capture

    GetTimeCallable = Callable[[], float]

__all__ = [
    "BarColumn",
    "DownloadColumn",
    "FileSizeColumn",
    "Live",
    "MofNCompleteColumn",
    "Progress",
    "ProgressColumn",
    "ProgressSample",
    "RenderableColumn",
    "SpinnerColumn",
    "Status",
    "Task",
    "TaskID",
    "TaskProgressColumn",
    "TextColumn",
    "TimeElapsedColumn",
    "TimeRemainingColumn",
    "TotalFileSizeColumn",
    "TransferSpeedColumn",
    "open",
    "track",
    "wrap_file",
]

T = TypeVar("T")
T_IO = TypeVar("T_IO", bound="IO[Any]")
STANDARD = (1, 2)
"""The descriptors of the program's own output."""
UNCHANGED = None, None, None
NEVER = sys.maxsize
"""A count that no task reaches."""
AT_ONCE = -sys.maxsize
"""A count that every task has reached."""
SAMPLES = 1000
"""How many samples a task keeps for its speed, at most."""
FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()


# --- tasks ---


class Counter:
    """The count of a task, apart from its dictionary: an attribute of an object with many is slow."""

    __slots__ = ("end_at", "loop", "next_look", "own_count", "sampled")

    def __init__(self) -> None:
        self.own_count: float = 0
        self.next_look = NEVER
        """The count at which `advance` looks what there is to do."""
        self.end_at = NEVER
        """The count at which the task is to be finished."""
        self.loop: TrackLoop[Any] | None = None
        self.sampled: float = 0


class CountedTask(Counter, Task):
    """A task of a `Progress`: what follows from its count is worked out when it is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Counter.__init__(self)
        Task.__init__(self, *args, **kwargs)
        self.sampled = self.own_count

    @property
    def completed(self) -> float:
        """Number of steps completed."""
        loop = self.loop
        return self.own_count if loop is None else self.own_count + loop.position()

    @completed.setter
    def completed(self, completed: float) -> None:
        loop = self.loop
        self.own_count = completed if loop is None else completed - loop.position()

    def sample(self, now: float, period: float) -> None:
        """Keep what was done since the last sample, and none that is older than `period` seconds."""
        done, samples = self.completed, self._progress
        if done > self.sampled:
            samples.append(ProgressSample(now, done - self.sampled))
        self.sampled = done
        while samples and (samples[0].timestamp < now - period or len(samples) > SAMPLES):
            samples.popleft()

    def resume(self, *, look: bool) -> None:
        """Choose the count at which `advance` looks again; `look`: at each."""
        known = self.total is not None and self.finished_time is None
        self.end_at = floor(self.total) if known and self.total is not None and self.total < NEVER else NEVER
        self.next_look = AT_ONCE if look else self.end_at

    def stop_loop(self) -> None:
        """Count by itself again: the loop has ended, its count stays."""
        self.own_count, self.loop = self.completed, None


# --- rows of a run ---


class Said(NamedTuple):
    """What a row says beside its count."""

    total: float | None
    description: str
    status: str


def _said(counted: Task) -> Said:
    try:
        total = plain_total(counted.total)
    except (TypeError, ValueError, OverflowError):
        total = None
    description = str(counted.description)
    with contextlib.suppress(MarkupError):  # it is none then, and shown as it is
        description = Text.from_markup(description).plain
    return Said(total, description, str(counted.fields.get("status", "")))


class RowTask(RunTask):
    """The task of the run that stands for one of a `Progress`: its position is read there."""

    __slots__ = ("counted",)

    counted: Task

    def position(self) -> float:
        """Return the count; the last one known where it is no number."""
        try:
            return plain_number(self.counted.completed)
        except (TypeError, ValueError, OverflowError):
            return self._sampled

    def arm(self) -> None:
        """Ask for a note at the next change."""
        super().arm()
        if isinstance(self.counted, CountedTask):
            self.counted.next_look = AT_ONCE

    def note(self) -> None:
        """Send a note that it has moved, if none is under way; raises nothing."""
        if not (self._noted or self.polled or self.closed):
            self._noted = True
            self.reporter.moved(self)


class ProgressRow:
    """A row of the run for one task of a `Progress`."""

    def __init__(self, counted: Task, parent: RunTask | None, kind: str, unit: str) -> None:
        """Open it, within `parent` if there is one."""
        reporter = running.reporter if parent is None else parent.reporter
        assert reporter is not None  # noqa: S101  # the display has found a live run
        self._said = said = _said(counted)
        number = reporter.new_id()
        worker = current_thread().name if parent is None else parent.worker
        tree = None if parent is None else parent._tree  # noqa: SLF001  # as a task nested in it has
        self.task = task = RowTask(reporter, number, 1, said.description, worker=worker, total=said.total, tree=tree)
        task.counted = counted
        fields = plain_fields({name: value for name, value in counted.fields.items() if name != "status"})
        self._thread = get_ident()
        around = None if parent is None else parent.id
        at = reporter.now()
        reporter.send(TaskStarted(at, number, 1, worker, said.description, said.total, unit, around, fields, kind))
        self._leaves = kind == "line"
        if kind:
            foreign_bars.add(task)
        if said.status:
            task.set(status=said.status)
        loop = counted.loop if isinstance(counted, CountedTask) else None
        if loop is not None:
            task._attach_loop(loop)
        task.note()

    def show(self, counted: Task) -> None:
        """Tell what has changed."""
        said = _said(counted)
        if said != self._said:
            self._said = said
            self.task.set(total=said.total, description=said.description, status=said.status)
        self.task.note()

    def moved(self) -> None:
        """Tell that it has moved. Raises `Cancelled` where it was asked to stop, on the thread that has opened it."""
        self.task.note()
        if self._thread == get_ident():
            self.task.check_cancelled()

    def close(self, *, quiet: bool = False, ago: float = 0.0) -> None:
        """End it where it stands; `quiet`: without a line. It was finished `ago` seconds before."""
        task = self.task
        if quiet and self._leaves:
            task.set(fields={"leave": False})
        task._tell_interrupt()  # noqa: SLF001  # its other half
        foreign_bars.discard(task)
        completed = task._close_silently()
        if completed is not None:
            left = task.total is not None and completed < task.total
            task.reporter.send(TaskEnded(task.reporter.now() - ago, task.id, 1, completed, left))


# --- where a display is shown ---


def _leads_to_terminal(stream: object) -> bool:
    """Return whether `stream` is one of the program's own, and leads to a terminal."""
    if stream not in [getattr(own, "rich_proxied_file", own) for own in (sys.stdout, sys.stderr)]:
        return False
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return cast("TextIO", stream).isatty() and cast("TextIO", stream).fileno() in STANDARD
    return False


def _is_drawn_on(console: Console) -> bool:
    """Return whether a display of Rich's draws there: others are then drawn within it."""
    return bool(getattr(console, "_live_stack", None) or getattr(console, "_live", None))


class Live(rich.live.Live):
    """Rich's `Live`, drawn by the run that is live where its console leads to the program's own terminal.

    No thread refreshes it. On another console it is drawn by the thread that calls `update` or `refresh`.
    """

    _held: LoopRun | None = None
    _capture: Capture | None = None
    _block: LiveBlock | None = None
    _pushed = False
    """Whether it is a block whose code is not Rich's alone: then those who report draw it, and the owner at times."""
    _in_run = False
    _hidden = False
    """Whether nobody shows it: in a child of the program's, whose terminal is its parent's."""
    _next_draw = 0.0

    def start(self, refresh: bool = False) -> None:
        """Start the display. A second call does nothing."""
        if self._started:
            return
        if self._begin_in_run():
            return
        if works_for_parent() and _leads_to_terminal(self.console.file):
            self._started = self._in_run = self._hidden = True  # the terminal is the parent's
        else:
            self._without_thread(super().start, refresh=refresh)

    def stop(self) -> None:
        """Stop the display."""
        if not self._in_run:
            self._without_thread(super().stop)
            return
        self._started = self._in_run = False
        if self._hidden:
            self._hidden = False
            return
        if self._capture is not None:
            self._capture.displays.pop(id(self), None)
        try:
            self._end_in_run()
        finally:
            self._capture = None
            self._release()

    def _end_with_run(self) -> None:
        """Stop, since the run ends."""
        self._held = None
        self.stop()

    def refresh(self) -> None:
        """Draw it anew; in a run the next frame shows what Rich alone draws anyway."""
        if not self._in_run:
            super().refresh()
        elif self._block is not None:
            if self._pushed:
                with self._lock:
                    self._block.draw()
            self._blocks_changed()

    def update(self, renderable: RenderableType, *, refresh: bool = False) -> None:
        """Change what is displayed."""
        super().update(renderable, refresh=refresh)
        if self._block is not None:
            self._pushed = locks_of(renderable_of(self)) is None
            self._blocks_changed()
        if not refresh:
            self.refresh_if_due()

    def _blocks_changed(self) -> None:
        if self._capture is not None and self._capture.blocks is not None:
            self._capture.blocks.note_change()

    def draws_itself(self) -> bool:
        """Return whether it is drawn by those who report."""
        return self._started and self.auto_refresh and (self._pushed or not self._in_run)

    def reads_counts(self) -> bool:
        """Return whether it is drawn without a word of those who report."""
        return self._in_run and not self._pushed

    def is_due(self) -> bool:
        """Return whether those who report are to draw it now."""
        return self.draws_itself() and monotonic() >= self._next_draw

    def refresh_if_due(self) -> None:
        """Draw it if it is due; called by the thread that reports."""
        if self.is_due():
            self._next_draw = monotonic() + 1 / self.refresh_per_second
            self.refresh()

    def _without_thread(self, call: Callable[..., None], **kwargs: Any) -> None:
        """Call Rich's `start` or `stop`, which concern themselves with a thread if `auto_refresh` is set."""
        found, self.auto_refresh = self.auto_refresh, False
        try:
            call(**kwargs)
        finally:
            self.auto_refresh = found

    def _begin_in_run(self) -> bool:
        """Begin to be shown by a run, a new one if none is live; False: it is not for a run to show."""
        if self._screen or self.console.is_jupyter:
            return False
        if running.reporter is None and not self._may_open_run():
            return False
        if ambient.get() is None:
            self._held = hold_run("")
        if running.early is not None and (_is_drawn_on(self.console) or not self._can_wait()):
            running.early.make_way(self)  # what draws there is taken over
        capture = cast("Capture | None", running.capture)
        taken = _leads_to_terminal(self.console.file) if capture is None else self._taken_by(capture)
        if not taken or _is_drawn_on(self.console) or (capture is None and not self._can_wait()):
            self._release()
            return False
        self._started = self._in_run = True
        self._capture = capture
        if capture is not None:
            capture.displays[id(self)] = self._end_with_run
        self._shown_by(capture)
        return True

    def _may_open_run(self) -> bool:
        """Return whether it is shown by a run where none is live: on a terminal, in no process of a pool."""
        here = current_thread() is main_thread() or self._can_wait()
        return here and not works_for_parent() and _leads_to_terminal(self.console.file)

    def _can_wait(self) -> bool:
        """Return whether a run that is not open yet keeps what it reports."""
        return False

    def _taken_by(self, capture: Capture) -> bool:
        """Return whether the run of `capture` shows what is drawn on the console's stream."""
        return capture.takes_bars(self.console.file)

    def _release(self) -> None:
        """Keep the run open no longer."""
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def _shown_by(self, capture: Capture | None) -> None:
        """Begin to be shown by the run of `capture`: as a block, where it draws; else by its last picture."""
        if capture is not None and capture.blocks is not None:
            self._block = LiveBlock(self, capture.blocks, pulled=True)
            self._pushed = locks_of(renderable_of(self)) is None
            capture.blocks.add(self._block)

    def _end_in_run(self) -> None:
        """End that."""
        block, self._block, self._pushed = self._block, None, False
        if block is not None and self._capture is not None and self._capture.blocks is not None:
            self._capture.blocks.remove(block)
        if not self.transient:
            self.console.print(self.get_renderable())


class ProgressLive(Live):
    """That of a `Progress`."""

    def __init__(self, progress: Progress, **options: Any) -> None:
        self._progress = progress
        super().__init__(get_renderable=progress.get_renderable, **options)
        self.rows = False
        """Whether its tasks are rows of the run."""
        self.parent: RunTask | None = None
        """The task that these rows are nested in."""
        self.kind = ""
        """What the event of a row's start says of it."""

    def _can_wait(self) -> bool:
        return not has_own_look(self._progress) or bool(self._progress._unit)  # noqa: SLF001  # its other half

    def _shown_by(self, capture: Capture | None) -> None:
        if capture is not None and capture.blocks is not None and not self._can_wait():
            super()._shown_by(capture)
            return
        around = ambient.get()
        self.parent = innermost_loop() if around is None else around.resolve()
        self.kind = ("quiet" if self.transient else "line") if around is None else ""
        self.rows = True
        self._progress._show_all()  # noqa: SLF001  # its other half

    def _end_in_run(self) -> None:
        if not self.rows:
            super()._end_in_run()
            return
        self._progress._close_all()  # noqa: SLF001  # as above
        self.rows = False
        self.parent = None


class Progress(rich.progress.Progress):
    """Rich's `Progress`, shown by the run that is live where its console leads to the program's own terminal.

    With Rich's default columns its tasks are rows of the run. Any thread may report.
    """

    _unit = ""

    def __init__(
        self,
        *columns: str | ProgressColumn,
        console: Console | None = None,
        auto_refresh: bool = True,
        refresh_per_second: float = 10,
        speed_estimate_period: float = 30.0,
        transient: bool = False,
        redirect_stdout: bool = True,
        redirect_stderr: bool = True,
        get_time: GetTimeCallable | None = None,
        disable: bool = False,
        expand: bool = False,
    ) -> None:
        self._rows: dict[TaskID, ProgressRow] = {}
        self._of_clock = get_time is not None
        """Whether a clock of the caller's is asked as often as Rich asks it: its own methods do all then."""
        options: dict[str, Any] = {
            "console": console or get_console(),
            "auto_refresh": auto_refresh,
            "refresh_per_second": refresh_per_second,
            "transient": transient,
            "redirect_stdout": redirect_stdout,
            "redirect_stderr": redirect_stderr,
        }
        super().__init__(
            *columns,
            speed_estimate_period=speed_estimate_period,
            get_time=get_time,
            disable=disable,
            expand=expand,
            **options,
        )
        self.live = self._display = ProgressLive(self, **options)

    # --- life ---

    def start(self) -> None:
        """Start the progress display."""
        super().start()
        for task in list(self._tasks.values()):
            self._resume(task)

    def stop(self) -> None:
        """Stop the progress display."""
        if self._display._in_run:  # noqa: SLF001  # its other half
            self._display.stop()
        else:
            super().stop()

    def __reduce__(self) -> Never:
        raise TypeError(
            f"a {type(self).__name__} does not travel to another process: open mainstage.task(...) there, "
            "or a Progress of its own"
        )

    # --- counting ---

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Count `advance` steps more as done. Raises `Cancelled` where the work was asked to stop."""
        task = self._tasks[task_id]
        try:
            if FREE_THREADED:
                with self._lock:
                    task.own_count = now = task.own_count + advance  # type: ignore[attr-defined]  # see the except
            else:
                task.own_count = now = task.own_count + advance  # type: ignore[attr-defined]  # as above
        except AttributeError:  # a task of Rich's, or one that a subclass has put in
            super().advance(task_id, advance)
            self._tell(task)
            return
        if now >= task.next_look:  # type: ignore[attr-defined]  # as above
            self._moved(task)  # type: ignore[arg-type]  # as above

    def update(
        self,
        task_id: TaskID,
        *,
        total: float | None = None,
        completed: float | None = None,
        advance: float | None = None,
        description: str | None = None,
        visible: bool | None = None,
        refresh: bool = False,
        **fields: Any,
    ) -> None:
        """Change what is known of a task. Raises `Cancelled` where the work was asked to stop."""
        task = self._tasks[task_id]
        if (
            (total, description, visible) == UNCHANGED
            and not (refresh or fields or FREE_THREADED)
            and task.__class__ is CountedTask
            and task.loop is None
        ):
            if advance is not None:
                task.own_count = task.own_count + advance
            if completed is not None:
                task.own_count = completed
            if task.own_count >= task.next_look:
                self._moved(task)
            return
        if isinstance(task, CountedTask):
            self._sample(task)
        super().update(
            task_id,
            total=total,
            completed=completed,
            advance=advance,
            description=description,
            visible=visible,
            refresh=refresh,
            **fields,
        )
        self._restarted(task)

    def add_task(
        self,
        description: str,
        start: bool = True,
        total: float | None = 100.0,
        completed: int = 0,
        visible: bool = True,
        **fields: Any,
    ) -> TaskID:
        """Add a task to the display; return the number that the other methods take."""
        kind = Task if self._of_clock else CountedTask
        with self._lock:
            number = self._task_index
            self._tasks[number] = task = kind(
                number,
                description,
                total,
                completed,
                visible=visible,
                fields=fields,
                _get_time=self.get_time,
                _lock=self._lock,
            )
            if start:
                self.start_task(number)
            self._task_index = TaskID(int(number) + 1)
        self._restarted(task)
        self.refresh()
        return number

    def reset(self, task_id: TaskID, **options: Any) -> None:
        """Begin a task anew, with what is known of it then."""
        super().reset(task_id, **options)
        self._restarted(self._tasks[task_id])

    def remove_task(self, task_id: TaskID) -> None:
        """Take a task out of the display."""
        row = self._rows.pop(task_id, None)
        super().remove_task(task_id)
        if row is not None:
            row.close(quiet=True)

    @property
    def tasks(self) -> list[Task]:
        """The tasks, their speeds as of now."""
        with self._lock:
            found = list(self._tasks.values())
            for task in found:
                if isinstance(task, CountedTask):
                    self._sample(task)
        return found

    def _sample(self, task: CountedTask) -> None:
        task.sample(self.get_time(), self.speed_estimate_period)

    def _resume(self, task: Task) -> None:
        if isinstance(task, CountedTask):
            task.resume(look=self._display.draws_itself())

    def _restarted(self, task: Task) -> None:
        """Go on with a task of which more has changed than its count."""
        if isinstance(task, CountedTask):
            task.sampled = task.completed
        self._resume(task)
        self._tell(task)

    def _moved(self, task: CountedTask) -> None:
        """Do what a count asks for: tell the run, draw, finish the task."""
        display = self._display
        if task.own_count < task.end_at:
            row = self._rows.get(task.id)
            if row is not None:
                task.next_look = task.end_at
                row.moved()
                return
            if not display.is_due():
                return
        with self._lock:
            if task.total is not None and task.finished_time is None and task.completed >= task.total:
                self._sample(task)
                task.finished_time, task.finished_speed = task.elapsed, task.speed
            self._resume(task)
        self._tell(task)

    def _tell(self, task: Task) -> None:
        if self._display.rows:
            self._show(task)
        else:
            self._display.refresh_if_due()

    # --- rows ---

    def _show(self, task: Task) -> None:
        """Bring its row up to date."""
        with self._lock:
            row = self._rows.get(task.id)
            if not task.visible:
                if self._rows.pop(task.id, None) is not None and row is not None:
                    row.close(quiet=True)
                return
            if row is None:
                row = self._rows[task.id] = ProgressRow(task, self._display.parent, self._display.kind, self._unit)
            row.show(task)
        row.moved()

    def _show_all(self) -> None:
        for task in self.tasks:
            self._show(task)

    def _close_all(self) -> None:
        for task in self.tasks:
            row = self._rows.pop(task.id, None)
            if row is not None:
                row.show(task)
                row.close(ago=self._since_finished(task))

    def _since_finished(self, task: Task) -> float:
        """Return how many seconds ago it was finished; 0: it was not, or by a clock of the caller's."""
        if self._of_clock or task.finished_time is None or task.start_time is None:
            return 0.0
        return max(0.0, self.get_time() - task.start_time - task.finished_time)

    # --- loops ---

    def track(
        self,
        sequence: Iterable[T],
        total: float | None = None,
        completed: int = 0,
        task_id: TaskID | None = None,
        description: str = "Working...",
        update_period: float = 0.1,  # noqa: ARG002  # Rich's signature: no thread counts
    ) -> Iterable[T]:
        """Return the items of `sequence`, counted as the loop takes them: by the task `task_id`, or a new one."""
        return chain.from_iterable(self._parts(sequence, total, completed, task_id, description))

    def _parts(
        self, sequence: Iterable[T], total: float | None, completed: int, task_id: TaskID | None, description: str
    ) -> Iterator[Iterable[T]]:
        if total is None:
            total = float(length_hint(sequence)) or None
        if task_id is None:
            task_id = self.add_task(description, total=total, completed=completed)
        else:
            self.update(task_id, total=total, completed=completed)
        task = self._tasks[task_id]
        if not isinstance(task, CountedTask) or task.loop is not None or not self._display.reads_counts():
            yield self._steps(sequence, task_id)
            return
        task.loop = loop = TrackLoop(iter(sequence))
        row = self._rows.get(task_id)
        if row is not None:
            row.task._attach_loop(loop)
        try:
            request = yield from loop.parts()
        finally:
            loop.stop()
            row = self._rows.get(task_id)
            if row is not None:
                row.task._detach_loop()
            task.stop_loop()
            self._moved(task)
        if request is not None and row is not None:
            row.task._tell_cancelled(request)

    def _steps(self, sequence: Iterable[T], task_id: TaskID) -> Iterator[T]:
        step = not self.live.auto_refresh
        for item in sequence:
            yield item
            self.advance(task_id)
            if step:
                self.refresh()


class Status(rich.status.Status):
    """Rich's `Status`, drawn by the run that is live where its console leads to the program's own terminal."""

    def __init__(self, status: RenderableType, *, console: Console | None = None, **options: Any) -> None:
        super().__init__(status, console=console, **options)
        rate = self._live.refresh_per_second
        self._live = Live(self.renderable, console=console, refresh_per_second=rate, transient=True)


# --- functions ---


def _columns(description: str, *more: ProgressColumn, **styles: Any) -> list[ProgressColumn]:
    named = [TextColumn("[progress.description]{task.description}")] if description else []
    return [*named, BarColumn(**styles), *more]


def track(
    sequence: Iterable[T],
    description: str = "Working...",
    total: float | None = None,
    completed: int = 0,
    auto_refresh: bool = True,
    console: Console | None = None,
    transient: bool = False,
    get_time: GetTimeCallable | None = None,
    refresh_per_second: float = 10,
    style: StyleType = "bar.back",
    complete_style: StyleType = "bar.complete",
    finished_style: StyleType = "bar.finished",
    pulse_style: StyleType = "bar.pulse",
    update_period: float = 0.1,
    disable: bool = False,
    show_speed: bool = True,
) -> Iterable[T]:
    """Yield the items of `sequence`, and show how far the loop is."""
    columns = _columns(
        description,
        TaskProgressColumn(show_speed=show_speed),
        TimeRemainingColumn(elapsed_when_finished=True),
        style=style,
        complete_style=complete_style,
        finished_style=finished_style,
        pulse_style=pulse_style,
    )
    progress = Progress(
        *columns,
        auto_refresh=auto_refresh,
        console=console,
        transient=transient,
        get_time=get_time,
        refresh_per_second=refresh_per_second or 10,
        disable=disable,
    )
    with progress:
        yield from progress.track(
            sequence, total=total, completed=completed, description=description, update_period=update_period
        )


class FileReading(Generic[T_IO]):
    """A file that is read under a display of its own: use it in a `with` statement."""

    def __init__(self, progress: Progress, reader: T_IO) -> None:
        self._progress = progress
        self._reader = reader

    def __enter__(self) -> T_IO:
        self._progress.start()
        return cast("T_IO", self._reader.__enter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._reader.__exit__(kind, error, traceback)


def _reading(
    description: str,
    *,
    style: StyleType = "bar.back",
    complete_style: StyleType = "bar.complete",
    finished_style: StyleType = "bar.finished",
    pulse_style: StyleType = "bar.pulse",
    refresh_per_second: float = 10,
    **options: Any,
) -> Progress:
    """Return the display of a file that is read."""
    columns = _columns(
        description,
        DownloadColumn(),
        TimeRemainingColumn(),
        style=style,
        complete_style=complete_style,
        finished_style=finished_style,
        pulse_style=pulse_style,
    )
    progress = Progress(*columns, refresh_per_second=refresh_per_second or 10, **options)
    progress._unit = "B"  # noqa: SLF001  # its own module
    return progress


def wrap_file(
    file: BinaryIO, total: int, *, description: str = "Reading...", **options: Any
) -> AbstractContextManager[BinaryIO]:
    """Return a context manager that gives `file` with reads that are shown; `options` as those of `open`."""
    progress = _reading(description, **options)
    return FileReading(progress, progress.wrap_file(file, total=total, description=description))


@overload
def open(
    file: str | os.PathLike[str] | bytes,
    mode: Literal["rt", "r"] = ...,
    buffering: int = ...,
    encoding: str | None = ...,
    errors: str | None = ...,
    newline: str | None = ...,
    *,
    total: int | None = ...,
    description: str = ...,
    **options: Any,
) -> AbstractContextManager[TextIO]: ...
@overload
def open(
    file: str | os.PathLike[str] | bytes,
    mode: Literal["rb"],
    buffering: int = ...,
    encoding: str | None = ...,
    errors: str | None = ...,
    newline: str | None = ...,
    *,
    total: int | None = ...,
    description: str = ...,
    **options: Any,
) -> AbstractContextManager[BinaryIO]: ...
def open(
    file: str | os.PathLike[str] | bytes,
    mode: Literal["rb", "rt", "r"] = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    total: int | None = None,
    description: str = "Reading...",
    **options: Any,
) -> AbstractContextManager[TextIO] | AbstractContextManager[BinaryIO]:
    """Return a context manager that opens `file` with reads that are shown.

    `options` are those of `Progress` (`auto_refresh`, `console`, `transient`, `get_time`, `refresh_per_second`,
    `disable`) and the styles of the bar (`style`, `complete_style`, `finished_style`, `pulse_style`).
    """
    progress = _reading(description, **options)
    reader: Any = progress.open(
        file,
        mode=mode,
        buffering=buffering,
        encoding=encoding,
        errors=errors,
        newline=newline,
        total=total,
        description=description,
    )
    return FileReading(progress, reader)


allow_calls()
