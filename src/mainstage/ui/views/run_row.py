"""The row of the whole run: how much is done, what went wrong, how long still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.views import formatting
from mainstage.ui.views.column_widths import NO_ROW
from mainstage.ui.views.rows import READINGS
from mainstage.ui.views.text import clip, one_line, width

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views.column_widths import ColumnWidths, Widths
    from mainstage.ui.views.palette import Glyphs, Palette
    from mainstage.ui.views.rows import RowPainter


class RunRow:
    """Composes the row, in the columns of the rows above it, and keeps all but the bar until what it says changes."""

    def __init__(self, palette: Palette, glyphs: Glyphs, painter: RowPainter) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self._painter = painter
        self._mark = palette.paint("mainstage.title", glyphs.running)
        self._given: str | None = None
        self._title = "", 0
        self._key: object = None
        """What all below but the last three depend on."""
        self._amount = self._time = self._speed = ""
        self._wrong: list[tuple[str, str]] = []
        """What went wrong, (style, text) each."""
        self._more: list[tuple[str, str]] = []
        """What is told where room is left."""
        self._widths = NO_ROW
        self._layout: ColumnWidths | None = None
        """The one that these are composed in; None: they are not."""
        self._left = self._right = ""

    def title(self, state: RunState) -> tuple[str, int]:
        """Return the run's title, safe to show, and its width."""
        if state.title != self._given:
            self._given = state.title
            title = self._glyphs.name(one_line(state.title)) or "total"
            self._title = title, width(title)
        return self._title

    def widths(self, state: RunState, now: float) -> Widths:
        """Read what the row says; return the widths of its columns, the last one that of what went wrong."""
        if state.stop is not None:  # one text, that has no columns
            return (self.title(state)[1], 0, 0, 0, 0)
        counts = state.counts
        expected = None if state.open_ended else state.expected
        key = (counts.ended, counts.failed, counts.cancelled, expected, int(now * READINGS), int(state.elapsed(now)),
               state.title)  # fmt: skip
        if key != self._key:  # it seldom does, which spares a tenth of a frame
            self._key = key
            self._describe(state, now, expected)
        return self._widths

    def _describe(self, state: RunState, now: float, expected: int | None) -> None:
        counts, glyphs = state.counts, self._glyphs
        self._layout = None
        self._amount = formatting.part(counts.ended, expected)
        self._wrong = [
            (f"mainstage.{word}", f"{mark} {formatting.count(n)} {word}")
            for n, mark, word in (
                (counts.failed, glyphs.failed, "failed"),
                (counts.cancelled, glyphs.cancelled, "cancelled"),
            )
            if n
        ]
        left, rate = state.eta(now), state.rate(now)
        told = formatting.eta_range(*left) if left and left.likely else ""
        elapsed = formatting.age(state.elapsed(now))
        self._time = told or elapsed
        size = state.items("B")
        sizes = state.unit_rate("B", now) if size else 0.0
        self._speed = formatting.rate(sizes, "B") if sizes else formatting.rate(rate) if rate else ""
        self._more = [("progress.filesize", formatting.size(size))] if size else []
        if told:
            self._more.append(("progress.elapsed", elapsed))
        self._widths = (
            self.title(state)[1],
            len(self._amount),
            len(self._time),
            len(self._speed),
            width("  ".join(text for _, text in self._wrong)),
        )

    def line(self, state: RunState, layout: ColumnWidths) -> str:
        """Return what was read in `layout`; where there is no room for its columns, counts go before the bar."""
        if state.stop is not None:
            return self._stopping(state, layout.cells)
        if layout.status < self._widths[4] or not layout.amount:
            return self._narrow(state, layout.cells)
        if layout is not self._layout:
            self._layout = layout
            self._left = self._painter.flush_held(self._mark, self.title(state)[0], layout)
            self._right = self._columns(layout)
        return self._painter.with_bar(self._left, state.ended_fraction, state.counts.ended, layout) + self._right

    def _columns(self, layout: ColumnWidths) -> str:
        """Return what stands to the right of the bar: the columns of the rows above, what went wrong, and more."""
        line, blank = "", 0
        for text, room, style in (
            (self._amount, layout.amount, "progress.download"),
            (self._time, layout.time, "progress.remaining"),
            (self._speed, layout.speed, "progress.data.speed"),
        ):
            if room:
                blank += 2 + room - len(text)
            if room and text:
                line += " " * blank + self._palette.paint(style, text)
                blank = 0
        pieces = [*self._wrong, *self._more]
        return self._painter.join(line + " " * blank if pieces else line, pieces, layout.cells - layout.columns)

    def _narrow(self, state: RunState, cells: int) -> str:
        pieces = [("progress.download", self._amount.strip()), *self._wrong, ("progress.remaining", self._time)]
        fraction = state.ended_fraction
        if fraction is not None:
            pieces.insert(0, ("progress.percentage", formatting.percent(fraction)))
        title = clip(self.title(state)[0], max(0, cells - 2), self._glyphs.ellipsis)
        return self._painter.join(f"{self._mark} {title}", pieces, cells - 2 - width(title))

    def _stopping(self, state: RunState, cells: int) -> str:
        counts = state.counts
        running = f"{formatting.count(counts.running + counts.waiting)} running"
        done = formatting.part(counts.ended, None if state.open_ended else state.expected).strip()
        stage = state.stop.stage if state.stop is not None else 1
        text = f"stopping: Ctrl-C again to abandon {running}" if stage < 2 else f"abandoning {running}"  # noqa: PLR2004
        failed = f", {formatting.count(counts.failed)} failed" if counts.failed else ""
        text = clip(f"{self._glyphs.cancelled} {text}, {done} done{failed}", cells, self._glyphs.ellipsis)
        return self._palette.paint("mainstage.stopping", text)
