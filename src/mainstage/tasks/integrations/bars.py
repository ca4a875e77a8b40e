"""A progress bar of another library, shown as a task."""

from __future__ import annotations

from threading import get_ident
from typing import Any

from mainstage.tasks.bar import BarOptions
from mainstage.tasks.integrations.tqdm_bars import bar_total
from mainstage.tasks.reporter import live
from mainstage.tasks.task import task


class BarTask:
    """The task that a foreign bar became: nested in the one that opened it.

    One that was there `before` the run goes through the run's work, and is not counted as a part of it.
    """

    def __init__(
        self,
        description: str,
        *,
        total: object,
        unit: str = "",
        fields: dict[str, Any] | None = None,
        before: bool = False,
    ) -> None:
        self._total = bar_total(total)
        self._description = description
        self._status = ""
        self._thread = get_ident()
        fields = dict(fields or {})
        self._before = before and live.reporter is not None
        if self._before and live.reporter is not None:
            options = BarOptions(description, self._total, unit, None, 0, False, False)  # it leaves no line
            self._task = options.begin_task(None, self._total)
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

    def close(self) -> None:
        """End it where it stands."""
        if self._before:
            self._task._close_loop()
        else:
            self._task.close()
