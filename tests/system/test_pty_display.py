"""The live display of a program on a pty, with the keys that a user has."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import Pty

if TYPE_CHECKING:
    from pathlib import Path

COUNTER = """
import signal, sys, threading
from mainstage.ui.display.terminal import TerminalDisplay

display = TerminalDisplay(1)
signal.signal(signal.SIGWINCH, lambda *_: display.resized())
waiting, turn, end = [], 0, threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: end.set())
while not end.is_set():
    turn += 1
    waiting.append(f"line {turn}")
    if display.show(waiting, [f"turn {turn}", "x" * 200]):
        waiting = []
    end.wait(0.02)
display.close(waiting, [f"{turn} turns"])
"""


def counter(folder: Path) -> Pty:
    script = folder / "counter.py"
    script.write_text(COUNTER, encoding="utf-8")
    return Pty([sys.executable, str(script)], columns=40, rows=12)


def test_a_user_who_stops_the_terminal_stops_neither_the_program_nor_any_line(tmp_path: Path) -> None:
    with counter(tmp_path) as pty:
        pty.expect("line 5")
        pty.send(b"\x13")  # Ctrl-S
        pty.read_for(0.5)
        held = len(pty.output)
        pty.read_for(0.5)
        assert len(pty.output) == held
        pty.send(b"\x11")  # Ctrl-Q
        pty.until(lambda: len(pty.output) > held)
        pty.process.send_signal(signal.SIGUSR1)
        assert pty.wait() == 0
        *lines, last = pty.screen.text.split("\n")
        assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]
        assert last == f"{len(lines)} turns"
        assert len(lines) > 30
        assert not pty.screen.cursor_hidden


def test_every_read_of_a_frame_ends_with_the_end_of_an_update(tmp_path: Path) -> None:
    with counter(tmp_path) as pty:
        pty.expect("line 20")
        pty.process.send_signal(signal.SIGUSR1)
        assert pty.wait() == 0
        frames = bytes(pty.output).split(b"\x1b[?2026h")
        assert frames[0] == b""
        assert all(frame.endswith(b"\x1b[?2026l") for frame in frames[1:])
        assert len(frames) > 20


def test_a_program_that_is_killed_by_ctrl_c_leaves_the_cursor_shown(tmp_path: Path) -> None:
    with counter(tmp_path) as pty:
        pty.expect("line 3")
        pty.send(b"\x03")
        assert pty.wait() in (1, -signal.SIGINT)
        assert not pty.screen.cursor_hidden
        assert "turn" not in pty.screen.lines()[-1]


FAILING = """
import mainstage, time

def load(path):
    time.sleep(0.2)
    raise ValueError(path)

if __name__ == "__main__":
    with mainstage.Run("job", max_workers=2, on_error="collect", log="run.log") as run:
        list(run.map(load, ["a", "b", "c", "d", "e", "f"]))
"""


@pytest.mark.parametrize("linked", ["1", "0"])
def test_failures_and_the_log_are_links_to_files_where_the_terminal_takes_them(tmp_path: Path, linked: str) -> None:
    script = tmp_path / "load.py"
    script.write_text(FAILING, encoding="utf-8")
    argv = ["sh", "-c", f"cd {tmp_path}; {sys.executable} load.py"]
    with Pty(argv, columns=100, rows=30, env={"FORCE_HYPERLINK": linked}) as pty:
        assert pty.wait() == 0
        shown = bytes(pty.output).decode()
        begun = [part.partition("\x1b\\")[0] for part in shown.split("\x1b]8;;")[1:]]
        files = {address.partition("//")[2].partition("/")[2] for address in begun if address}
        assert begun.count("") * 2 == len(begun)
        assert files == ({f"{script}"[1:], f"{tmp_path}/run.log"[1:]} if linked == "1" else set())
        assert "  log: run.log" in pty.screen.text
        assert "✗ a: ValueError: a\n" in pty.screen.text


def test_a_pipe_gets_no_links(tmp_path: Path) -> None:
    script = tmp_path / "load.py"
    script.write_text(FAILING, encoding="utf-8")
    env = {"FORCE_HYPERLINK": "1", "PATH": "/usr/bin", "TERM": "xterm-kitty"}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=env, capture_output=True, check=True)
    assert b"ValueError: a" in done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
