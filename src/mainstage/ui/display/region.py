"""The live rows below a scroll region that holds the text: right below it, and at the bottom once they are there.

Between two frames the terminal's own cursor stands at the end of the text, inside the region. So bytes that are not
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

    def __init__(self, columns: int, height: int, *, told_late: bool = False, cursor_lags: bool = False) -> None:
        """Show nothing yet.

        `told_late`: the terminal has changed its size some time before it says so; `cursor_lags`: its cursor stays
        where it is when the text scrolls up, since lines below it have been wrapped for a new size.
        """
        self._columns = columns
        self._height = height
        self._told_late = told_late
        self._cursor_lags = cursor_lags
        self._bottom = height
        """The line of the lowest row."""
        self._unsure = False
        """Whether the cursor may be anywhere on the screen, since others may have written after `place` was asked."""
        self._added: int | None = None
        """Lines of text since `begin`; None: where the cursor was then says nothing of where it is."""
        self._owed = 0
        """Lines that the rows are to go down by, since others write."""
        self._shown: list[str | None] = []
        self._begun = ""
        """The clean line that has not ended: the cursor stands at its end."""
        self._stays = False
        """Whether somebody else has written it, who does not write it again."""
        self._changes: dict[int, int] = {}
        """By the screen's line; each begins at another number, so that not all rows are written whole at once."""

    @property
    def live(self) -> bool:
        """Whether rows stand on the screen, or a line that has not ended."""
        return bool(self._shown or self._begun)

    @property
    def drawn(self) -> bool:
        """Whether rows stand on the screen."""
        return bool(self._shown)

    @property
    def limit(self) -> int:
        """The most rows that can be shown."""
        return self._height - 2

    def forget(self) -> None:
        """Expect strange bytes on the rows: the next frame writes all of them."""
        self._shown = [None] * len(self._shown)

    def begin(self, count: int) -> str:
        """Return what makes room for `count` rows below the cursor, wherever it is, and protects it; then `place`."""
        self._added = 0
        return f"{self._room_for(count)}{self._margin(count)}"

    def place(self, line: int) -> str:
        """Place the rows right below the text: the cursor was in `line` at `begin`, and 1 is the first.

        Returns what erases rows that stand elsewhere meanwhile. They stay there where others have written since.
        """
        added, self._added = self._added, None
        if added is None:
            return ""
        count = len(self._shown)
        first, drawn = self._bottom - count + 1, self._shown != [None] * count
        self._unsure = True
        self._bottom = min(self._height, max(line, 2) + added + count)
        if not drawn or self._bottom == self._height:
            return ""
        self._shown = [None] * count
        return self._erase(first, count)

    def forget_place(self) -> None:
        """Called when others have written: `place` would not know by how many lines the cursor has moved."""
        self._added = None

    @property
    def floating(self) -> bool:
        """Whether there is room below the rows."""
        return bool(self._shown) and self._bottom < self._height

    def owe(self, lines: int) -> None:
        """Move the rows down by as many `lines` with the next frame: others have written an unknown amount."""
        self._owed = lines

    def leave(self) -> str:
        """Return what takes the rows away and leaves the cursor at the end of the text.

        A line that has not ended goes too, unless it stays: its writer has it.
        """
        begun = "" if not self._begun or self._stays else ansi.fresh_line(self._columns, self._begun)
        self._begun, self._stays = "", False
        return f"{begun}{self._rows_away()}"

    def ask(self, question: str) -> str:
        """Return what takes the rows away and leaves the clean `question` at the end of the text, for good."""
        asked = self._without_rows([], question)
        self.stand(question)
        return asked

    def make_room(self, text: str, rows: Sequence[str]) -> str:
        """Return what makes room for `text` that other code is about to write at the end of the text.

        Our line that has not ended goes, and the `rows` shown go down where there is room.
        """
        away = ""
        if self._begun and not self._stays:
            away, self._begun = ansi.fresh_line(self._columns, self._begun), ""
        height = text.count("\n") + sum(len(part) // self._columns for part in text.split("\n"))
        if not height:
            return away
        self.forget_place()
        count = len(self._shown)
        if self._bottom == self._height or count != len(rows):
            return away
        room = self._room_for(count)
        return f"{away}{room}{self._lower(height)}{self._draw(rows)}"

    def _lower(self, height: int) -> str:
        """Move the rows down by `height` lines, as far as there is room; what they leave is the text's."""
        count, before = len(self._shown), self._bottom
        self._bottom = min(self._height, before + height)
        if self._bottom == before:
            return ""
        self._shown = [None] * count
        return self._erase(before - count + 1, min(self._bottom - before, count))

    def stand(self, begun: str, *, stays: bool = True) -> None:
        """Called when other code has written the clean `begun` on the last line of the text, and not ended it."""
        if not begun and not self._stays:
            return  # what stands there is ours
        self._begun, self._stays = begun, bool(begun) and stays

    def resized(self, columns: int, height: int) -> str:
        """Return what takes away whatever the new size has made of the rows: all that is below the cursor."""
        self._columns, self._height, self._added = columns, height, None
        # The cursor may be on the last row now: leave room for what erases below it.
        first = f"{ansi.INDEX}\x1b[A"
        if self._cursor_lags:  # back above the rows, which end at the bottom if it is too low
            below = sum([ansi.height(row.rstrip(), columns) for row in self._shown if row])
            first = f"\x1b[{below}B\x1b[{below}A"
        if self._told_late:  # to GNU screen a row that it has wrapped goes on in the next line until it is deleted
            first += f"{ansi.SAVE}\x1b[B\r\x1b[{height}M{ansi.RESTORE}"
        away = self._rows_away(first)
        self._bottom = height
        return away

    def frame(self, lines: Sequence[str], rows: Sequence[str], begun: str = "") -> str:
        """Return what adds the clean `lines` to the text, then `begun`, and turns the rows shown into `rows`."""
        if not rows:
            return self._without_rows(lines, begun)
        if len(lines) >= self._height:
            return self._flooded(lines, rows, begun)
        new = bool(lines or self._owed) or begun != self._begun
        if not new and list(rows) == self._shown:
            return ""
        room = self._room_for(len(rows))
        text = self._text_above(lines, begun) if new else ""
        return f"{room}{text}{self._draw(rows)}"

    def _flooded(self, lines: Sequence[str], rows: Sequence[str], begun: str) -> str:
        """Write more text than the screen holds over the rows and draw them anew below it.

        A terminal that takes its time may have another size when it comes to these bytes. So nothing in here says where
        on the screen it belongs: text scrolls all of it, and each row is so far below the text. The lowest comes first:
        a row that is laid out anew, for another width, then never lies between the cursor and the text.
        """
        self._shown, self._bottom, self._unsure, self._added = list(rows), self._height, False, None
        start, text, rest = self._text(lines, begun)
        below = "".join(
            [
                f"{ansi.INDEX * number}{ansi.row(row, self._columns)}\x1b[{number}A\r"
                for number, row in reversed(list(enumerate(rows, 1)))
            ]
        )
        return (
            f"{ansi.HIDE}{ansi.ALL_ROWS}{start}{ansi.INDEX}{ansi.ERASE_BELOW}\x1b[A{text}"
            f"{ansi.NO_WRAP}{ansi.PLAIN}{below}{ansi.WRAP}{self._margin(len(rows))}{rest}"
        )

    def _room_for(self, count: int) -> str:
        """Scroll the whole screen again, down to the lowest row, and make room for `count` rows at its bottom.

        In every frame, for some bytes: a child may have reset the terminal, and without a region the text would run
        over the rows and the rows over the text. A cursor that is lower than the text should be makes the text scroll.
        The bottom is that of the height we know: a terminal that has grown meanwhile keeps text and rows apart.
        """
        before = len(self._shown)
        if not before:
            self._shown = [None] * count
            return f"{ansi.HIDE}{self._down_to(self._height)}{_room(count)}{ansi.ERASE_ROWS}"
        # Later not over the whole screen: VTE takes a line that the cursor was on for text, when it gets lower. Where a
        # change of size is told late it is: others may have written below the rows.
        last = self._height if self._unsure or self._told_late else self._bottom
        self._unsure = False
        kept = f"{self._down_to(last)}{_room(last - self._bottom + before)}"
        if count > before:
            return f"{kept}{self._more(count - before)}"
        return f"{kept}{self._fewer(before - count)}" if count < before else kept

    def _more(self, count: int) -> str:
        """Add `count` rows: below the others, and where that is the bottom, above them, where the text makes way."""
        below = min(count, self._height - self._bottom)
        self._bottom += below
        self._shown += [None] * below
        above = count - below
        if not above:
            return ""
        made = f"{self._margin(len(self._shown))}{_room(above)}{self._down_to(self._height)}"
        self._shown[:0] = [None] * above
        return made

    def _fewer(self, count: int) -> str:
        """Take `count` rows away: the lowest ones; at the bottom the highest, so that the last row stays there."""
        kept = len(self._shown) - count
        if self._bottom == self._height:
            first = self._bottom - len(self._shown) + 1
            self._shown = self._shown[count:]
        else:
            first = self._bottom - count + 1
            self._shown = self._shown[:kept]
            self._bottom -= count
        return self._erase(first, count)

    def _erase(self, first: int, count: int) -> str:
        erased = "".join([f"\x1b[{line}H{ansi.ERASE_RIGHT}" for line in range(first, first + count)])
        return f"{ansi.SAVE}{erased}{ansi.RESTORE}"

    def _down_to(self, last: int) -> str:
        """Return what has the screen scroll down to the line `last`; the cursor stays."""
        return f"{ansi.SAVE}\x1b[1;{last}r{ansi.RESTORE}"

    def _margin(self, count: int) -> str:
        """Return what ends the region above the lowest `count` rows; the cursor stays."""
        return self._down_to(self._bottom - count)

    # --- the text ---

    def _text_above(self, lines: Sequence[str], begun: str) -> str:
        """Add text above the rows, which go down for it as long as there is room."""
        region = self._margin(len(self._shown))
        height = self._height_of(begun) - self._height_of(self._begun) + sum(map(self._height_of, lines)) + len(lines)
        start, text, rest = self._text(lines, begun) if lines or begun != self._begun else ("", "", "")
        if self._added is not None:
            self._added += max(0, height)
        owed, self._owed = self._owed, 0
        freed = self._lower(max(0, height) + owed)
        if freed:  # the start is in the region of before: what others have begun scrolls there
            freed += self._margin(len(self._shown))
        return f"{region}{start}{freed}{text}{rest}"

    def _height_of(self, line: str) -> int:
        """Return on how many lines more than one the clean `line` lies."""
        return ansi.height(line, self._columns) - 1 if len(line) >= self._columns else 0

    def _text(self, lines: Sequence[str], begun: str) -> tuple[str, str, str]:
        """Return what brings the cursor to the text's new place, the `lines`, and what has not ended."""
        before, self._begun = self._begun, begun
        self._stays = self._stays and begun == before
        first = lines[0] if lines else begun
        if before and "\x1b" not in before and first.startswith(before):
            if not lines:
                return "", "", self._unended(begun)[len(before) :]
            return "", "".join(f"{line}\r\n" for line in (first[len(before) :], *lines[1:])), self._unended(begun)
        again = ansi.last_row(before, self._columns)[0] if before and begun.startswith(before) else 0
        start = ansi.fresh_line(self._columns, before)
        return start, "".join([f"{line}\r\n" for line in lines]), self._unended(begun)[again:]

    def _unended(self, begun: str) -> str:
        return ansi.unended(begun, self._columns)

    def _draw(self, rows: Sequence[str]) -> str:
        """Return what turns the rows shown into `rows`, and pins them."""
        top = self._bottom - len(rows) + 1
        changed = [
            f"\x1b[{top + index}H{self._change(top + index, old, row)}"
            for index, (row, old) in enumerate(zip(rows, self._shown, strict=True))
            if row != old
        ]
        if not changed:
            return self._margin(len(rows))
        self._shown = list(rows)
        pinned = f"{''.join(changed)}\x1b[1;{self._bottom - len(rows)}r"
        return f"{ansi.SAVE}{ansi.NO_WRAP}{ansi.PLAIN}{pinned}{ansi.RESTORE}{ansi.WRAP}"

    def _change(self, line: int, old: str | None, row: str) -> str:
        """Return what turns `old` into `row`; now and then all of it: a child may have reset the terminal."""
        count = self._changes[line] = self._changes.get(line, line) + 1
        if old is None or count % WHOLE == 0:
            return row_diff.whole_row(row, self._columns)
        return row_diff.change(old, row, self._columns)

    # --- no rows ---

    def _rows_away(self, first: str = "") -> str:
        """Return what takes the rows away, where there are any, after `first`."""
        if not self._shown:
            return ""
        self._shown, self._bottom, self._unsure, self._added = [], self._height, False, None
        return f"{ansi.ALL_ROWS}{first}{ansi.ERASE_ROWS}{ansi.SHOW}"

    def _without_rows(self, lines: Sequence[str], begun: str) -> str:
        """Add `lines` in the place of the rows.

        Not over what these leave behind: to tmux a line that was full once is full of spaces, and has a blank line
        below it when the window gets narrower.
        """
        new = bool(lines) or begun != self._begun
        if not self._shown or not lines:
            away = self._rows_away()
            return f"{away}{''.join(self._text(lines, begun))}" if new else away
        self._shown, self._bottom, self._unsure, self._added = [], self._height, False, None
        start = ansi.fresh_line(self._columns, self._begun)
        self._begun, self._stays = begun, False
        text = "".join(f"{line}\r\n" for line in lines)
        return f"{ansi.ALL_ROWS}{start}{ansi.ERASE_ROWS}{text}{self._unended(begun)}{ansi.SHOW}"


def _room(rows: int) -> str:
    """Return what scrolls the text up until `rows` rows are free below the cursor; nothing where they are."""
    return f"{ansi.INDEX * rows}\x1b[{rows}A"
