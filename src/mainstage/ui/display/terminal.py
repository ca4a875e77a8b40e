"""The live display: text that scrolls, rows that stay, one write a frame.

A frame is built as one string by a screen (`region`, or `inline` where the terminal has no scroll region) and handed
to the outlet as one write. A place that takes no bytes costs frames, never lines.
"""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, TypeAlias

from mainstage.core.clock import monotonic
from mainstage.core.unpatched import get_ident
from mainstage.ui.display import ansi
from mainstage.ui.display.cursor import PATIENCE, QUESTION, CursorProbe
from mainstage.ui.display.fd_writer import FdWriter
from mainstage.ui.display.inline import InlineScreen
from mainstage.ui.display.region import RegionScreen
from mainstage.ui.display.taskbar import Taskbar, is_shown
from mainstage.ui.display.tty_modes import ask_for_repaint, in_other_hands, modes_of
from mainstage.ui.display.write_watch import WriteWatch
from mainstage.ui.views import Size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mainstage.ui.display.cursor import KeyReader
    from mainstage.ui.state.run import RunState

    AnyScreen: TypeAlias = RegionScreen | InlineScreen

FALLBACK = Size(80, 24)
MOST_AT_ONCE = 16_000
"""Characters of text in one write: far less than a terminal's buffer holds, so that a write is seldom cut."""
NO_LINES: Sequence[tuple[list[str], int]] = (([], 0),)
ROOM_FOR_OTHERS = 2
"""Lines that the rows go down by with a picture while others write."""
SETTLING = 0.3
"""Seconds after a resize in which a multiplexer may have yet another size than it says: tmux tells one in 0.25 s."""
MULTIPLEXERS = ("tmux", "screen")
CURSOR_LAGS = "xterm-kitty"
"""Beginning of TERM for terminals that forget their cursor when a resize wraps lines below it."""
WITH_REGION = (
    *("xterm", "screen", "tmux", "rxvt", "alacritty", "kitty", "foot", "wezterm", "vte", "gnome", "konsole"),
    *("linux", "vscode", "ghostty", "iterm", "mintty", "putty", "st-", "contour", "rio", "nsterm", "apple", "vt100"),
    *("vt102", "vt220", "vt320", "vt420", "vt510", "vt520"),
)
"""Beginnings of TERM that name terminals with a scroll region (DECSTBM) whose text still goes to the history."""


def has_region(env: Mapping[str, str]) -> bool:
    """Return whether the terminal that `env` names is known to have a scroll region."""
    term = env.get("TERM", "").lower()
    return term.startswith(WITH_REGION) or term == "st"


def size_of(fd: int, env: Mapping[str, str]) -> Size:
    """Return the size that COLUMNS and LINES demand, else the terminal's, else 80x24."""
    return demanded_size(env, _real_size(fd) or FALLBACK)


def demanded_size(env: Mapping[str, str], real: Size) -> Size:
    """Return the size that COLUMNS and LINES demand, else the `real` one."""
    columns, rows = env.get("COLUMNS", ""), env.get("LINES", "")
    return Size(_count(columns) or real.columns, _count(rows) or real.rows)


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _real_size(fd: int) -> Size | None:
    try:
        columns, rows = os.get_terminal_size(fd)
    except (OSError, ValueError):
        return None
    return Size(columns, rows) if columns > 0 and rows > 0 else None


