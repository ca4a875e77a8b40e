"""Questions in the middle of a run: seen, answered, and the rows come back."""

from __future__ import annotations

import sys
import termios
from pathlib import Path

import pytest
from tests.system.terminals import ROW_MARKS, Pty

PROGRAM = str(Path(__file__).parent / "programs" / "asking.py")
FRAME = b"\x1b[?2026h"


def rows(program: Pty) -> list[str]:
    return [line for line in program.screen.lines() if line.startswith(ROW_MARKS)]


def asking(how: str, *more: str) -> Pty:
    return Pty([sys.executable, PROGRAM, how, *more], columns=60, rows=16)


def quiet_while_asked(program: Pty) -> None:
    """Fail if anything is drawn while the question stands, or stands beside it."""
    drawn = program.output.count(FRAME)
    program.read_for(0.4)
    assert program.output.count(FRAME) == drawn
    assert rows(program) == []


@pytest.mark.parametrize("how", ["input", "begun", "getpass", "early", "worker", "worker-away"])
def test_a_question_has_the_terminal_until_it_is_answered(how: str) -> None:
    with asking(how) as program:
        before = termios.tcgetattr(program._master)
        program.until(lambda: bool(rows(program)), what="rows")
        program.expect("Name?")
        quiet_while_asked(program)
        shown = [line for line in program.screen.lines() if line]
        assert shown[-1] == "Name?"
        if how == "input":
            assert shown[-2] == "before the question"
        program.send(b"Ada\n")
        program.expect("ANSWER Ada")
        program.until(lambda: bool(rows(program)), what="rows")
        assert program.wait() == 0, program.screen.text
        text = program.screen.text
        assert termios.tcgetattr(program._master) == before
    secret = how in ("getpass", "early")
    assert ("Name? Ada\n" in text) is not secret
    assert text.count("ANSWER Ada") == 1
    assert "▸" not in text


def test_a_question_within_a_pause_does_not_end_it() -> None:
    with asking("nested") as program:
        program.expect("First?")
        program.send(b"Ada\n")
        program.expect("Name?")
        quiet_while_asked(program)
        program.send(b"Lovelace\n")
        program.expect("ANSWER Ada Lovelace")
        assert program.wait() == 0, program.screen.text


def test_the_debugger_has_the_terminal_from_step_to_step_until_it_continues() -> None:
    with asking("pdb") as program:
        program.until(lambda: bool(rows(program)), what="rows")
        program.expect("(Pdb)")
        quiet_while_asked(program)
        program.send(b"p name\n")
        program.expect("'nobody'")
        for step in range(3):
            program.send(b"step\n")
            program.until(lambda step=step: program.screen.text.count("(Pdb)") == step + 3, what="a step")  # type: ignore[misc]
            quiet_while_asked(program)
        assert "heartbeat" not in program.screen.text
        program.send(b"continue\n")
        program.expect("ANSWER nobody!!")
        program.until(lambda: bool(rows(program)), what="rows")
        assert program.wait() == 0, program.screen.text


def test_a_plain_view_waits_for_the_answer() -> None:
    with asking("input", "plain") as program:
        program.expect("Name?")
        program.read_for(0.4)
        assert [line for line in program.screen.lines() if line][-1] == "Name?"
        program.send(b"Ada\n")
        assert program.wait() == 0, program.screen.text
        assert "Name? Ada\n" in program.screen.text


def test_a_question_is_left_by_ctrl_c() -> None:
    with asking("input") as program:
        program.expect("Name?")
        program.send(b"\x03")
        assert program.wait(10) == -2, program.screen.text
        assert "▸" not in program.screen.text


def test_answers_from_a_pipe_stop_no_frame(tmp_path: Path) -> None:
    shell = f"(sleep 1.5; echo Ada) | {sys.executable} {PROGRAM} input"
    with Pty(["sh", "-c", shell], columns=60, rows=16) as program:
        program.until(lambda: bool(rows(program)), what="rows")
        drawn = program.output.count(FRAME)
        program.read_for(0.6)
        assert program.output.count(FRAME) > drawn
        assert program.wait() == 0, program.screen.text
        assert "ANSWER Ada" in program.screen.text
