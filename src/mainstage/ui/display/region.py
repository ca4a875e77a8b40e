"""The live rows pinned at the bottom, below a scroll region that holds the text.

Between two frames the terminal's own cursor stands at the end of the text, inside the region. So bytes that nobody
captured (C code, a child of a worker) land in the text, whole, and scroll up with it; the rows are out of their reach.
And the terminal carries its cursor through a resize and its reflow: all below it is ours, whatever has become of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.display import ansi, row_diff

if TYPE_CHECKING:
    from collections.abc import Sequence

WHOLE = 10
"""Each so many changes a row is written whole, for about a second of wrong rows at most."""


class RegionScreen:
    """What is on the screen, and what to send so that it becomes something else."""

    LEAST_HEIGHT = 4
    """A scroll region has two rows at the least, so fewer leave no room for what is worth pinning."""

    def __init__(self, columns: int, height: int) -> None:
        self._columns = columns
        self._height = height
        self._shown: list[str | None] = []
        self._changes: dict[int, int] = {}
        """By the screen's line; each begins at another number, so that not all rows are written whole at once."""

    @property
    def live(self) -> bool:
        """Whether rows stand on the screen."""
        return bool(self._shown)

    @property
    def limit(self) -> int:
        """The most rows that can be shown."""
        return self._height - 2

    def forget(self) -> None:
        """Expect strange bytes on the rows: the next frame writes all of them."""
        self._shown = [None] * len(self._shown)

    def leave(self) -> str:
        """Return what takes the rows away and leaves the cursor at the end of the text."""
        if not self._shown:
            return ""
        self._shown = []
        return f"{ansi.ALL_ROWS}{ansi.ERASE_ROWS}{ansi.SHOW}"

    def resized(self, columns: int, height: int) -> str:
        """Return what takes away whatever the new size has made of the rows: all that is below the cursor."""
        self._columns, self._height = columns, height
        if not self._shown:
            return ""
        self._shown = []
        # The cursor may be on the last row now: leave room for what erases below it.
        return f"{ansi.ALL_ROWS}{ansi.INDEX}\x1b[A{ansi.ERASE_ROWS}{ansi.SHOW}"

    def frame(self, lines: Sequence[str], rows: Sequence[str]) -> str:
        """Return what adds the clean `lines` to the text and turns the rows shown into `rows`."""
        if not rows:
            return self._without_rows(lines)
        if len(lines) >= self._height:
            return self._flooded(lines, rows)
        if not lines and list(rows) == self._shown:
            return ""
        text = f"{self._margin(len(rows))}{self._text(lines)}" if lines else ""
        return f"{self._room_for(len(rows))}{text}{self._draw(rows)}"

    def _flooded(self, lines: Sequence[str], rows: Sequence[str]) -> str:
        """Let more text than the screen holds run over the rows and draw them anew below it.

        A terminal that takes its time may have another size when it comes to these bytes. So nothing in here says where
        on the screen it belongs: text scrolls all of it, and each row is so far below the text. The lowest comes first:
        a row that is laid out anew, for another width, then never lies between the cursor and the text.
        """
        self._shown = list(rows)
        text = "".join([f"{line}\r\n" for line in lines])
        below = "".join(
            [
                f"{ansi.INDEX * number}{ansi.row(row, self._columns)}\x1b[{number}A\r"
                for number, row in reversed(list(enumerate(rows, 1)))
            ]
        )
        return (
            f"{ansi.HIDE}{ansi.ALL_ROWS}{ansi.fresh_line(self._columns)}{ansi.INDEX}{ansi.ERASE_BELOW}\x1b[A{text}"
            f"{ansi.NO_WRAP}{ansi.PLAIN}{below}{ansi.WRAP}{self._margin(len(rows))}"
        )

    def _room_for(self, count: int) -> str:
        """Scroll the whole screen again and make room for `count` rows at its bottom.

        In every frame, for some bytes: a child may have reset the terminal, and without a region the text would run
        over the rows and the rows over the text. The bottom is that of the height we know: a terminal that has grown
        meanwhile keeps text and rows apart within it.
        """
        whole = self._margin(0)
        before = len(self._shown)
        if not before:
            self._shown = [None] * count
            return f"{ansi.HIDE}{whole}{_room(count)}{ansi.ERASE_ROWS}"
        kept = f"{whole}{_room(before)}"
        if count > before:
            self._shown[:0] = [None] * (count - before)
            return f"{kept}{self._margin(before)}{_room(count - before)}{whole}"
        if count < before:
            freed = f"{ansi.ERASE_RIGHT}\x1b[B" * (before - count)
            self._shown = self._shown[before - count :]
            return f"{kept}{ansi.SAVE}\x1b[{self._height - before + 1}H{freed}{ansi.RESTORE}"
        return kept

    def _margin(self, count: int) -> str:
        """Return what ends the region above the lowest `count` rows; the cursor stays."""
        return f"{ansi.SAVE}{self._region(count)}{ansi.RESTORE}"

    def _region(self, count: int) -> str:
        return f"\x1b[1;{self._height - count}r"

    def _text(self, lines: Sequence[str]) -> str:
        return "".join([ansi.fresh_line(self._columns), *(f"{line}\r\n" for line in lines)])

    def _draw(self, rows: Sequence[str]) -> str:
        """Return what turns the rows shown into `rows`, and pins them."""
        top = self._height - len(rows) + 1
        changed = [
            f"\x1b[{top + index}H{self._change(top + index, old, row)}"
            for index, (row, old) in enumerate(zip(rows, self._shown, strict=True))
            if row != old
        ]
        if not changed:
            return self._margin(len(rows))
        self._shown = list(rows)
        pinned = f"{''.join(changed)}{self._region(len(rows))}"
        return f"{ansi.SAVE}{ansi.NO_WRAP}{ansi.PLAIN}{pinned}{ansi.RESTORE}{ansi.WRAP}"

    def _change(self, line: int, old: str | None, row: str) -> str:
        """Return what turns `old` into `row`; now and then all of it: a child may have reset the terminal."""
        count = self._changes[line] = self._changes.get(line, line) + 1
        if old is None or count % WHOLE == 0:
            return row_diff.whole(row, self._columns)
        return row_diff.change(old, row, self._columns)

    def _without_rows(self, lines: Sequence[str]) -> str:
        """Add `lines` over what the rows leave behind: every line is replaced at once, none is blank in between."""
        if not self._shown:
            return self._text(lines) if lines else ""
        if not lines:
            return self.leave()
        self._shown = []
        text = "".join(f"{ansi.over(line, self._columns)}\r\n" for line in lines)
        return f"{ansi.ALL_ROWS}{ansi.fresh_line(self._columns)}{text}{ansi.ERASE_BELOW}{ansi.SHOW}"


def _room(rows: int) -> str:
    """Return what scrolls the text up until `rows` rows are free below the cursor; nothing where they are."""
    return f"{ansi.INDEX * rows}\x1b[{rows}A"
