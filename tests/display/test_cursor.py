"""The question for the cursor's line: asked where nobody is harmed, no key lost, no answer left."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import termios
import threading
from typing import TYPE_CHECKING

import pytest

from mainstage.core import stdin as shared
from mainstage.ui.display import cursor, tty_modes
from mainstage.ui.display.cursor import CursorProbe
from mainstage.ui.display.write_watch import WriteWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

ENOUGH = 5.0


class Line:
    """A terminal whose other end is the test's; this process is in its foreground as far as it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.foreground = True
        self.master, self.slave = os.openpty()
        monkeypatch.setattr(tty_modes.Modes, "foreground", lambda _: self.foreground)
        monkeypatch.setattr(CursorProbe, "mute", False)
        monkeypatch.setattr(shared, "_typed", bytearray())
        monkeypatch.setattr(shared, "_late", [])
        self.stdin = os.fdopen(os.dup(self.slave), "r", encoding="utf-8")
        self.before = termios.tcgetattr(self.slave)
        self.probe = CursorProbe(self.slave, self.stdin)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def type_before(self, keys: bytes) -> None:
        """Type, and wait for the echo: the terminal has it then."""
        self.type(keys)
        seen = b""
        while len(seen) < len(keys):
            seen += os.read(self.master, 1000)

    def left(self) -> bytes:
        """Return what a program would read now, key by key."""
        modes = tty_modes.Modes(self.slave)
        assert modes.take()
        left = os.read(self.slave, 1000) if modes.waiting() else b""
        modes.give_back()
        return left

    def echoed(self) -> bytes:
        os.set_blocking(self.master, False)
        try:
            return os.read(self.master, 1000)
        except BlockingIOError:
            return b""


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    made = Line(monkeypatch)
    yield made
    made.probe.close()
    assert termios.tcgetattr(made.slave) == made.before
    made.stdin.close()
    os.close(made.slave)
    os.close(made.master)


def test_the_line_is_what_the_terminal_answers_and_nothing_is_left_of_it(line: Line) -> None:
    assert line.probe.begin()
    line.type(b"\x1b[12;1R")
    assert line.probe.read(ENOUGH) == 12
    assert not line.probe.waiting
    assert line.left() == b""
    assert line.echoed() == b""


def test_an_answer_in_pieces_is_one(line: Line) -> None:
    assert line.probe.begin()
    for piece in (b"\x1b", b"[3", b";4"):
        line.type(piece)
        assert line.probe.read() is None
    line.type(b"0R")
    assert line.probe.read(ENOUGH) == 3


@pytest.mark.parametrize("typed", [b"abc", b"a line\n"])
def test_where_something_was_typed_before_nothing_is_asked(line: Line, typed: bytes) -> None:
    line.type_before(typed)
    assert not line.probe.begin()
    assert line.left().replace(b"\r", b"\n") == typed


@pytest.mark.parametrize("allowed", [True, False])
def test_a_key_between_question_and_answer_is_not_lost(
    line: Line, monkeypatch: pytest.MonkeyPatch, *, allowed: bool
) -> None:
    put: list[bytes] = []

    def type_again(_: int, typed: bytes) -> bytes:
        put.append(typed)
        return b"" if allowed else typed

    monkeypatch.setattr(cursor, "type_again", type_again)
    assert line.probe.begin()
    line.type(b"x\x1b[Ay")
    line.type(b"\x1b[5;1Rz")
    assert line.probe.read(ENOUGH) == 5
    assert put == [b"x\x1b[Ay"]
    assert shared.take_typed() == (b"" if allowed else b"x\x1b[Ay")
    assert line.left() == b"z"


def refuse(*_: object, **__: object) -> object:
    raise OSError(errno.EIO, "refused by the test")


