"""What holds the exit of a stopped program, and one more Ctrl-C then."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from tests.system.terminals import Pty

PROGRAM = str(Path(__file__).parent / "exits.py")
CTRL_C = b"\x03"
SOON = 10.0


def interrupted_again(program: Pty, said: str) -> None:
    """Interrupt, wait until it says what it is at, and do so again: it ends at once, without a traceback."""
    program.expect("READY")
    program.send(CTRL_C)
    program.expect(said, seconds=SOON)
    assert program.process.poll() is None
    assert "stopped by Ctrl-C" in program.screen.text
    program.send(CTRL_C)
    assert program.wait(SOON) == -signal.SIGINT
    assert program.screen.text.count("HOOK") == 1, program.screen.text
    assert "Traceback" not in program.screen.text
    assert "Exception ignored" not in program.screen.text


@pytest.mark.parametrize(("words", "name"), [(("thread", "uploader"), "uploader"), (("pool",), "theirs_0")])
def test_a_thread_of_the_users_is_named_and_one_more_ctrl_c_leaves_it_behind(words: tuple[str, ...], name: str) -> None:
    with Pty([sys.executable, PROGRAM, *words]) as program:
        interrupted_again(program, f"waiting for thread {name}")


def test_ctrl_c_in_a_handler_of_the_users_for_the_first_one_prints_no_traceback() -> None:
    with Pty([sys.executable, PROGRAM, "handler"]) as program:
        interrupted_again(program, "HANDLING")


def test_nothing_is_said_where_nothing_holds_the_exit() -> None:
    with Pty([sys.executable, PROGRAM]) as program:
        program.expect("READY")
        program.send(CTRL_C)
        assert program.wait(SOON) == -signal.SIGINT
        assert program.screen.text.count("HOOK") == 1
        assert "waiting" not in program.screen.text
