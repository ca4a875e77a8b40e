"""The handle of a bar: what `track` returns, with an iterable or without one.

On the main thread a bar opens a run for itself where none is live. What is written in the body of a loop there is
nested in the loop's task; bars that are merely open at the same time stand side by side.
"""

from __future__ import annotations

import importlib
import os
import sys
from threading import RLock, current_thread

from mainstage._typing import TYPE_CHECKING
from mainstage.core.fork import works_for_parent
from mainstage.errors import is_instance
from mainstage.tasks.position import plain_number, plain_total
from mainstage.tasks.reporter import live
from mainstage.tasks.task import (
    NULL,
    ambient,
    innermost_loop,
    loops,
    on_main_thread,
    open_nested,
    open_task,
    plain_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import IO, Any, AnyStr, ClassVar, Never, Protocol, Self

    from mainstage.tasks.reporter import Reporter
    from mainstage.tasks.task import Task
else:
    from mainstage._typing import Protocol

UNNAMED = "track"


class Advance(Protocol):
    """Counts items as done."""

    def __call__(self, n: float = 1) -> None:
        """Count `n` items (or bytes) more as done."""
        ...


class LoopRun:
    """The run that bars have opened for themselves; it ends with the last of them."""

    __slots__ = ("held", "reporter", "run")

    current: ClassVar[LoopRun | None] = None
    lock: ClassVar[Any] = RLock()

    def __init__(self, description: str) -> None:
        self.run = open_run(description)
        self.run.__enter__()
        self.reporter: Reporter | None = live.reporter
        self.held = 0

    @classmethod
    def is_live(cls) -> bool:
        """Return whether the live run is one of bars."""
        own = cls.current
        return own is not None and own.reporter is live.reporter

    def release(self, *, interrupted: bool = False) -> None:
        """Count one bar less; the last one ends the run, which was `interrupted` with it, say. Any thread."""
        with LoopRun.lock:
            self.held -= 1
            if not self.held:
                if LoopRun.current is self:
                    LoopRun.current = None
                error = KeyboardInterrupt() if interrupted else None  # no other error that ended the loop is the run's
                self.run.__exit__(None if error is None else KeyboardInterrupt, error, None)


before_exit: list[Callable[[], bool]] = []
"""Called when the program ends: they close what bars the main thread has left open; True: those of others go on."""


def open_run(description: str) -> AbstractContextManager[object]:
    """Return the run of bars that have none; by name, since the worker side knows no session."""
    run: AbstractContextManager[object] = importlib.import_module("mainstage.run.early").EarlyRun(description)
    return run


def run_at_once(description: str) -> AbstractContextManager[object]:
    """Return a run for a loop of a coroutine, which opens at once."""
    run: AbstractContextManager[object] = importlib.import_module("mainstage.run.run").own_run(description)
    return run


def hold_run(description: str) -> LoopRun | None:
    """Return the run that this bar keeps open, a new one if none is live; None: the run is not that of bars."""
    with LoopRun.lock:
        own = LoopRun.current
        if live.reporter is None:
            own = LoopRun.current = LoopRun(description)
        elif own is None or own.reporter is not live.reporter:
            return None
        own.held += 1
        return own


def _after_in_child() -> None:
    """Forget the bars of the parent, and the lock that one of its threads may hold."""
    LoopRun.current, LoopRun.lock = None, RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)


def nowhere_to_show() -> bool:
    """Return whether this code has no run, and may open none: on another thread, or in a child of the program's."""
    if ambient.get() is not None or live.reporter is not None:
        return False
    return not on_main_thread() or works_for_parent()


def on_main() -> bool:
    """Return whether this code is the program's own, on the main thread, and no worker's."""
    return ambient.get() is None and on_main_thread()


