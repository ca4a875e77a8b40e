"""The row of the whole run: how much is done, what went wrong, how long still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.views import formatting
from mainstage.ui.views.rows import READINGS
from mainstage.ui.views.text import clip, one_line, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.ui.state.run import RunState
    from mainstage.ui.views.column_widths import ColumnWidths
    from mainstage.ui.views.palette import Glyphs, Palette
    from mainstage.ui.views.rows import RowPainter


class RunRow:
    """Composes the row, and keeps all of it but the bar until what it says changes."""

    def __init__(self, palette: Palette, glyphs: Glyphs, painter: RowPainter) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self._painter = painter
        self._mark = palette.paint("mainstage.title", glyphs.running)
        self._given: str | None = None
        self._title = "", 0
        self._reading: object = None
        """What `_time` and `_speed` depend on."""
        self._time = self._speed = ""
        self._key: object = None
        """What all below depend on."""
        self._pieces: list[tuple[str, str]] = []
        self._left = self._right = ""
        self._fits = True

    def title(self, state: RunState) -> tuple[str, int]:
        """Return the run's title, safe to show, and its width."""
        if state.title != self._given:
            self._given = state.title
            title = self._glyphs.name(one_line(state.title)) or "total"
            self._title = title, width(title)
        return self._title

    def line(self, state: RunState, now: float, layout: ColumnWidths, columns: int) -> str:
        """Return the row in `layout`; where there is no room for both, how much is done goes before the bar."""
        if state.stop is not None:
            return self._stopping(state, columns)
        counts, painter = state.counts, self._painter
        expected = None if state.open_ended else state.expected
        key = (counts.ended, counts.failed, counts.cancelled, expected, int(now * READINGS), int(state.elapsed(now)),
               layout, columns, state.title)  # fmt: skip
        if key != self._key:  # it seldom does, which spares a tenth of a frame
            self._key = key
            self._pieces = list(self._say(state, now, expected))
            room = columns - 1 - layout.head
            self._fits = sum(width(text) + 2 for _, text in self._pieces[: 2 if counts.failed else 1]) <= room
            self._left = painter.flush_held(self._mark, self.title(state)[0], layout)
            self._right = painter.join("", self._pieces, room)
        if not self._fits:
            return self._narrow(state, columns)
        return painter.with_bar(self._left, state.fraction, counts.ended, layout) + self._right

    def _narrow(self, state: RunState, columns: int) -> str:
        (style, done), *pieces = self._pieces
        pieces.insert(0, (style, done.strip()))
        fraction = state.fraction
        if fraction is not None:
            pieces.insert(0, ("progress.percentage", formatting.percent(fraction)))
        title = clip(self.title(state)[0], max(0, columns - 3), self._glyphs.ellipsis)
        return self._painter.join(f"{self._mark} {title}", pieces, columns - 3 - width(title))

    def _say(self, state: RunState, now: float, expected: int | None) -> Iterator[tuple[str, str]]:
        """Yield what the row says after its bar, (style, text) each, the most important first."""
        counts = state.counts
        yield "progress.download", formatting.part(counts.ended, expected)
        if counts.failed:
            yield "mainstage.failed", f"{self._glyphs.failed} {formatting.count(counts.failed)} failed"
        if counts.cancelled:
            yield "mainstage.cancelled", f"{self._glyphs.cancelled} {formatting.count(counts.cancelled)} cancelled"
        reading = (int(now * READINGS), expected)
        if reading != self._reading:
            self._reading = reading
            left, rate = state.eta(now), state.rate(now)
            self._time = formatting.eta_range(*left) if left and left.likely else ""
            self._speed = formatting.rate(rate) if rate else ""
        if self._time:
            yield "progress.remaining", self._time
        if self._speed:
            yield "progress.data.speed", self._speed
        size = state.items("B")
        if size:
            yield "progress.filesize", formatting.size(size)
        yield "progress.elapsed", formatting.duration(state.elapsed(now))

    def _stopping(self, state: RunState, columns: int) -> str:
        counts = state.counts
        running = f"{formatting.count(counts.running + counts.waiting)} running"
        done = formatting.part(counts.ended, None if state.open_ended else state.expected).strip()
        stage = state.stop.stage if state.stop is not None else 1
        text = f"stopping: Ctrl-C again to abandon {running}" if stage < 2 else f"abandoning {running}"  # noqa: PLR2004
        failed = f", {formatting.count(counts.failed)} failed" if counts.failed else ""
        text = clip(f"{self._glyphs.cancelled} {text}, {done} done{failed}", max(0, columns - 1), self._glyphs.ellipsis)
        return self._palette.paint("mainstage.stopping", text)