@pytest.mark.parametrize(
    "call",
    [
        "mainstage.core.unpatched.read",
        "os.fstat",
        "pathlib.Path.read_text",
        "mainstage.core.unpatched.poll",
        "fcntl.ioctl",
        "os.ttyname",
    ],
)
def test_a_call_that_the_system_refuses_costs_the_place_and_nothing_else(
    line: Line, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(call, refuse)
        if line.probe.begin():
            line.type(b"x\x1b[5;1R")
            assert line.probe.read(0.1) in (5, None)
            line.probe.give_up()
        assert CursorProbe(line.slave, line.stdin) is not None
        watch = WriteWatch(line.slave)
        assert not watch.written()
        watch.close()
    assert not line.probe.waiting


class Keys:
    """Waits for the keys of the line's terminal, and keeps what it is given."""

    def __init__(self, line: Line) -> None:
        self.modes = tty_modes.Modes(line.slave)
        self.got = b""

    def lend(self, modes: tty_modes.Modes) -> bool:
        if not self.modes.taken:
            return False
        modes.take_over(self.modes)
        return True

    def take_over(self, modes: tty_modes.Modes) -> None:
        self.modes.take_over(modes)

    def typed(self, data: bytes) -> None:
        self.got += data


def test_where_keys_are_waited_for_a_key_in_between_is_one(line: Line) -> None:
    keys = line.probe.keys = Keys(line)
    assert line.probe.begin()
    line.type(b"\t\x1b[5;1R")
    assert line.probe.read(ENOUGH) == 5
    assert keys.got == b"\t"
    keys.modes.give_back()
    assert line.left() == b""


@pytest.mark.parametrize("answered", [True, False])
def test_keys_that_are_waited_for_are_lent_for_the_question_and_never_echoed(line: Line, *, answered: bool) -> None:
    keys = line.probe.keys = Keys(line)
    assert keys.modes.take()
    line.type(b"a")
    assert line.probe.begin()
    line.type(b"b\x1b[5;1R" if answered else b"b")
    if not answered:
        line.probe._until = 0.0
    assert line.probe.read(ENOUGH if answered else 0) == (5 if answered else None)
    assert keys.got == b"ab"
    assert keys.modes.taken
    assert not tty_modes.reads_lines(line.slave)
    assert line.echoed() == b""
    keys.modes.give_back()


def test_who_waits_for_keys_has_the_modes_after_the_answer_without_a_moment_in_between(line: Line) -> None:
    keys = line.probe.keys = Keys(line)
    heir = keys.modes
    assert line.probe.begin()
    line.type(b"\x1b[5;1R\t")
    assert line.probe.read(ENOUGH) == 5
    assert not line.probe.waiting
    assert heir.taken
    assert not tty_modes.reads_lines(line.slave)
    assert os.read(line.slave, 9) == b"\t"
    heir.give_back()
    assert tty_modes.reads_lines(line.slave)
    assert line.probe.begin()
    line.type(b"\x1b[5;1R")
    line.probe.give_up()
    assert tty_modes.reads_lines(line.slave)


def test_a_late_answer_is_taken_and_one_that_never_comes_is_asked_for_once(line: Line) -> None:
    assert line.probe.begin()
    assert line.probe.read() is None
    line.type(b"\x1b[7;1R")
    assert line.probe.read(ENOUGH) == 7
    assert line.probe.begin()
    line.probe._until = 0.0
    assert line.probe.read() is None
    assert not line.probe.waiting
    assert not line.probe.begin()


def test_nothing_is_asked_in_the_background_or_while_another_reads(line: Line) -> None:
    line.foreground = False
    assert not line.probe.begin()
    line.foreground = True
    with shared.Reading():
        assert not line.probe.begin()
    assert line.probe.begin()


def test_nothing_is_asked_where_a_child_may_read_the_answer(line: Line) -> None:
    code = "print(flush=True); import os; os.read(0, 1)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=line.slave, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        while line.probe.begin():  # it comes to its read any moment
            line.probe.emergency()
        assert not line.probe.begin()
        line.type(b"\n")
        child.wait()
    deaf = subprocess.Popen(["sleep", "100"], stdin=subprocess.DEVNULL)
    assert line.probe.begin()
    deaf.kill()
    deaf.wait()


def test_an_answer_that_comes_once_nobody_waits_for_it_is_no_part_of_what_is_read(line: Line) -> None:
    assert line.probe.begin()
    line.probe._until = 0.0
    line.probe.give_up()
    assert shared.before("x\x1b[12;1Ry\n", b"", "utf-8") == "xy\n"
    assert shared.before("\x1b[12;1R\n", b"", "utf-8") == "\x1b[12;1R\n"


def test_where_keys_are_read_one_by_one_already_nothing_is_asked(line: Line) -> None:
    keys = tty_modes.Modes(line.slave)
    assert keys.take()
    assert not line.probe.begin()
    keys.give_back()
    assert line.probe.begin()


def test_without_stdins_terminal_nothing_is_asked(line: Line) -> None:
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123  # it is a stream that is wanted
        assert not CursorProbe(line.slave, nothing).begin()


def test_the_thread_that_reads_is_known_for_as_long_as_it_does() -> None:
    assert not shared.being_read()
    inside, out = threading.Event(), threading.Event()

    def read() -> None:
        with shared.Reading():
            inside.set()
            out.wait(ENOUGH)

    thread = threading.Thread(target=read)
    thread.start()
    assert inside.wait(ENOUGH)
    assert shared.being_read()
    out.set()
    thread.join()
    assert not shared.being_read()


def test_what_was_kept_comes_before_what_is_read() -> None:
    assert shared.before("c\n", b"ab", "utf-8") == "abc\n"
    assert shared.before(b"c\n", b"ab", "utf-8") == b"abc\n"
    assert shared.before(7, b"ab", "utf-8") == 7
