"""The rows of the bars view, laid out by hand: 90 times cheaper than a table of Rich's.

A row goes through two steps. Its cells (plain texts and their widths) depend on the task alone; then one layout for all
rows says how wide each column is, and the row is composed. Both are kept until what they depend on changes. What
depends on time is taken at the task's last move or its last whole second, whichever is later, so an idle row changes
once a second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mainstage.views import units
from mainstage.views.text import RESET, clip, one_line, shorten, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstage.state.model import TaskState
    from mainstage.views.palette import Glyphs, Palette

INDENT = 2
"""Cells that a nested task stands to the right of its parent."""
PERCENT = 4
SHORTEST_NAME, COMFORTABLE_NAME, LONGEST_NAME = 12, 32, 60
SHORTEST_BAR, SMALL_BAR, COMFORTABLE_BAR, LONGEST_BAR = 8, 12, 20, 40
SHORTEST_STATUS = 8
NAME_STEP = 4
"""Names' column grows by so much at a time: fewer jumps as tasks come and go."""
USUAL_TIME, USUAL_SPEED = 9, 9
PULSE = 10.0
"""Steps a second that a bar without a total makes, at most: one for each move that was seen."""
READINGS = 2.0
"""Times a second at most that an ETA or a speed is read anew: figures that change with each frame cannot be read."""
FEW = 4096


Widths: TypeAlias = "tuple[int, int, int, int, int]"


class Cells(NamedTuple):
    """What a row says, column by column. `widths` are of name, amount, time, speed and status."""

    mark: str
    name: str
    fraction: float | None
    beat: int
    """Where the pulse stands if the fraction is not known."""
    amount: str
    time: str
    speed: str
    status: str
    widths: Widths


class Layout(NamedTuple):
    """How wide each column is, in cells; 0: dropped."""

    name: int
    percent: int
    bar: int
    amount: int
    time: int
    speed: int
    status: int


class Row:
    """One task's row as last composed."""

    __slots__ = ("cells", "key", "layout", "line", "reading", "speed", "time")

    def __init__(self) -> None:
        self.key: object = None
        self.cells: Cells | None = None
        self.layout: Layout | None = None
        self.line = ""
        self.reading: object = None
        self.time = ""
        self.speed = ""


