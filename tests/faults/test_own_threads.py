"""A thread of the user's that holds the exit of a stopped program."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.system.terminals import Pty

PROGRAM = str(Path(__file__).parent / "own_thread.py")
CTRL_C = b"\x03"
SOON = 10.0


def test_it_is_named_on_the_last_screen_and_one_more_ctrl_c_leaves_it_behind() -> None:
    with Pty([sys.executable, PROGRAM, "uploader"]) as program:
        program.expect("READY")
        program.send(CTRL_C)
        program.expect("waiting for thread uploader", seconds=SOON)
        assert program.process.poll() is None
        assert "stopped by Ctrl-C" in program.screen.text
        program.send(CTRL_C)
        assert program.wait(SOON) == -signal.SIGINT
        assert program.screen.text.count("HOOK") == 1, program.screen.text
        assert "Traceback" not in program.screen.text
        assert "Exception ignored" not in program.screen.text


def test_nothing_is_said_where_nothing_holds_the_exit() -> None:
    with Pty([sys.executable, PROGRAM]) as program:
        program.expect("READY")
        program.send(CTRL_C)
        assert program.wait(SOON) == -signal.SIGINT
        assert program.screen.text.count("HOOK") == 1, program.screen.text
        assert "waiting" not in program.screen.text
