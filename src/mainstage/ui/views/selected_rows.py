"""The list of tasks as the user chose to see it: which part of it has room, failures and tracebacks among it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.state.task import Failure
from mainstage.ui.views import formatting
from mainstage.ui.views.history import input_of
from mainstage.ui.views.selection import listing, number_of
from mainstage.ui.views.text import clip, crop, one_line, shorten, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import TaskState
    from mainstage.ui.views.palette import Glyphs, Palette
    from mainstage.ui.views.selection import Listed, Selection

SELECTED = "bold reverse"
ROOMY = 3
"""Rows from which on one is kept for saying how many tasks there are elsewhere although a traceback is open."""


class Window(NamedTuple):
    """The part that has room: (depth, task or failure) each; how many are above, below, and kept nowhere."""

    entries: list[tuple[int, Listed]]
    above: int
    below: int
    gone: int

    def live(self) -> list[tuple[int, TaskState]]:
        """Return what is no failure."""
        return [(depth, one) for depth, one in self.entries if not isinstance(one, Failure)]


def height_of(one: Listed, browse: Selection) -> int:
    """Return how many rows it wants: one, and those of its traceback where that is open."""
    if not isinstance(one, Failure) or one.task not in browse.unfolded:
        return 1
    return 1 + len(traceback_lines(one))


def traceback_lines(failure: Failure) -> list[str]:
    """Return the lines of its traceback, or what there is instead."""
    text = failure.error.traceback.rstrip("\n")
    return text.split("\n") if text else [f"{failure.error.type}: {failure.error.text} (no traceback)"]


def look(state: RunState, browse: Selection, room: int) -> Window:
    """Return what of the list stands in `room` rows: from `browse.top` on, further on where the selected one is.

    If not all of it has room, a row is kept for saying so.
    """
    total = len(state.tasks) + len(state.failures) if not browse.filter else sum(1 for _ in listing(state, browse))
    start = max(0, min(browse.top, total - 1))
    selected = None
    if browse.selected is not None:
        places = (at for at, (_, one) in enumerate(listing(state, browse)) if number_of(one) == browse.selected)
        selected = next(places, None)
    if selected is not None:
        start = min(start, selected)
    end = max(start + room, 0 if selected is None else selected + 1)
    entries = list(islice(listing(state, browse), start, end))
    heights = [height_of(one, browse) for _, one in entries]
    if total > len(entries) or sum(heights) > room:
        room -= _kept(browse, room)
    first = 0 if selected is None else _first(heights, selected - start, room)
    last, taken = first, 0
    while last < len(entries) and taken < room:
        taken += heights[last]
        last += 1
    gone = state.counts.failed - len(state.failures)
    return Window(entries[first:last], start + first, total - start - last, gone)


def _kept(browse: Selection, room: int) -> int:
    """Return how many rows are kept for saying how many tasks there are elsewhere."""
    return int(room >= ROOMY or (room > 1 and not browse.unfolded))


def _first(heights: list[int], selected: int, room: int) -> int:
    """Return where to begin so that the one at `selected` is seen, whole if it can be."""
    first, taken = selected, heights[selected]
    while first > 0 and taken + heights[first - 1] <= room:
        first -= 1
        taken += heights[first]
    return first


class BrowsedRows:
    """Composes the rows of a window from the rows of its live tasks."""

    def __init__(self, palette: Palette, glyphs: Glyphs) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self._marks = [
            palette.paint("mainstage.running", glyphs.running),
            palette.paint("mainstage.waiting", glyphs.waiting),
            palette.paint("mainstage.slow", glyphs.slow),
            palette.paint("mainstage.failed", glyphs.failed),
            palette.paint("mainstage.failed", glyphs.lost),
        ]
        self._selected = palette.paint(SELECTED, "»" if glyphs.unicode else "*")

    def compose(self, window: Window, live: Sequence[str], browse: Selection, columns: int, room: int) -> list[str]:
        """Return the rows of `window`, at most `room`; `live` are those of its live tasks."""
        rest = iter(live)
        elsewhere = self._elsewhere(window, columns) if _kept(browse, room) else []
        room -= len(elsewhere)
        lines: list[str] = []
        for _, one in window.entries:
            left = room - len(lines)
            block = self._failure(one, browse, columns, left) if isinstance(one, Failure) else [next(rest)]
            if number_of(one) == browse.selected:
                block[0] = self._mark(block[0], columns)
            lines += block
        return lines[:room] + elsewhere

    def _mark(self, line: str, columns: int) -> str:
        """Return `line`, marked as selected in the place of its own mark, or before it where it has none of ours."""
        for mark in self._marks:
            if line.startswith(mark):
                return self._selected + line[len(mark) :]
        return f"{self._selected} {crop(line, max(0, columns - 3))}"

    def _failure(self, failure: Failure, browse: Selection, columns: int, room: int) -> list[str]:
        glyphs = self._glyphs
        name = glyphs.name(one_line(failure.description)) or f"task {failure.task}"
        cells = max(0, columns - 3)
        name = shorten(name, max(min(cells, 8), cells // 2), glyphs.ellipsis).rstrip()
        given = input_of(failure)
        text = one_line(f"{failure.error.type}: {failure.error.text}" + (f" (input {given})" if given else ""))
        error = clip(glyphs.name(text), max(0, cells - width(name) - 2), glyphs.ellipsis)
        line = f"{self._palette.paint('mainstage.failed', glyphs.mark(failure.error))} {name}"
        lines = [f"{line}: {self._palette.paint('mainstage.failed', error)}" if error else line]
        if failure.task not in browse.unfolded:
            return lines
        return lines + self._traceback(failure, columns, room - 1)

    def _traceback(self, failure: Failure, columns: int, room: int) -> list[str]:
        """Return the open traceback, its last lines where not all have room."""
        if room <= 0:
            return []
        lines = traceback_lines(failure)
        if len(lines) > room:
            left_out = len(lines) - max(1, room - 1)
            lines = [*([f"({formatting.count(left_out)} lines before)"] if room > 1 else []), *lines[left_out:]]
        return [self._frame(line, columns - 1) for line in lines]

    def _frame(self, line: str, cells: int) -> str:
        """Return a line of a traceback; one that names a file is a link to it."""
        text = clip(f"    {self._glyphs.name(line)}", max(0, cells), self._glyphs.ellipsis)
        file = line.partition('File "')[2].partition('"')[0] if self._palette.files else ""
        return self._palette.paint("mainstage.dim", self._palette.link(text, file))

    def _elsewhere(self, window: Window, columns: int) -> list[str]:
        parts = [
            f"{formatting.count(n)} {where}" for n, where in ((window.above, "above"), (window.below, "below")) if n
        ]
        if window.gone:
            parts.append(f"{formatting.count(window.gone)} failures that only the log has")
        if not parts:
            return []
        text = clip(f"  + {', '.join(parts)}", max(0, columns - 1), self._glyphs.ellipsis)
        return [self._palette.paint("mainstage.dim", text)]
