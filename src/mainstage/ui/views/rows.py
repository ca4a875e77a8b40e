"""The rows of the bars view, laid out by hand: 50 times cheaper than a table of Rich's.

A row goes through two steps. What it says depends on the task alone; then one layout for all rows says how wide each
column is, and the row is composed. Each part is kept until what it depends on changes, so that a task that moved costs
its bar, its per cent and its amount. What depends on time is taken at the task's last move or its last whole second,
whichever is later, so an idle row changes once a second.

A task that has reported no position, and has no total, is quiet: a spinner, a name and an age. The spinner is set
before the composed row in each picture that is drawn anyway.
"""

from __future__ import annotations

from itertools import takewhile
from math import floor
from typing import TYPE_CHECKING, TypeAlias

from mainstage.ui.state.outliers import is_slow
from mainstage.ui.views import formatting
from mainstage.ui.views.column_widths import NO_ROW, PERCENT, SHORTEST_STATUS, arrange
from mainstage.ui.views.foreign import RESET
from mainstage.ui.views.row_choice import row_prefix
from mainstage.ui.views.text import clip, one_line, shorten, width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstage.ui.state.task import TaskState
    from mainstage.ui.views.column_widths import ColumnWidths, Widths
    from mainstage.ui.views.palette import Glyphs, Palette

INDENT = 2
"""Cells that a nested task stands to the right of its parent."""
PULSE = 10.0
"""Steps a second that a bar without a total makes, at most: one for each move that was seen."""
SPINS = 10.0
"""Steps a second of a spinner, at most: it moves with the pictures."""
SHORTEST_CUT = 4
"""Cells that names must begin with in common to lose them."""
READINGS = 2.0
"""Times a second at most that an ETA or a speed is read anew: figures that change with each frame cannot be read."""
FEW = 4096


Depth: TypeAlias = "int | tuple[str, str]"
"""How deep a task is nested, or what stands before and after its name instead."""


class Row:
    """What one task's row says, and the row as last composed."""

    __slots__ = (
        "amount", "beat", "changes", "depth", "fraction", "layout", "left", "line", "mark", "moves", "name", "place",
        "quiet", "reading", "right", "since", "speed", "spins", "status", "task", "time", "unit", "until", "widths",
    )  # fmt: skip

    def __init__(self, task: TaskState, depth: Depth) -> None:
        self.task = task
        self.depth = depth
        self.place = 0
        """Among the rows."""
        self.moves = self.changes = -1
        """The task's, when it was read."""
        self.reading = -1
        """When its time and speed were read, in halves of a second."""
        self.since = self.until = 0.0
        """When its age in whole seconds last changed, or when it was first drawn, and when it changes next."""
        self.mark = self.name = self.unit = self.amount = self.time = self.speed = self.status = ""
        self.quiet = False
        """Whether its task reports no position."""
        self.spins = False
        """Whether a spinner is set before `line`, which has no mark then."""
        self.fraction: float | None = None
        self.beat = 0
        """Where the pulse stands if the fraction is not known."""
        self.widths = NO_ROW
        self.layout: ColumnWidths | None = None
        """The one that `left`, `right` and `line` are composed in; None: they are not."""
        self.left = self.right = self.line = ""


