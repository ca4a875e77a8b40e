"""The live rows without a scroll region: they follow the text, and the cursor rests on the last of them.

For terminals that have no scroll region, or no room for one. Bytes that are not captured land on the last row here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.display import ansi

if TYPE_CHECKING:
    from collections.abc import Sequence


class InlineScreen:
    """What is on the screen, and what to send so that it becomes something else."""

    def __init__(self, columns: int, height: int) -> None:
        self._columns = columns
        self._height = height
        self._shown: list[str] = []

    @property
    def live(self) -> bool:
        """Whether rows stand on the screen."""
        return bool(self._shown)

    @property
    def limit(self) -> int:
        """The most rows that can be shown."""
        return max(1, self._height - 1)

    def ask(self, question: str) -> str:
        """Return what takes the rows away and leaves the clean `question` in their place."""
        return f"{self.leave()}{ansi.fresh_line(self._columns)}{question}"

    def make_room(self, _text: str, _rows: Sequence[str]) -> str:
        """Return nothing: what others write goes to the row that the cursor is on."""
        return ""

    def stand(self, begun: str, *, stays: bool = True) -> None:
        """Do nothing: the cursor is on a row here, and so is what others write."""

    def forget(self) -> None:
        """Expect strange bytes on the rows: the next frame writes all of them."""
        self._shown = ["\0"] * len(self._shown)

    def leave(self) -> str:
        """Return what takes the rows away and leaves the cursor after the text."""
        if not self._shown:
            return ""
        erased = f"{self._to_top()}{ansi.ERASE_ROWS if len(self._shown) > 1 else ansi.ERASE_RIGHT}"
        self._shown = []
        return f"{erased}{ansi.SHOW}"

    def resized(self, columns: int, height: int) -> str:
        """Return what takes the rows away that the terminal has laid out anew for its new size."""
        old = sum(-(-ansi.row_width(row) // columns) or 1 for row in self._shown[:-1])
        self._columns, self._height = columns, height
        if not self._shown:
            return ""
        self._shown = []
        return f"\r{_up(min(old, height - 1))}{ansi.ERASE_RIGHT if height == 1 else ansi.ERASE_ROWS}{ansi.SHOW}"

    def frame(self, lines: Sequence[str], rows: Sequence[str], begun: str = "") -> str:
        """Return what adds the clean `lines` to the text and turns the rows shown into `rows`, below `begun`."""
        rows = [begun, *rows] if begun else rows
        if not lines and not rows:
            return self.leave()
        if lines or len(rows) != len(self._shown):
            return self._rewritten(lines, rows)
        parts: list[str] = []
        at = last = len(rows) - 1
        for index, (row, old) in enumerate(zip(rows, self._shown, strict=True)):
            if row != old:
                parts.append(f"{_move(index - at)}\r{ansi.row(row, self._columns)}")
                at = index
        if not parts:
            return ""
        self._shown = list(rows)
        return f"{ansi.NO_WRAP}{''.join(parts)}{_move(last - at)}\r{ansi.WRAP}"

    def _rewritten(self, lines: Sequence[str], rows: Sequence[str]) -> str:
        before = len(self._shown)
        parts = [self._to_top() if before else ansi.fresh_line(self._columns)]
        parts += [f"{ansi.over(line, self._columns)}\r\n" for line in lines]
        if rows:
            parts += [ansi.NO_WRAP, "\r\n".join(ansi.row(row, self._columns) for row in rows)]
            if before > sum(ansi.height(line, self._columns) for line in lines) + len(rows):
                parts.append(f"{_move(1)}\r{ansi.ERASE_BELOW}{_move(-1)}")
            parts += ["\r", ansi.WRAP]
        elif before:
            parts.append(ansi.ERASE_BELOW)
        if bool(before) != bool(rows):
            parts.append(ansi.HIDE if rows else ansi.SHOW)
        self._shown = list(rows)
        return "".join(parts)

    def _to_top(self) -> str:
        return f"\r{_up(len(self._shown) - 1)}"


def _up(rows: int) -> str:
    return f"\x1b[{rows}A" if rows > 0 else ""


def _move(rows: int) -> str:
    return f"\x1b[{rows}B" if rows > 0 else _up(-rows)
