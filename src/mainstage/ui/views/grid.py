"""A cell for each task, in the order in which they began: for ten thousand small ones.

Where there are more tasks than cells, a cell stands for several and shows what matters most of them. Each state has a
character of its own beside its colour.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from mainstage.ui.state.status_map import CANCELLED, DONE, FAILED, RUNNING, TO_COME, WAITING
from mainstage.ui.views import formatting
from mainstage.ui.views.dashboard_pieces import TaskRows
from mainstage.ui.views.row_choice import RowChoice, choose_rows

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views.dashboard_pieces import WidgetContext
    from mainstage.ui.views.palette import Glyphs, Palette

NAMES = (
    (RUNNING, "running"),
    (DONE, "done"),
    (FAILED, "failed"),
    (WAITING, "to be tried again"),
    (CANCELLED, "cancelled"),
    (TO_COME, "to come"),
)
"""What the codes are called, in the order of the legend."""
KEPT_LINES = 4096
ROWS_WITH_TASKS = 10
"""From so many rows on, some are spent on tasks by name."""
NAMED = 3
"""Rows for tasks by name, at most."""


class GridRows(TaskRows):
    """The grid, a legend, and where there is room the tasks that have run the longest."""

    name = "grid"

    def __init__(self, palette: Palette, glyphs: Glyphs, *, most: int | None = None) -> None:
        super().__init__(palette, glyphs, most=most)
        self._cells = {
            RUNNING: ("mainstage.running", glyphs.running),
            DONE: ("mainstage.done", glyphs.cell),
            FAILED: ("mainstage.failed", glyphs.failed),
            WAITING: ("mainstage.waiting", glyphs.waiting),
            CANCELLED: ("mainstage.cancelled", glyphs.cancelled),
            TO_COME: ("mainstage.dim", glyphs.idle),
        }
        self._lines: dict[bytes, str] = {}
        self._painted: tuple[bytes, int, int, int] | None = None
        self._picture: list[str] = []

    def choose(self, scene: WidgetContext, room: int) -> RowChoice:
        """Choose the tasks that are named below the grid."""
        if room < ROWS_WITH_TASKS:
            return RowChoice([], 0)
        return RowChoice(choose_rows(scene.state, scene.now, NAMED + 1).shown[:NAMED], 0)

    def compose(self, scene: WidgetContext, chosen: RowChoice, room: int) -> list[str]:  # noqa: ARG002  # as it is declared
        """Return grid, legend and rows."""
        self.layout = self._painter.arrange(scene.columns, scene.run)
        rows = self._painter.compose(self.layout)
        legend = 1 if room > 1 else 0
        size, lines = self._grid(scene, room - len(rows) - legend)
        return lines + [self._legend(scene, size)] * legend + rows + self.more(scene, 0)

    def _grid(self, scene: WidgetContext, room: int) -> tuple[int, list[str]]:
        """Return how many tasks a cell stands for, and the lines of cells."""
        state, cells = scene.state, max(1, scene.columns - 1)
        board = state.board
        count = _number(state)
        size = max(1, -(-count // (cells * max(1, room))))
        codes = board.blocks(size)
        codes += bytes(max(0, -(-count // size) - len(codes)))
        key = (codes, cells, size, room)
        if key != self._painted:
            self._painted = key
            self._picture = [self._line(codes[at : at + cells]) for at in range(0, len(codes), cells)]
        return size, self._picture

    def _line(self, codes: bytes) -> str:
        line = self._lines.get(codes)
        if line is None:
            if len(self._lines) > KEPT_LINES:
                self._lines.clear()
            parts = []
            for code, run in groupby(codes):
                style, glyph = self._cells[code]
                parts.append(self._palette.paint(style, glyph * sum(1 for _ in run)))
            line = self._lines[codes] = "".join(parts)
        return line

    def _legend(self, scene: WidgetContext, size: int) -> str:
        """Return what the characters mean and how many tasks are so, as far as there is room."""
        counts = scene.state.counts
        begun = counts.ended + counts.running + counts.waiting
        to_come = max(0, _number(scene.state) - begun)
        numbers = (counts.running, counts.done, counts.failed, counts.waiting, counts.cancelled, to_come)
        told = [
            (*self._cells[code], f" {formatting.count(number)} {name}")
            for (code, name), number in zip(NAMES, numbers, strict=True)
            if number
        ]
        if size > 1:
            told.append(("", "", f"a cell is {formatting.count(size)} tasks"))
        line, left = "", scene.columns + 1
        for style, glyph, text in told:
            left -= len(glyph) + len(text) + 2
            if left < 0:
                break
            gap = "  " if line else ""
            line += f"{gap}{self._palette.paint(style, glyph)}{self._palette.paint('mainstage.dim', text)}"
        return line


def _number(state: RunState) -> int:
    """Return how many tasks there are, those to come too if that is known."""
    return max(len(state.board.cells), 0 if state.open_ended else state.expected)