class RowPainter:
    """Turns tasks into rows."""

    def __init__(self, palette: Palette, glyphs: Glyphs) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self._rows: dict[int, Row] = {}
        self._bars: dict[tuple[int, int], str] = {}
        self._running = palette.paint("mainstage.running", glyphs.running)
        self._waiting = palette.paint("mainstage.waiting", glyphs.waiting)
        self._blank = " " * (PERCENT + 1)
        self._percents = [" " + palette.paint("progress.percentage", f"{n:>3}%") for n in range(101)]
        self._amount = palette.sgr("progress.download")
        self._time = palette.sgr("progress.remaining")
        self._speed = palette.sgr("progress.data.speed")
        self._end = RESET if palette.system is not None else ""

    def cells(self, shown: Iterable[tuple[int, TaskState]], now: float) -> list[Row]:
        """Return the rows of `shown`, (depth, task) each, their cells up to date; others are forgotten."""
        before = self._rows
        after: dict[int, Row] = {}
        for depth, task in shown:
            row = before.get(task.id) or Row()
            age = int(now - task.started_at)
            key = (
                task.moved_at,
                task.completed,
                age,
                depth,
                task.total,
                task.status,
                task.description,
                task.attempt,
                task.waiting,
            )
            if row.key != key:
                row.key = key
                row.cells = self._cells(depth, task, max(task.moved_at, task.started_at + age), row)
                row.layout = None
            after[task.id] = row
        self._rows = after
        return list(after.values())

    def _cells(self, depth: int, task: TaskState, now: float, row: Row) -> Cells:
        glyphs = self._glyphs
        name = " " * (INDENT * depth) + (glyphs.name(task.description) or f"task {task.id}")
        unit = glyphs.name(task.unit) if task.unit else ""
        amount = units.part(task.completed, task.total, unit) if task.completed or task.total is not None else ""
        reading = (int(now * READINGS), int(now - task.started_at), task.attempt, task.total, task.waiting)
        if row.reading != reading:
            row.reading = reading
            row.time, row.speed = self._read(task, now, unit)
        status = self._status(task, now) if task.status or task.attempt > 1 or task.waiting else ""
        return Cells(
            self._waiting if task.waiting else self._running,
            name,
            task.fraction,
            round(task.moved_at * PULSE),
            amount,
            row.time,
            row.speed,
            status,
            (_size(name), _size(amount), len(row.time), _size(row.speed), _size(status)),
        )

    def _read(self, task: TaskState, now: float, unit: str) -> tuple[str, str]:
        """Return the time that is left, or has passed, and the speed."""
        if task.waiting:
            return "", ""
        left = task.eta(now)
        rate = task.rate(now)
        return (
            units.eta(left) if left else units.duration(task.elapsed(now)),
            units.rate(rate, unit) if rate else "",
        )

    def _status(self, task: TaskState, now: float) -> str:
        if task.waiting and task.error is not None:
            left = max(0.0, (task.retry_at or now) - now)
            return f"again in {units.spoken(left)}: {self._glyphs.name(task.error.type)}"
        if task.status:
            return self._glyphs.name(one_line(task.status))
        return f"attempt {task.attempt}" if task.attempt > 1 else ""

    def compose(self, rows: Sequence[Row], layout: Layout) -> list[str]:
        """Return the lines of `rows` in `layout`."""
        lines: list[str] = []
        for row in rows:
            if row.layout != layout and row.cells is not None:
                row.line = self.line(row.cells, layout)
                row.layout = layout
            lines.append(row.line)
        return lines

    def line(self, cells: Cells, layout: Layout) -> str:
        """Return one row. Blanks at its end are left out, as are the columns that the layout dropped."""
        line = self.head(cells.mark, cells.name, cells.fraction, cells.beat, layout)
        _, amount, time, speed, _ = cells.widths
        blank = 0
        for text, size, room, begin in (
            (cells.amount, amount, layout.amount, self._amount),
            (cells.time, time, layout.time, self._time),
            (cells.speed, speed, layout.speed, self._speed),
        ):
            if not room:
                continue
            blank += 2 + room - size
            if text:
                line += f"{' ' * blank}{begin}{text}{self._end}"
                blank = 0
        if layout.status and cells.status:
            status = clip(cells.status, layout.status, self._glyphs.ellipsis)
            line += " " * (blank + 2) + self._palette.paint("mainstage.status", status)
        return line

    def head(self, mark: str, name: str, fraction: float | None, beat: int, layout: Layout) -> str:
        """Return the left part of a row, the same for tasks and for the whole run: mark, name, per cent, bar."""
        name = shorten(name, layout.name, self._glyphs.ellipsis)
        line = f"{mark} {self._palette.paint('progress.description', name)}"
        if layout.percent:
            line += self._blank if fraction is None else self._percents[units.hundredths(fraction)]
        return f"{line} {self.bar(fraction, beat, layout.bar)}" if layout.bar else line

    def join(self, head: str, pieces: Iterable[tuple[str, str]], columns: int) -> str:
        """Return `head` and as many `pieces`, (style, text) each, as fit and leave the last of `columns` free."""
        left = columns - 1 - width(head)
        for style, text in pieces:
            left -= _size(text) + 2
            if left < 0:
                break
            head = f"{head}  {self._palette.paint(style, text)}"
        return head

    def bar(self, fraction: float | None, beat: int, cells: int) -> str:
        """Return a bar of `cells`, full to `fraction`; None: a block that stands where `beat` says."""
        if fraction is None:
            key = (-1 - beat % (2 * cells), cells)
        else:
            key = (int(units.within_one(fraction) * 2 * cells), cells)
        try:
            return self._bars[key]
        except KeyError:
            if len(self._bars) > FEW:
                self._bars.clear()
            return self._bars.setdefault(key, self._bar(*key))

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


def _size(text: str) -> int:
    """Return the width of `text`, which has no SGR: `width` costs three times as much, and this runs most."""
    return len(text) if text.isascii() else width(text)


@lru_cache(64)  # a third of the cost of a frame in which nothing moved
def arrange(columns: int, widths: tuple[Widths, ...]) -> Layout:
    """Return the layout for rows of these `widths` on a terminal of `columns`: its last one stays free.

    What does not fit is dropped from the right; what is left over goes to names and bars, then to the status.
    """
    name, amount, time, speed, status = (max(column) for column in zip(*widths, strict=True))
    name = -(-name // NAME_STEP) * NAME_STEP
    least = min(name, SHORTEST_NAME)
    left = columns - 1 - 2 - least
    if left < 0:
        return Layout(max(0, least + left), 0, 0, 0, 0, 0, 0)
    taken: list[int] = []
    for cells, gap in (
        (PERCENT, 1),
        (SHORTEST_BAR, 1),
        (amount, 2),
        (max(time, USUAL_TIME) if time else 0, 2),
        (max(speed, USUAL_SPEED) if speed else 0, 2),
    ):
        needed = cells + gap if cells else 0
        if needed > left:
            status = 0
            break
        taken.append(cells)
        left -= needed
    taken += [0] * (5 - len(taken))
    return _spread(Layout(least, taken[0], taken[1], taken[2], taken[3], taken[4], 0), left, name, status)


def _spread(layout: Layout, left: int, name: int, status: int) -> Layout:
    names, bars, statuses = layout.name, layout.bar, 0
    more = min(left, min(name, COMFORTABLE_NAME) - names)
    names, left = names + more, left - more
    if bars:
        more = min(left, (SMALL_BAR if status else COMFORTABLE_BAR) - bars)
        bars, left = bars + more, left - more
    if status and left >= SHORTEST_STATUS + 2:
        statuses = min(status, left - 2)
        left -= statuses + 2
    more = min(left, max(0, min(name, LONGEST_NAME) - names))
    names, left = names + more, left - more
    if bars:
        bars += min(left, LONGEST_BAR - bars)
    return layout._replace(name=names, bar=bars, status=statuses)
