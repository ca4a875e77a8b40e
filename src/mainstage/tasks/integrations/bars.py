"""A progress bar of another library, shown as a task."""

from __future__ import annotations

from threading import get_ident
from typing import Any

from mainstage.tasks.bar import BarOptions, LoopRun, on_main
from mainstage.tasks.integrations.tqdm_bars import bar_total
from mainstage.tasks.reporter import live
from mainstage.tasks.task import foreign_bars, innermost_loop, task


class BarTask:
    """The task that a foreign bar became: nested in the one that opened it.

    One of the main thread's, and one that was there `before` the run, goes through the run's work: it is a loop, and is
    not counted as a part of the work.
    """

    def __init__(
        self,
        description: str,
        *,
        total: object,
        unit: str = "",
        fields: dict[str, Any] | None = None,
        before: bool = False,
        leave: bool | None = None,
    ) -> None:
        """Open it. `leave`: whether its library leaves its last state on the screen where it ends; None: not known."""
        self._total = bar_total(total)
        self._description = description
        self._status = ""
        self._thread = get_ident()
        fields = dict(fields or {})
        self._of_loop = live.reporter is not None and (before or on_main())
        if self._of_loop:
            if not (before or LoopRun.is_live()):
                leave = None  # a run of the program's, as any loop in it: the outermost leaves a line
            options = BarOptions(description, self._total, unit, None, 0, leave, False)
            self._task = options.begin_task(None if before else innermost_loop(), self._total)
            foreign_bars.add(self._task)
        else:
            self._task = task(description, total=self._total, unit=unit)
        if fields:
            self._task.set(status=fields.pop("status", None), fields=fields)

    def show(self, completed: object, *, total: object, description: str, status: str = "") -> None:
        """Tell what has changed. Raises nothing, also where the task was asked to stop: the caller may hold a lock."""
        known = bar_total(total)
        if (known, description, status) != (self._total, self._description, self._status):
            self._total, self._description, self._status = known, description, status
            self._task.set(total=known, description=description, status=status)
        position = bar_total(completed)
        if position is not None:
            self._task.set_position(position)

    def set(self, fields: dict[str, Any]) -> None:
        """Tell of fields."""
        known = dict(fields)
        self._task.set(status=known.pop("status", None), fields=known)

    def check(self) -> None:
        """Raise `Cancelled` where the task was asked to stop: on the thread that opened the bar and no other."""
        if get_ident() == self._thread:
            self._task.check_cancelled()

    def tell_interrupt(self) -> None:
        """Say that Ctrl-C is what it ends by, where it is."""
        self._task._tell_interrupt()  # noqa: SLF001  # as `close` does

    def close(self, *, quiet: bool = False) -> None:
        """End it where it stands; `quiet`: without a line, its library goes on with it."""
        if self._of_loop:
            if quiet:
                self._task.set(fields={"leave": False})
            foreign_bars.discard(self._task)
            self._task._close_loop()
        else:
            self._task.close()
