"""Rich's progress columns, and the user's own, as columns of our rows.

They are given what they are written for: a `rich.progress.Task`, whose time is the picture's. Names are names: what
comes from the task is not read as markup, so that a file called "[bold]" is shown as that and one called "[/]" harms
nothing.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from rich.progress import Task, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from mainstage.ui.views.renderable import console_for, line_of
from mainstage.ui.views.row_choice import row_prefix
from mainstage.ui.views.rows import INDENT
from mainstage.ui.views.text import crop, one_line
from mainstage.ui.views.user_code import UserCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, RenderableType
    from rich.progress import ProgressColumn
    from rich.table import Column

    from mainstage.ui.state.task import TaskState
    from mainstage.ui.views.palette import Glyphs, Palette

GUARDED = str.maketrans({"[": "\U0010fff0", "\\": "\U0010fff1"})
RESTORED = str.maketrans({"\U0010fff0": "[", "\U0010fff1": "\\"})
"""What markup would act upon stands for itself as a private character until all is laid out. Not `rich.markup.escape`:
it doubles a backslash at the end, and works only where markup is read."""


class Name(str):
    """A text of a task: itself in code, and safe in what is formatted from it."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.translate(GUARDED)

    def __format__(self, spec: str) -> str:
        return format(self.translate(GUARDED), spec)


class ColumnTask(Task):
    """A task as Rich's columns know it, at the time `now` of a picture."""

    now: float = 0.0
    rate: float | None = None
    eta: float | None = None

    @classmethod
    def of(cls, task: TaskState, now: float, say: Callable[[str], str], depth: int = 0, over: str = "") -> ColumnTask:
        """Return `task` at `now`; `say` makes each text of it safe to show."""
        fields: dict[str, Any] = dict(task.fields)
        fields.update({name: Name(say(value)) for name, value in fields.items() if isinstance(value, str)})
        fields.setdefault("status", Name(say(task.status)))
        fields.setdefault("unit", Name(say(task.unit)))
        fields.setdefault("worker", Name(say(task.worker)))
        description = Name(" " * (INDENT * depth) + over + say(task.description))
        made = cls(TaskID(task.id), description, task.total, task.completed, _get_time=lambda: now, fields=fields)
        made.start_time = task.started_at
        made.now = now
        made.rate = task.rate(now) or None
        eta = task.eta(now)
        made.eta = None if eta is None else eta.likely
        if task.total is not None and task.completed >= task.total:
            made.finished_time = max(0.0, task.moved_at - task.started_at)
            made.finished_speed = made.rate
        return made

    @property
    def speed(self) -> float | None:
        """Items a second; None: it has not moved yet."""
        return self.rate

    @property
    def time_remaining(self) -> float | None:
        """Whole seconds until it is done; None: nothing to tell it by."""
        if self.finished:
            return 0.0
        return None if self.eta is None else ceil(self.eta)


class ColumnRows:
    """Rows made of columns. What a column raises goes through to the caller."""

    def __init__(self, columns: Sequence[str | ProgressColumn], palette: Palette, glyphs: Glyphs) -> None:
        self._columns = [TextColumn(column) if isinstance(column, str) else column for column in columns]
        self._palette = palette
        self._glyphs = glyphs
        self._console: Console | None = None
        self._key: object = None
        self._lines: list[str] | None = None
        self._code = UserCode()

    def lines(
        self, shown: Sequence[tuple[int, TaskState]], now: float, columns: int, *, borrowed: bool
    ) -> list[str] | None:
        """Return the rows for `shown`, aligned, on a terminal of `columns`, the last of which stays free.

        The last ones serve while none of the tasks has changed within a second, and where their code may not run (see
        `UserCode`): None if there are none yet. A cell that wraps makes a row of several lines.
        """
        cells = max(1, columns - 1)
        key = (cells, *[_key(task, now) for _, task in shown])
        if key != self._key or self._lines is None:
            before, self._lines = (
                self._lines,
                self._code.call(lambda: self._render(shown, now, cells), self._lines, borrowed=borrowed),
            )
            self._key = key if self._lines is not before else None
        return None if self._lines is None else [crop(line, cells) for line in self._lines]

    def _render(self, shown: Sequence[tuple[int, TaskState]], now: float, cells: int) -> list[str]:
        if not shown:
            return []
        grid = Table.grid(*[self._table_column(column) for column in self._columns], padding=(0, 1))
        for depth, task in shown:
            grid.add_row(*self._cells(task, now, depth))
        console = self._console
        if console is None or console.width != cells:
            console = self._console = console_for(self._palette, cells)
        options = console.options.copy()
        options.encoding = "utf-8" if self._glyphs.unicode else "ascii"
        lines = console.render_lines(grid, options, pad=False)
        return [crop(line_of(segments, self._palette, self._glyphs, RESTORED), cells) for segments in lines]

    def _table_column(self, column: ProgressColumn) -> Column:
        return column.get_table_column().copy()

    def _cells(self, task: TaskState, now: float, depth: int) -> list[RenderableType]:
        given = ColumnTask.of(task, now, self._name, depth, row_prefix(depth, task, self._glyphs))
        cells = [column(given) for column in self._columns]
        return [Text(cell) if isinstance(cell, Name) else cell for cell in cells]

    def _name(self, text: str) -> str:
        return self._glyphs.name(one_line(text))


def _key(task: TaskState, now: float) -> tuple[object, ...]:
    return (task.id, task.attempt, task.moved_at, task.completed, task.waiting, int(now - task.started_at))
