"""Displays for tests, ours and the user's: frames as lists of lines, and a terminal's screen as text."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.ui.display import ansi
from mainstage.ui.views import Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event


class RecordedFrame(NamedTuple):
    """One picture: the lines added to the history, the rows shown below it, and a line between that has not ended."""

    history: tuple[str, ...]
    rows: tuple[str, ...]
    begun: str = ""


class RecordingDisplay:
    """Keeps every frame. `blocked = True` makes it refuse them, as a stopped terminal does."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.broken: OSError | None = None
        self.blocked = False
        self.frames: list[RecordedFrame] = []
        self.final: RecordedFrame | None = None
        self.suspensions = 0
        self.events: list[Event] = []
        self._size = Size(columns, rows)

    @property
    def history(self) -> list[str]:
        """All lines that went above, the last picture's with `close`."""
        frames = self.frames if self.final is None else [*self.frames, self.final]
        return [line for frame in frames for line in frame.history]

    @property
    def rows(self) -> list[str]:
        """The rows that stand now: the final ones after `close`."""
        last = self.final or (self.frames[-1] if self.frames else RecordedFrame((), ()))
        return list(last.rows)

    def size(self) -> Size:
        """Return the size."""
        return self._size

    def resize(self, columns: int, rows: int) -> None:
        """Become another size, as a user's drag at the window's edge does; the loop has to be told."""
        self._size = Size(columns, rows)

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
        """Keep the frame, unless blocked."""
        if self.blocked:
            return False
        if self.broken is None:
            self.frames.append(RecordedFrame(tuple(above), tuple(rows), begun))
        return True

    def resized(self) -> None:
        """Do nothing: `size` is always asked anew."""

    def suspend(self, question: str = "") -> bool:  # noqa: ARG002  # the port's signature
        """Count it."""
        self.suspensions += 1
        return False

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Keep the last frame."""
        self.final = RecordedFrame(tuple(above), tuple(rows))

    def record(self, event: Event) -> None:
        """Keep an event, as the JSON lines display would write it."""
        self.events.append(event)


class Screen:
    """A terminal as text: feed it bytes, read its screen and what scrolled off it.

    Needs pyte: `pip install "mainstage[testing]"`.
    """

    def __init__(self, columns: int = 80, rows: int = 24, *, history: int = 100_000) -> None:
        self._screen, self._stream = _emulator(columns, rows, history)

    def feed(self, data: bytes) -> None:
        """Take `data` as a terminal does, a line feed moving to the first column as the tty makes it."""
        self._stream.feed(data)

    def lines(self) -> list[str]:
        """Return the rows of the screen, top first, without the spaces at their ends."""
        return [self._row(self._screen.buffer[y]) for y in range(self._screen.lines)]

    def history(self) -> list[str]:
        """Return what scrolled off the top, oldest first."""
        return [self._row(row) for row in self._screen.history.top]

    @property
    def text(self) -> str:
        """All of it: what scrolled off and then the screen, without the empty rows at the end."""
        return "\n".join([*self.history(), *self.lines()]).rstrip("\n")

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row of the cursor, from 0."""
        return self._screen.cursor.x, self._screen.cursor.y

    @property
    def cursor_hidden(self) -> bool:
        """Whether the cursor is invisible."""
        return bool(self._screen.cursor.hidden)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size. Cuts, as an old terminal does: judge reflow in a real one."""
        self._screen.resize(rows, columns)

    def _row(self, row: Any) -> str:
        """Return a row as text; half of a wide character that was overwritten shows as a space, as terminals do."""
        cells = [row[column].data for column in range(self._screen.columns)]
        texts = []
        for cell, following in zip(cells, [*cells[1:], " "], strict=True):
            wide = bool(cell) and ansi.row_width(cell) == 2  # noqa: PLR2004  # cells
            if wide and following:
                texts.append(" ")
            elif cell:
                texts.append(cell)
            elif not texts or ansi.row_width(texts[-1]) < 2:  # noqa: PLR2004  # cells
                texts.append(" ")
        return "".join(texts).rstrip()


def _emulator(columns: int, rows: int, history: int) -> tuple[Any, Any]:
    """Return a pyte screen and the stream that feeds it, with wide and invisible characters as terminals have them."""
    try:
        import pyte  # noqa: PLC0415  # an extra: only tests have it
        from pyte.screens import wcwidth  # noqa: PLC0415
    except ImportError as missing:
        raise ImportError('Screen needs pyte: pip install "mainstage[testing]"') from missing

    class Emulator(pyte.HistoryScreen):
        def draw(self, data: str) -> None:
            if data.isascii():
                super().draw(data)
                return
            for character in data:
                cells = wcwidth(character)
                if cells == 2 and self.cursor.x == self.columns - 1 and pyte.modes.DECAWM in self.mode:  # noqa: PLR2004
                    self.cursor.x = self.columns  # pyte would cut it in half
                if cells > 0 or unicodedata.combining(character):  # pyte drops the rest of the text after any other
                    super().draw(character)

    screen = Emulator(columns, rows, history=history, ratio=0.5)
    return screen, pyte.ByteStream(screen)