class BarOptions:
    """What a bar is to show."""

    __slots__ = ("description", "fields", "initial", "leave", "silent", "total", "unit")

    def __init__(  # what `track` takes
        self,
        description: str | None,
        total: float | None,
        unit: str,
        fields: Mapping[str, object] | None,
        initial: float,
        leave: bool | None,  # noqa: FBT001  # as above
        disable: bool | None,  # noqa: FBT001
    ) -> None:
        self.description = None if description is None else str(description)
        self.total = plain_total(total)
        self.unit = unit
        self.fields = plain_fields(fields)
        self.initial = plain_number(initial)
        self.leave = leave
        self.silent = not sys.stderr.isatty() if disable is None and sys.stderr is not None else bool(disable)

    def kind(self) -> str:
        """Return what the event of its start says of it."""
        if self.leave:
            return "line"
        if ambient.get() is not None or (self.leave is None and not on_main_thread()):
            return ""
        return "loop" if self.leave is None else "quiet"

    def begin_task(
        self, around: Task | None, total: float | None, name: str = UNNAMED, reporter: Reporter | None = None
    ) -> Task:
        """Open a task for it, `name` if it has none: nested in `around`, or in the live run, or that of `reporter`."""
        if self.description is not None:
            name = self.description
        if around is not None:
            opened = open_nested(around, name, total=total, unit=self.unit, fields=self.fields, loop=self.kind())
        else:
            reporter = reporter or live.reporter
            assert reporter is not None  # noqa: S101  # a run was found, or opened, before
            opened = open_task(
                reporter,
                reporter.new_id(),
                1,
                name,
                worker=current_thread().name,
                total=total,
                unit=self.unit,
                fields=self.fields,
                loop=self.kind(),
            )
        if self.initial:
            opened._begin_at(self.initial)
        return opened


class Bar:
    """A bar that the program moves: `with mainstage.track(total=60) as bar: bar.advance()`, or `close()` at its end.

    Of a loop it is the handle: `for x in (bar := mainstage.track(xs)): bar.set(status="...")`.
    """

    __slots__ = ("__weakref__", "_held", "_options", "_pending", "_task", "advance")

    advance: Advance
    """Count `n` items (or bytes) more as done, 1 if it is left out."""

    def __init__(self, options: BarOptions) -> None:
        self._options = options
        self._held: LoopRun | None = None
        self._pending: dict[str, Any] = {}
        self._drive(NULL)

    def show(self) -> Self:
        """Show it, where there is a display for it."""
        if not self._options.silent and not nowhere_to_show():
            if on_main():
                self._held = hold_run(self._options.description or UNNAMED)
                self._drive(self._options.begin_task(innermost_loop(), self._options.total))
                return self
            known = ambient.get()
            around = None if known is None else known.resolve()
            name = UNNAMED if around is None else around.description  # of the same name: they share a row
            self._drive(self._options.begin_task(around, self._options.total, name))
        return self

    def _drive(self, task: Task) -> None:
        """Report to `task` from now on."""
        self._task = task
        self.advance = task.advance
        pending, self._pending = self._pending, {}
        if pending and task is not NULL:
            task.set(**pending)

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
        """Report what has changed; what is left out stays as it is."""
        known: dict[str, Any] = {
            "completed": completed,
            "total": total,
            "description": description,
            "status": status,
            "unit": unit,
            "fields": fields,
        }
        self._task.set(**known, **unknown)
        if self._task is NULL:
            self._pending.update((name, value) for name, value in known.items() if value is not None)

    def log(self, text: str) -> None:
        """Write `text`, one line or several, above the display."""
        self._task.log(text)

    def metric(self, name: str, value: float) -> None:
        """Report a measurement, an event of its own."""
        self._task.metric(name, value)

    def wrap_file(self, file: IO[AnyStr]) -> IO[AnyStr]:
        """Return `file` with reads, and iteration, that advance the bar by what they give: bytes, or characters."""
        return self._task.wrap_file(file)

    @property
    def completed(self) -> float:
        """How many items are done."""
        return self._task.completed

    @property
    def total(self) -> float | None:
        """How many there are; None: not known."""
        return self._options.total if self._task is NULL else self._task.total

    @property
    def description(self) -> str:
        """What is shown as its name."""
        return (self._options.description or UNNAMED) if self._task is NULL else self._task.description

    def close(self) -> None:
        """End it. A second call does nothing."""
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        task, held = self._task, self._held
        self._held = None
        try:
            if not task.closed:
                task._close_loop(error)
        finally:
            if held is not None:
                held.release(interrupted=is_instance(error, KeyboardInterrupt))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._end(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __del__(self) -> None:
        if self._held is not None:
            self.close()  # nobody has it any more


class InLoop:
    """Makes a loop's task the one that the main thread works on, from one call to the other."""

    __slots__ = ("_task",)

    def __init__(self, task: Task) -> None:
        self._task = task
        loops.set((task, loops.get()))

    def leave(self) -> None:
        """Take this bar's task from the loops at hand; loops that began meanwhile stay."""
        now = loops.get()
        if now is not None and now[0] is self._task:
            loops.set(now[1])
