"""The live display on a pty: what it writes, and what it does with a terminal that is blocked, slow, small or gone."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import threading
import tty
from typing import TYPE_CHECKING

import pytest

from mainstage.core import unpatched
from mainstage.core.clock import monotonic
from mainstage.ui.display import terminal as terminal_module
from mainstage.ui.display.fd_writer import FdWriter
from mainstage.ui.display.recording import Screen
from mainstage.ui.display.terminal import TerminalDisplay, has_region, size_of
from mainstage.ui.views import Size

if TYPE_CHECKING:
    from collections.abc import Iterator

ENV = {"TERM": "xterm-256color"}


class Terminal:
    """A pty whose other end we hold: nothing is read before `read`."""

    def __init__(self, columns: int = 40, rows: int = 10) -> None:
        self.master, self.fd = pty.openpty()
        tty.setraw(self.fd)
        self.screen = Screen(columns, rows)
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(columns, rows)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> bytes:
        """Return what has been written, and show it on the screen."""
        data = b""
        while select.select([self.master], [], [], 0.02)[0]:
            data += os.read(self.master, 65536)
        self.screen.feed(data)
        return data

    def close(self) -> None:
        for fd in (self.master, self.fd):
            os.close(fd)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    place = Terminal()
    yield place
    place.close()


def test_nothing_is_written_before_the_first_picture_nor_where_there_is_none(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.resized()
    display.suspend()
    display.emergency()
    TerminalDisplay(terminal.fd, env=ENV).close([], [])
    assert terminal.read() == b""


def test_a_frame_is_one_write_in_one_synchronized_update(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    real = os.write

    def write_and_note(fd: int, data: bytes) -> int:
        writes.append(bytes(data))
        return real(fd, data)

    monkeypatch.setattr(unpatched, "write", write_and_note)
    display = TerminalDisplay(terminal.fd, env=ENV)
    for number in range(4):
        assert display.show([f"line {number}"], [f"row {n} {number}" for n in range(5)])
    display.show([], [f"row {n} 3" for n in range(5)])
    monkeypatch.undo()
    assert len(writes) == 4  # the last picture was no other one
    for write in writes:
        assert write.startswith(b"\x1b[?2026h")
        assert write.endswith(b"\x1b[?2026l")
        assert write.count(b"\x1b[?2026") == 2
    display.close([], [])


def test_text_scrolls_rows_stay_and_the_last_picture_is_text(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([f"line {n}" for n in range(12)], ["one", "two"])
    terminal.read()
    assert terminal.screen.lines()[-3:] == ["", "one", "two"]
    assert terminal.screen.cursor_hidden
    display.close(["the last line"], ["summary"])
    terminal.read()
    assert terminal.screen.text.split("\n") == [*(f"line {n}" for n in range(12)), "the last line", "summary"]
    assert not terminal.screen.cursor_hidden


def test_suspended_the_terminal_has_no_rows_and_gets_them_back(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show(["line"], ["row"])
    display.suspend()
    terminal.read()
    assert terminal.screen.text == "line"
    assert not terminal.screen.cursor_hidden
    assert terminal.screen._screen.margins is None
    display.show([], ["row"])
    terminal.read()
    assert terminal.screen.lines()[-1] == "row"
    display.close([], [])


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 10])
def test_any_height_takes_any_number_of_rows(terminal: Terminal, rows: int) -> None:
    terminal.resize(40, rows)
    display = TerminalDisplay(terminal.fd, env=ENV)
    for number in range(5):
        display.show([f"line {number}"], [f"row {n}" for n in range(30)])
        terminal.read()
        assert terminal.screen.lines()[-1] == "row 29" if rows > 1 else "row" in terminal.screen.lines()[0]
    display.close([], ["summary"])
    terminal.read()
    assert terminal.screen.text.split("\n") == [*(f"line {n}" for n in range(5)), "summary"]


@pytest.mark.parametrize("sizes", [[(40, 20)], [(40, 2), (40, 12)], [(40, 1), (40, 3), (40, 10)], [(60, 10)]])
def test_rows_are_repainted_at_once_where_the_size_changes(terminal: Terminal, sizes: list[tuple[int, int]]) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([], ["row " + "x" * 60])
    for columns, rows in sizes:
        terminal.read()
        terminal.resize(columns, rows)
        display.resized()
        terminal.read()
        assert display.size() == Size(columns, rows)
        assert terminal.screen.lines()[-1 if rows > 3 else 0] == ("row " + "x" * 60)[:columns]
    display.close([], [])


def test_a_resize_that_nobody_told_is_seen_at_the_next_frame(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([], ["row"])
    terminal.read()
    terminal.resize(40, 20)
    display.show([], ["row"])
    terminal.read()
    assert terminal.screen.lines()[-1] == "row"
    display.close([], [])


def test_where_the_size_is_told_late_the_rows_wait_and_the_text_does_not(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(terminal_module, "monotonic", lambda: now)
    display = TerminalDisplay(terminal.fd, env={"TERM": "tmux-256color"})
    assert display.show([], ["row"])
    terminal.read()
    display.resized()
    terminal.read()
    assert terminal.screen.text == ""
    assert not display.show(["one"], ["row"])
    assert not display.show(["one", "two"], ["row"])
    now += terminal_module.SETTLING
    assert display.show(["one", "two", "three"], ["row"])
    terminal.read()
    assert [line for line in terminal.screen.lines() if line] == ["one", "two", "three", "row"]
    display.close([], [])


def stop(terminal: Terminal) -> None:
    """Do as Ctrl-S does."""
    termios.tcflow(terminal.fd, termios.TCOOFF)


def go_on(terminal: Terminal) -> None:
    termios.tcflow(terminal.fd, termios.TCOON)


def test_a_stopped_terminal_costs_frames_and_never_lines(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show(["line 0"], ["row 0"])
    stop(terminal)
    waiting: list[str] = []
    for number in range(1, 50):
        waiting.append(f"line {number}")
        if display.show(waiting, [f"row {number}"]):
            waiting = []
    assert len(waiting) >= 47
    terminal.read()
    go_on(terminal)
    assert display.show([*waiting, "line 50"], ["row 50"])
    written = terminal.read()
    display.close([], [])
    terminal.read()
    assert terminal.screen.text.split("\n") == [f"line {n}" for n in range(51)]
    assert b"row 50" in written
    assert b"row 30" not in written


def test_a_stopped_terminal_holds_nobody_up_for_long(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([], ["row"])
    stop(terminal)
    display.show(["line"], ["row 1"])
    began = monotonic()
    for number in range(100):
        display.show(["line"], [f"row {number}"])
    assert monotonic() - began < 0.5
    display.close(["end"], [])
    assert monotonic() - began < 30


def test_a_terminal_that_takes_a_frame_in_parts_gets_all_of_it_in_order(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    lines = [f"line {n:05d} {'x' * 25}" for n in range(8000)]
    done = threading.Event()

    def read() -> None:
        while not done.is_set() or select.select([terminal.master], [], [], 0)[0]:
            if select.select([terminal.master], [], [], 0.01)[0]:
                terminal.screen.feed(os.read(terminal.master, 999))

    reader = threading.Thread(target=read)
    left, sent = lines, 0
    while left and not display.show(left, [f"row {sent}"]):
        sent += 1
        if sent == 3:
            reader.start()
    assert sent >= 3
    display.close([], [])
    done.set()
    reader.join(30)
    assert terminal.screen.text.split("\n") == lines


def test_after_a_cut_all_rows_are_written_again(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([], ["still", "row"])
    terminal.read()
    display._outlet.cut = True
    display.show([], ["still", "row!"])
    assert b"still" in terminal.read()
    display.close([], [])


def test_the_shared_terminal_stays_blocking(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([], ["row"])
    assert os.get_blocking(terminal.fd)
    display.close([], [])
    assert os.get_blocking(terminal.fd)


def test_a_terminal_that_somebody_made_non_blocking_is_no_trouble(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mainstage.ui.display.tty.reopen", lambda _: None)
    os.set_blocking(terminal.fd, False)
    display = TerminalDisplay(terminal.fd, env=ENV)
    while display.show(["x" * 40] * 100, ["row"]):
        pass
    display.close([], [])
    assert display.broken is None


def test_a_shared_descriptor_is_written_to_when_it_is_ready_only(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mainstage.ui.display.tty.reopen", lambda _: None)
    display = TerminalDisplay(terminal.fd, env=ENV)
    assert display.show(["line"], ["row"])
    stop(terminal)
    assert not display.show(["line 2"], ["row"])
    go_on(terminal)
    assert display.show(["line 2"], ["row"])
    display.close([], [])
    terminal.read()
    assert terminal.screen.text == "line\nline 2"


def test_a_terminal_that_goes_away_breaks_the_display_silently() -> None:
    place = Terminal()
    display = TerminalDisplay(place.fd, env=ENV)
    display.show([], ["row"])
    os.close(place.master)
    assert display.show(["lost"], ["row 2"]) in (True, False)
    assert display.broken is not None
    assert display.show(["lost"], ["row 3"])
    display.resized()
    display.suspend()
    display.emergency()
    display.close(["lost"], [])
    os.close(place.fd)


def test_a_closed_descriptor_breaks_the_display_silently() -> None:
    place = Terminal()
    os.close(place.fd)
    display = TerminalDisplay(place.fd, env=ENV)
    display.show(["lost"], ["row"])
    assert display.broken is not None
    assert display.size() == Size(80, 24)
    display.close([], [])
    os.close(place.master)


def test_a_forked_child_writes_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([], ["row"])
    terminal.read()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        assert display.show(["line"], ["other row"])
        display.resized()
        display.suspend()
        display.emergency()
        assert terminal.read() == b""
    display.close([], [])


def test_the_emergency_exit_gives_the_terminal_back_in_one_write(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show(["line"], ["row 1", "row 2"])
    terminal.read()
    display.emergency()
    assert terminal.read().endswith(b"\x1b[?2026l")
    assert terminal.screen.text == "line"
    assert not terminal.screen.cursor_hidden
    assert terminal.screen._screen.margins is None
    display.show(["nothing"], ["more"])
    display.close(["nothing"], ["more"])
    assert terminal.read() == b""


def test_the_emergency_exit_does_not_wait_for_a_stopped_terminal(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV)
    display.show([], ["row"])
    stop(terminal)
    display.show([], ["row 2"])
    began = monotonic()
    display.emergency()
    assert monotonic() - began < 0.04


@pytest.mark.parametrize(
    ("env", "size"),
    [
        ({}, Size(40, 10)),
        ({"COLUMNS": "100"}, Size(100, 10)),
        ({"COLUMNS": "100", "LINES": "50"}, Size(100, 50)),
        ({"COLUMNS": "wide", "LINES": "0"}, Size(40, 10)),
    ],
)
def test_columns_and_lines_overrule_the_terminal(terminal: Terminal, env: dict[str, str], size: Size) -> None:
    assert size_of(terminal.fd, env) == size


def test_rows_laid_out_for_a_size_that_was_demanded_are_cut_to_the_real_one(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env={**ENV, "COLUMNS": "100", "LINES": "50"})
    assert display.size() == Size(100, 50)
    display.show([], [f"row {n} " + "x" * 90 for n in range(48)])
    terminal.read()
    assert terminal.screen.lines()[-1] == ("row 47 " + "x" * 90)[:40]
    assert terminal.screen.history() == []
    display.close([], [])


@pytest.mark.parametrize(
    ("term", "region"),
    [
        *((term, True) for term in ("xterm-256color", "tmux-256color", "linux", "xterm-kitty", "st", "st-256color")),
        *((term, False) for term in ("", "dumb", "ansi-mystery", "strange")),
    ],
)
def test_a_scroll_region_is_used_where_the_terminal_is_known_to_have_one(term: str, region: bool) -> None:  # a case
    assert has_region({"TERM": term}) is region


def test_an_unknown_terminal_gets_inline_rows(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env={"TERM": "mystery"})
    display.show(["line"], ["row"])
    assert b"r\x1b8" not in terminal.read()
    assert terminal.screen.text == "line\nrow"
    display.close([], [])


def test_what_the_encoding_cannot_say_is_a_question_mark(terminal: Terminal) -> None:
    display = TerminalDisplay(terminal.fd, env=ENV, encoding="ascii")
    display.show(["caf\udce9 ━"], [])
    terminal.read()
    assert terminal.screen.text == "caf? ?"
    display.close([], [])


def test_a_pipe_is_never_waited_for_longer_than_asked() -> None:
    read, write = os.pipe()
    outlet = FdWriter(write)
    while outlet.write(b"x" * 65536):
        pass
    began = monotonic()
    assert not outlet.flush()
    assert monotonic() - began < 0.04
    for fd in (read, write):
        os.close(fd)
