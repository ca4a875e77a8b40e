"""Plain places: streams, JSON lines, the log file, the silent place, and the fakes."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from mainstage.errors import DisplayError
from mainstage.events import SCHEMA, TaskEnded
from mainstage.ui.display import tty
from mainstage.ui.display.jsonl import JsonlDisplay
from mainstage.ui.display.logfile import LogFile
from mainstage.ui.display.recording import RecordingDisplay, Screen
from mainstage.ui.display.stream import NullDisplay, StreamDisplay
from mainstage.ui.views import Size

if TYPE_CHECKING:
    from pathlib import Path

    from mainstage.ui.display import Display


class Closed(io.StringIO):
    """A stream that is closed behind our back."""

    def write(self, text: str) -> int:  # noqa: ARG002  # the stream's signature
        raise ValueError("I/O operation on closed file")


def test_a_plain_place_gets_lines_above_first_then_the_rows() -> None:
    stream = io.StringIO()
    display = StreamDisplay(stream)
    assert display.show(["above"], ["row"])
    display.resized()
    display.suspend()
    display.close(["last"], ["summary"])
    display.close(["no"], ["more"])
    display.show(["no"], ["more"])
    assert stream.getvalue() == "above\nrow\nlast\nsummary\n"


def test_a_plain_place_gets_no_controls_but_colours() -> None:
    stream = io.StringIO()
    StreamDisplay(stream).show(["\x1b[2J\x1b[31mred\nnext"], [])
    assert stream.getvalue() == "\x1b[31mred\x1b[0m\nnext\n"


def test_a_plain_place_takes_what_its_encoding_cannot_say(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as stream:
        stream.write("before\n")
        display = StreamDisplay(stream)
        display.show(["caf\udce9 ━"], [])
        display.close([], [])
    assert (tmp_path / "out").read_text() == "before\ncaf\\udce9 \\u2501\n"


def test_a_broken_plain_place_is_silent() -> None:
    display = StreamDisplay(Closed())
    assert display.show(["lost"], [])
    assert display.broken is not None
    display.close(["lost"], [])


def test_a_pipe_without_a_reader_is_silent() -> None:
    read, write = os.pipe()
    os.close(read)
    display = StreamDisplay(write)
    display.show(["lost"], [])
    assert isinstance(display.broken, BrokenPipeError)
    display.close(["lost"], [])
    os.close(write)


class Console:
    """A Windows console as Python's stream for it shows one: it takes UTF-8, and not too much of it at once."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.calls.append(bytes(data))
        return len(data)


def test_a_windows_console_gets_whole_characters_and_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console()
    monkeypatch.setattr(tty, "POSIX", False)
    monkeypatch.setattr(tty, "_console", lambda _: console)
    read, write = os.pipe()
    display = StreamDisplay(write)
    display.show(["\x1b[31m✔ é中\x1b[0m", "━" * 20_000], [])
    display.close([], ["end"])
    assert max(map(len, console.calls)) <= tty.CONSOLE_ROOM
    assert "".join(data.decode() for data in console.calls) == f"✔ é中\n{'━' * 20_000}\nend\n"
    tty.write_all(write, "é".encode() * 10_000)
    assert "".join(data.decode() for data in console.calls).endswith("end\n" + "é" * 10_000)
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)


def test_a_full_disk_is_silent() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    display = StreamDisplay(fd)
    display.show(["lost"], [])
    assert display.broken is not None
    os.close(fd)


def test_a_full_pipe_refuses_and_loses_no_line() -> None:
    read, write = os.pipe()
    display = StreamDisplay(write)
    sent: list[str] = []
    while display.show([line := f"line {len(sent)} {'x' * 1000}"], []):
        sent.append(line)
    written = b""
    while not display.show([], []) or len(written) < sum(len(line) + 1 for line in sent):
        written += os.read(read, 65536)
    display.close(["end"], [])
    written += os.read(read, 65536)
    assert written.decode().splitlines() == [*sent, "end"]
    for fd in (read, write):
        os.close(fd)


def test_json_lines_begin_with_the_schema_and_ignore_pictures() -> None:
    stream = io.StringIO()
    display = JsonlDisplay(stream)
    display.record(TaskEnded(1.5, 7, 1, 10))
    display.show(["above"], ["row"])
    display.close(["above"], ["row"])
    head, event = stream.getvalue().splitlines()
    assert json.loads(head)["schema"] == SCHEMA
    assert "TaskEnded" in event or "ended" in event.lower()
    assert json.loads(event)


def test_the_log_file_has_every_line_with_its_time_and_no_colours(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text("yesterday\n")
    log = LogFile(path)
    log.write(["\x1b[31mred\x1b[0m caf\udce9", "two\nthree"], 0.25)
    written = path.read_text(encoding="utf-8")  # flushed, though not closed
    log.close()
    log.write(["late"], 1.0)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert written.splitlines() == lines
    assert [line.split(" ", 2)[2] for line in lines[1:]] == ["red caf\\udce9", "two", "three"]
    assert lines[1].split("+")[0].endswith(".250")


def test_a_log_file_that_cannot_be_opened_says_which_and_why(tmp_path: Path) -> None:
    with pytest.raises(DisplayError, match=r"nowhere/run\.log: No such file"):
        LogFile(tmp_path / "nowhere" / "run.log")


def test_a_log_file_on_a_full_disk_goes_silent() -> None:
    log = LogFile("/dev/full")
    log.write(["lost"], 0.0)
    assert log.broken is not None
    log.write(["lost"], 0.0)
    log.close()


def test_the_silent_place_and_the_fakes_are_displays() -> None:
    places: list[Display] = [NullDisplay(), RecordingDisplay(), StreamDisplay(io.StringIO())]
    for place in places:
        assert place.show(["line"], ["row"])
        place.resized()
        place.suspend()
        place.close([], [])
        assert place.size() == Size(80, 24)
        assert place.broken is None


def test_a_recording_keeps_frames_and_refuses_them_while_blocked() -> None:
    display = RecordingDisplay(40, 10)
    display.show(["one"], ["row"])
    display.blocked = True
    assert not display.show(["two"], ["row"])
    display.blocked = False
    display.show(["two"], ["row 2"])
    assert display.history == ["one", "two"]
    assert display.rows == ["row 2"]
    display.close(["three"], ["summary"])
    assert display.history == ["one", "two", "three"]
    assert display.rows == ["summary"]


def test_a_screen_shows_what_a_terminal_shows() -> None:
    screen = Screen(10, 3)
    screen.feed(b"one\r\ntwo\r\nx")
    screen.feed("\r\n漢字漢字x漢".encode())
    assert screen.history() == ["one", "two"]
    assert screen.lines() == ["x", "漢字漢字x", "漢"]
    assert screen.text == "one\ntwo\nx\n漢字漢字x\n漢"
    screen.feed(b"\x1b[2;2Hy")
    assert screen.lines()[1] == " y字漢字x"