class TerminalDisplay:
    """A live display on the terminal behind `fd`.

    `env` decides size and abilities (default: the process's own environment); `region` overrules what TERM says of
    the scroll region; `encoding` is the stream's. Only the owner calls; `resized` and `emergency` are safe in a signal
    handler. Until the first `show` nothing is written.
    """

    def __init__(
        self, fd: int, *, env: Mapping[str, str] | None = None, region: bool | None = None, encoding: str = "utf-8"
    ) -> None:
        self._env = os.environ if env is None else env
        self._outlet = FdWriter(fd)
        self._encoding = encoding
        self._late = self._env.get("TERM", "").startswith(MULTIPLEXERS)
        self._settled_at = 0.0
        self._with_region = has_region(self._env) if region is None else region
        self._real = _real_size(fd) or size_of(fd, self._env)
        self._size: Size | None = None
        self._screen = self._new_screen()
        self._sent = 0  # lines of a show that was refused in the middle: they come again and are skipped
        self._closed = False
        self._guarded = False
        self._owner = 0
        self._busy = False
        self._moved = False
        self._rows: Sequence[str] = ()
        self._begun = ""
        self._standing = ""
        self._lost = False
        self._modes = modes_of(self._outlet.fd)
        self._taskbar = Taskbar(shown=is_shown(self._env))
        self._probe = CursorProbe(self._outlet.fd)
        self._watch: WriteWatch | None = None

    @property
    def broken(self) -> OSError | None:
        """Why the terminal is out of reach; None: it is not."""
        return self._outlet.broken

    @property
    def asking(self) -> bool:
        """Whether the keys are ours until the terminal has answered."""
        return self._probe.waiting

    def share_keys(self, keys: KeyReader) -> None:
        """Take the terminal's answers out of what `keys` reads, which lends the keys for that."""
        self._probe.keys = keys

    @property
    def pins(self) -> bool:
        """Whether rows stand below a scroll region, out of reach of what others write."""
        return isinstance(self._screen, RegionScreen)

    def size(self) -> Size:
        """Return the size to lay out for: COLUMNS and LINES where set, else the terminal's."""
        if self._size is None:
            self._size = size_of(self._outlet.fd, self._env)
        return self._size

    def resized(self) -> None:
        """Called when the terminal's size may have changed: repaint the rows.

        At once, from the owner's signal handler too: until then the terminal has no scroll region, and what others
        write runs over the rows. In the middle of a frame, or on another thread, it is left to the next `show`.
        """
        self._size = None
        self._moved = True
        idle = not (self._busy or self._sent or self._outlet.waiting)
        if idle and self._screen.live and self._owner == get_ident():
            self.show([], self._rows, self._begun)

    def stand(self, begun: str, *, stays: bool = True) -> bool:
        """Called when other code has written `begun` at the end of the text, and not ended the line.

        Unless it `stays`, the next picture erases it. Returns whether anything waits for its end: never.
        """
        line = ansi.clean_line(begun)
        self._standing = line if stays else ""
        self._screen.stand(line, stays=stays)
        return False

    def make_room(self, text: str) -> None:
        """Make room for `text`, which other code is about to write at the end of the text."""
        if self._screen.live and not self._closed:
            self._send(self._screen.make_room(text, self._clip(self._rows)))

    def wrote(self) -> None:
        """Take it that the room made was used, by whom it was made for."""
        self._written_by_others()

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
        """Add `above` to the text and show `rows` below it; False: not all of it, hand it in again, and more.

        The terminal is blocked then, or its size is not certain yet. Rows are cut to the width, and in the middle to
        the height: the last one stays. The cursor is at the end of `begun`, the last line of the text.
        """
        if self._closed or not self._outlet.alive:
            return True
        self._busy, self._owner = True, get_ident()
        try:
            return self._show(above, rows, ansi.clean_line(begun))
        finally:
            self._busy = False

    def _show(self, above: Sequence[str], rows: Sequence[str], begun: str) -> bool:
        if not self._outlet.flush():
            return False
        if in_other_hands(self._outlet.fd, self._modes):
            self._make_way()
            return False
        if self._outlet.cut:
            self._outlet.cut = False
            self._screen.forget()
        if self._standing:
            rows, begun = [begun, *rows] if begun else rows, self._standing
        self._rows, self._begun = rows, begun
        self._look_for_others()  # before anything that we write
        if rows and not self._ask_place(rows):
            return False
        settled = True
        for lines, count in _batches(above[self._sent :]) if above else NO_LINES:
            fitted = self._fit_to_size()  # before each: a resize does not wait for a flood to end
            settled = not self._settled_at or monotonic() >= self._settled_at
            frame = self._screen.frame(lines, self._clip(rows) if settled else [], begun)
            self._sent += count
            if not self._send(f"{fitted}{frame}{self._taskbar.take()}"):
                return False
        self._written_by_others()  # that was us
        if settled:
            self._sent = 0
        return settled

    def _ask_place(self, rows: Sequence[str]) -> bool:
        """Make rows that are not shown yet begin right below the text, where the terminal says where that is.

        Until it has said so, and where it does not, they are at the bottom. False: the terminal is blocked.
        """
        fitted = self._fit_to_size()
        screen = self._screen
        if isinstance(screen, InlineScreen):
            self._probe.read()
            return self._send(fitted)
        if self._probe.waiting:
            fitted += self._late_place(screen)
        if screen.drawn or monotonic() < self._settled_at or not self._probe.begin():
            return self._send(fitted)
        self._watch = self._watch or WriteWatch(self._outlet.fd)
        if not self._send(f"{fitted}{screen.begin(len(self._clip(rows)))}{QUESTION}"):
            return False
        line = self._probe.read(PATIENCE)
        if line is not None:
            screen.place(line)
        return True

    def _late_place(self, screen: RegionScreen) -> str:
        """Return what moves the rows from the bottom to below the text, if the terminal has answered by now."""
        line = self._probe.read()
        return "" if line is None else screen.place(line)

    def _look_for_others(self) -> None:
        """Move rows with room below them where others write by themselves; without such room leave them there."""
        screen = self._screen
        if isinstance(screen, InlineScreen) or not (screen.floating or self._probe.waiting):
            return
        if self._written_by_others():
            screen.owe(ROOM_FOR_OTHERS)
            screen.forget_place()

    def _written_by_others(self) -> bool:
        return self._watch is not None and self._watch.written()

    def _make_way(self) -> None:
        """Make the whole screen scroll: a program has it that reads keys one by one. It is repainted after that.

        What is on it now must not be erased: that program may have drawn it, in our region, so it is to draw again.
        """
        if self._screen.live:
            self._screen = self._new_screen()
            self._lost = True
            self._send(f"{ansi.ALL_ROWS}{ansi.SHOW}")
            ask_for_repaint(self._outlet.fd)

    def complete(self) -> bool:
        """Send what is left of a frame that was cut; False: the terminal has not taken all of it."""
        return self._outlet.flush()

    def stand_by(self, seconds: float) -> bool:
        """Wait up to `seconds` for a terminal that has yet to take the rest of a frame; False: it has all."""
        return self._outlet.stand_by(seconds)

    def tell(self, state: RunState, now: float) -> None:
        """Make the next frame show the window's own progress, where that is known to work."""
        self._taskbar.look(state, now)

    def suspend(self, question: str = "") -> bool:
        """Take the rows away and give the terminal back; the next `show` takes it again. `question` stays."""
        self._standing = ""
        self._probe.give_up()
        if self._closed or not (self._screen.live or question):
            return False
        asked = self._screen.ask(ansi.clean_line(question)) if question else ""
        self._send(asked + self._screen.leave() + self._taskbar.remove())
        return bool(question)

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Write `above` and then `rows` as text, give the terminal back, and write no more.

        Waits for a terminal that makes progress; gives up on one that takes nothing for three seconds.
        """
        if self._closed:
            return
        self._probe.close()
        if self._outlet.alive and self._outlet.drain():
            for lines, _ in _batches([*above[self._sent :], *rows]):
                self._send(self._fit_to_size() + self._screen.frame(lines, []))
                self._outlet.drain()
            self._send(self._taskbar.remove())
            self._outlet.drain()
        self._end()

    def emergency(self) -> None:
        """Give the terminal back with one write that waits for nothing; for a process about to die."""
        self._probe.emergency()
        if self._closed or not self._outlet.alive:
            return
        cut = self._outlet.waiting
        if cut or self._screen.live:
            start = f"{ansi.CANCEL}{ansi.RESTORE}{ansi.WRAP}{ansi.PLAIN}{ansi.SHOW}" if cut else ""
            back = f"{start}{self._screen.leave()}{self._taskbar.remove()}{ansi.END}"
            self._outlet.attempt(ansi.encode_text(back, self._encoding))
        self._end()

    def _end(self) -> None:
        self._closed = True
        if self._watch is not None:
            self._watch.close()
        self._outlet.close()
        self._guard(on=False)

    def _guard(self, *, on: bool) -> None:
        """See to it that the terminal is given back however the interpreter exits."""
        if on != self._guarded:
            self._guarded = on
            (atexit.register if on else atexit.unregister)(self.emergency)

    def _send(self, text: str) -> bool:
        if not text:
            return True
        self._guard(on=self._screen.live)
        return self._outlet.write(ansi.encode_text(f"{ansi.BEGIN}{text}{ansi.END}", self._encoding))

    def _clip(self, rows: Sequence[str]) -> Sequence[str]:
        limit = self._screen.limit
        return rows if len(rows) <= limit else [*rows[: limit - 1], rows[-1]]

    def _new_screen(self) -> AnyScreen:
        pinned = self._with_region and self._real.rows >= RegionScreen.LEAST_HEIGHT
        if not pinned:
            return InlineScreen(self._real.columns, self._real.rows)
        lags = self._env.get("TERM", "").startswith(CURSOR_LAGS)
        return RegionScreen(self._real.columns, self._real.rows, told_late=self._late, cursor_lags=lags)

    def _fit_to_size(self) -> str:
        """Return what the change of size asks for, if there was one: asked each frame, for not every resize tells."""
        real = _real_size(self._outlet.fd) or self._real
        if self._lost:
            self._lost, self._real, self._size, self._moved = False, real, None, False
            self._screen = self._new_screen()
            return f"{ansi.ALL_ROWS}{ansi.INDEX}\x1b[A{ansi.ERASE_ROWS}"
        if real == self._real and not self._moved:
            return ""
        self._real, self._size, self._moved = real, None, False
        if self._late:
            self._settled_at = monotonic() + SETTLING
        undo = self._screen.resized(*real)
        screen = self._new_screen()
        if type(screen) is not type(self._screen):
            self._screen = screen
        return undo


def _batches(above: Sequence[str]) -> Iterator[tuple[list[str], int]]:
    """Yield clean lines for one write each, and how many of `above` they are; nothing above is one empty batch.

    Batches of about one size: a short last one would be drawn with care for rows that are swept away anyway.
    """
    whole = sum(map(len, above)) + len(above)
    enough = whole / max(1, -(-whole // MOST_AT_ONCE))
    lines: list[str] = []
    start = characters = 0
    for index, text in enumerate(above):
        lines += ansi.lines((text,))
        characters += len(text) + 1
        if characters >= enough and index + 1 < len(above):
            yield lines, index + 1 - start
            lines, start, characters = [], index + 1, 0
    yield lines, len(above) - start