class RowPainter:
    """Turns tasks into rows."""

    def __init__(self, palette: Palette, glyphs: Glyphs) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self.ages = True
        """Whether quiet tasks that are nested in none have their ages; else something before them tells these."""
        self._rows: dict[int, Row] = {}
        """By the task's id, in the order in which they stand."""
        self._lines: list[str] = []
        """As last composed; empty: all are to be composed."""
        self._stale: list[Row] = []
        """What of these is to be composed again."""
        self._layout: ColumnWidths | None = None
        self._composed: ColumnWidths | None = None
        """The layout of `_lines`."""
        self._wanted: object = None
        """What the layout was arranged for; None: widths have changed."""
        self._bars: dict[tuple[int, int, int, int], str] = {}
        """Per cents with bars, by what they show and the widths of both."""
        self._running = palette.paint("mainstage.running", glyphs.running)
        self._waiting = palette.paint("mainstage.waiting", glyphs.waiting)
        self._slow = palette.paint("mainstage.slow", glyphs.slow)
        self._spinner = [palette.paint("mainstage.running", glyph) for glyph in glyphs.spinner]
        self._spin = 0
        """Where the spinners stand."""
        self.typical = 0.0
        """Seconds that a task takes, to tell slow ones by; 0.0: not known."""
        self._blank = " " * (PERCENT + 1)
        self._percents = [" " + palette.paint("progress.percentage", f"{n:>3}%") for n in range(101)]
        self._amount = palette.sgr("progress.download")
        self._end = RESET if self._amount else ""

    def read(self, shown: Iterable[tuple[Depth, TaskState]], now: float) -> float:
        """Read the rows of `shown`, (depth, task) each, and forget others; return when the age of one changes."""
        before = self._rows
        self._spin = int(now * SPINS)
        after: dict[int, Row] = {}
        until = float("inf")
        for depth, task in shown:
            row = before.get(task.id)
            if row is None or row.task is not task or row.depth != depth or type(row.depth) is not type(depth):
                row = Row(task, depth)
            if row.moves != task.moves or row.changes != task.changes or now >= row.until:
                self._update(row, now)
            row.place = len(after)
            after[task.id] = row
            until = min(until, row.until)
        self._rows = after
        self._lines = []
        self._wanted = None
        return until

    def reread(self, moved: Iterable[int], now: float) -> None:
        """Read anew the rows of the tasks `moved`, where nothing else has changed: a frame costs an eighth less."""
        self._spin = int(now * SPINS)
        for task in moved:
            row = self._rows.get(task)
            if row is not None:
                self._update(row, now)
                self._stale.append(row)

    def _update(self, row: Row, now: float) -> None:
        task = row.task
        if now >= row.until:
            age = floor(now - task.started_at)
            row.since = task.started_at + age if age else now  # the first second is told as it was first drawn
            row.until = task.started_at + age + 1
            row.reading = -1
        fraction = task.fraction
        quiet = task.total is None and not task.completed
        if fraction == 1.0 != row.fraction or quiet is not row.quiet:
            row.quiet = quiet
            row.reading = -1  # what is full has no ETA, not even for half a second
        now = max(task.moved_at, row.since)
        reading = int(now * READINGS)
        if row.reading != reading or row.changes != task.changes:
            row.reading = reading
            row.changes = task.changes
            row.layout = self._wanted = None
            self._describe(row, now)
        row.moves = task.moves
        done, total = task.completed, task.total
        row.amount = formatting.part(done, total, row.unit) if done or total is not None else ""
        row.fraction = fraction
        row.beat = round(task.moved_at * PULSE)
        size = _size(row.amount)
        if not quiet and size != row.widths[1]:
            name, _, time, speed, status = row.widths
            row.widths = (name, size, time, speed, status)
            self._wanted = None
        row.line = ""

    def _describe(self, row: Row, now: float) -> None:
        task, glyphs = row.task, self._glyphs
        row.name = self._name(row)
        row.unit = glyphs.name(task.unit) if task.unit else ""
        slow = is_slow(task, self.typical, now)
        row.mark = self._waiting if task.waiting else self._slow if slow or task.stuck is not None else self._running
        row.status = self._status(task, now) or (
            f"slow: others take {formatting.in_words(self.typical)}" if slow else ""
        )
        row.time = row.speed = ""
        row.spins = row.quiet and row.mark is self._running
        if row.quiet:
            row.time = "" if task.waiting else formatting.age(task.elapsed(now))
            row.widths = (_size(row.name), 0, 0, 0, 0)
            return
        if not task.waiting:
            left, rate = task.eta(now), task.rate(now)
            told = formatting.eta_range(*left) if left and left.likely else ""
            row.time = told or formatting.age(task.elapsed(now))
            row.speed = formatting.rate(rate, row.unit) if rate else ""
        row.widths = (_size(row.name), 0, len(row.time), _size(row.speed), _size(row.status))

    def _name(self, row: Row) -> str:
        name = self._glyphs.name(row.task.description) or f"task {row.task.id}"
        if isinstance(row.depth, int):
            return " " * (INDENT * row.depth) + row_prefix(row.depth, row.task, self._glyphs) + name
        before, after = row.depth
        return f"{before}{name}{after}"

    def _status(self, task: TaskState, now: float) -> str:
        if task.waiting and task.error is not None:
            left = max(0.0, (task.retry_at or now) - now)
            return f"{formatting.retry_text(left)}: {self._glyphs.name(task.error.type)}"
        if task.stuck is not None:
            return f"stuck at {self._glyphs.name(task.stuck)}" if task.stuck else "stuck"
        if task.status:
            return self._glyphs.name(one_line(task.status))
        return f"attempt {task.attempt}" if task.attempt > 1 else ""

    def arrange(self, columns: int, run: Widths = NO_ROW) -> ColumnWidths:
        """Return the layout for the rows that were read and the row of the `run` below them, in `columns`."""
        wanted = (columns, run)
        if self._layout is None or self._wanted != wanted:
            self._wanted = wanted
            rows = self._rows.values()
            layout = arrange(columns, tuple(row.widths for row in rows), run)
            if any(row.widths[0] > layout.name for row in rows):
                layout = self._told_apart([row for row in rows if row.widths[0] > layout.name], layout)
            if layout != self._layout:
                self._layout = layout
        return self._layout

    def _told_apart(self, rows: list[Row], layout: ColumnWidths) -> ColumnWidths:
        """Return `layout` with what the names of `rows`, which are too long, lose for being alike in it."""
        names = {self._glyphs.name(row.task.description) for row in rows}
        if len(names) < 2:  # noqa: PLR2004  # one name is as good as another
            return layout
        layout = layout._replace(cut=_common(min(names), max(names)))
        if len({shorten(self._without(layout, row), layout.name, self._glyphs.ellipsis) for row in rows}) == len(names):
            return layout
        backwards = [name[::-1] for name in names]
        return layout._replace(end=_common(min(backwards), max(backwards))[::-1])

    def compose(self, layout: ColumnWidths) -> list[str]:
        """Return the lines of the rows that were read, in `layout`."""
        if self._lines and layout is self._composed:
            for row in self._stale:
                self._lines[row.place] = self._composed_line(row, layout)
        else:
            self._lines = [self._composed_line(row, layout) for row in self._rows.values()]
            self._composed = layout
        self._stale.clear()
        lines = self._lines.copy()
        spinner = self._spinner[self._spin % len(self._spinner)]
        for row in self._rows.values():
            if row.spins:
                lines[row.place] = spinner + lines[row.place]
        return lines

    def _composed_line(self, row: Row, layout: ColumnWidths) -> str:
        if row.layout is not layout:
            row.left = self.flush_held("" if row.spins else row.mark, self._without(layout, row), layout)
            row.right = self._age(row, layout) if row.quiet else self._right(row, layout)
            row.layout = layout
            row.line = ""
        if not row.line:
            row.line = self._line(row, layout)
        return row.line

    def _line(self, row: Row, layout: ColumnWidths) -> str:
        """Return one row. Blanks at its end are left out, as are the columns that the layout dropped."""
        if row.quiet:
            return row.left + row.right
        head = self.with_bar(row.left, row.fraction, row.beat, layout)
        if not layout.amount:
            return head + row.right
        if row.amount:
            blank = " " * (2 + layout.amount - row.widths[1])
            return f"{head}{blank}{self._amount}{row.amount}{self._end}{row.right}"
        return f"{head}{' ' * (2 + layout.amount)}{row.right}" if row.right else head

    def _without(self, layout: ColumnWidths, row: Row) -> str:
        """Return the row's name, without what it has in common with others if it is too long for the layout."""
        name, ellipsis = row.name, self._glyphs.ellipsis
        if row.widths[0] <= layout.name:
            return name
        if layout.cut:
            name = name.replace(layout.cut, ellipsis, 1)
        if layout.end and name.endswith(layout.end) and _size(name) > layout.name:
            name = name[: -len(layout.end)] + ellipsis
        return name

    def _age(self, row: Row, layout: ColumnWidths) -> str:
        """Return what stands to the right of a quiet task's name: its age, where others have a per cent, and status."""
        left = layout.cells - 2 - layout.name
        age = f" {row.time:>{PERCENT}}" if row.time and (self.ages or row.depth != 0) else ""
        if len(age) > left:
            return ""
        left -= len(age) + 2
        age = self._palette.paint("progress.elapsed", age) if age else ""
        if not row.status or left < min(SHORTEST_STATUS, _size(row.status)):
            return age
        return f"{age}  {self._palette.paint('mainstage.status', clip(row.status, left, self._glyphs.ellipsis))}"

    def _right(self, row: Row, layout: ColumnWidths) -> str:
        """Return what stands to the right of the amount; a status that is too long takes the place of the speed."""
        right = ""
        blank = 0
        speed, status = layout.speed, layout.status
        if row.status and speed and row.widths[4] > status:  # what the program says of itself stands nowhere else
            room = layout.cells - layout.columns + speed
            speed, status = (0, room) if room >= min(SHORTEST_STATUS, row.widths[4]) else (speed, status)
        for text, size, room, style in (
            (row.time, row.widths[2], layout.time, "progress.remaining"),
            (row.speed, row.widths[3], speed, "progress.data.speed"),
        ):
            if not room:
                continue
            blank += 2 + room - size
            if text:
                right += " " * blank + self._palette.paint(style, text)
                blank = 0
        if status and row.status:
            text = clip(row.status, status, self._glyphs.ellipsis)
            right += " " * (blank + 2) + self._palette.paint("mainstage.status", text)
        return right

    def flush_held(self, mark: str, name: str, layout: ColumnWidths) -> str:
        """Return the left part of a row, the same for tasks and for the whole run: mark and name."""
        name = shorten(name, layout.name, self._glyphs.ellipsis)
        return f"{mark} {self._palette.paint('progress.description', name)}"

    def with_bar(self, left: str, part: float | None, beat: int, layout: ColumnWidths) -> str:
        """Return `left` with what follows it: per cent and a bar, full to `part` (0.0 to 1.0).

        None: without a per cent, and a block that stands where `beat` says.
        """
        percent, cells = layout.percent, layout.bar
        if part is None:
            key = (percent, -1, -1 - beat % (2 * cells) if cells else 0, cells)
        else:
            key = (percent, int(part * 100 + 1e-9), int(part * 2 * cells), cells)
        bar = self._bars.get(key)
        return left + (self._keep_bar(*key) if bar is None else bar)

    def join(self, head: str, pieces: Iterable[tuple[str, str]], left: int) -> str:
        """Return `head` and as many `pieces`, (style, text) each, as fit into the `left` cells after it."""
        for style, text in pieces:
            left -= _size(text) + 2
            if left < 0:
                break
            head = f"{head}  {self._palette.paint(style, text)}"
        return head

    def _keep_bar(self, percent: int, hundredths: int, halves: int, cells: int) -> str:
        text = ""
        if percent:
            text = self._blank if hundredths < 0 else self._percents[hundredths]
        if cells:
            text += f" {self._bar(halves, cells)}"
        if len(self._bars) > FEW:
            self._bars.clear()
        self._bars[percent, hundredths, halves, cells] = text
        return text

    def _bar(self, halves: int, cells: int) -> str:
        glyphs, paint = self._glyphs, self._palette.paint
        if halves < 0:
            return self._pulse(-1 - halves, cells)
        if halves >= 2 * cells:
            return paint("bar.finished", glyphs.full * cells)
        full, half = divmod(halves, 2)
        done = glyphs.full * full + (glyphs.half if half and glyphs.half != glyphs.full else "")
        return paint("bar.complete", done) + paint("bar.back", glyphs.back * (cells - width(done)))

    def _pulse(self, beat: int, cells: int) -> str:
        glyphs, paint = self._glyphs, self._palette.paint
        block = max(1, cells // 4)
        way = cells - block
        at = beat % (2 * way) if way else 0
        at = min(at, 2 * way - at)
        after = cells - at - block
        return (
            paint("bar.back", glyphs.back * at)
            + paint("bar.pulse", glyphs.full * block)
            + paint("bar.back", glyphs.back * after)
        )


def _common(first: str, last: str) -> str:
    """Return the beginning of two names that is the same, up to the end of a word; "" where it is not worth a cut."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    common = first[: sum(1 for _ in same)]
    while common and common[-1].isalnum():
        common = common[:-1]
    return common if len(common) >= SHORTEST_CUT else ""


def _size(text: str) -> int:
    """Return the width of `text`, which has no SGR: `width` costs three times as much, and this runs most."""
    return len(text) if text.isascii() else width(text)
