"""Ctrl-C once, twice and three times, and the other signals: how a run ends, and how it gives the terminal back."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import termios
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import QUESTION, Pty

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = str(Path(__file__).parent / "programs" / "interrupted.py")
FRAME = b"\x1b[?2026h"
CTRL_C = b"\x03"
SOON = 4.0
"""Seconds within which what is asked to stop, and does, has ended; far less than `grace`, on a loaded machine too."""
OURS = ("result", "loop", "end", "wait", "completed", "queue", "bare")
THEIRS = ("sleep", "join", "spin", "body", "flow")


def live(program: Pty) -> None:
    """Read until the work is under way and a picture of it on the screen."""
    program.until(
        lambda: b"READY" in program.output and b"\x1b[?7l" in program.output.partition(QUESTION)[2],
        what="READY and a frame",
    )


def last(output: bytes, pattern: bytes) -> bytes:
    found: list[bytes] = re.findall(pattern, output)
    return found[-1]


def given_back(program: Pty, before: Sequence[object]) -> None:
    """Fail unless cursor, scroll region, wrapping and terminal modes are as they were."""
    output = bytes(program.output)
    assert last(output, rb"\x1b\[\?25[hl]") == b"\x1b[?25h"
    assert last(output, rb"\x1b\[\?2026[hl]") == b"\x1b[?2026l"
    assert last(output, rb"\x1b\[\?7[hl]") == b"\x1b[?7h"
    assert last(output, rb"\x1b\[(?:\d+;\d+)?r") == b"\x1b[r"
    assert not program.screen.cursor_hidden
    assert termios.tcgetattr(program._master) == before


def interrupted(*words: str, by: Sequence[bytes | int] = (CTRL_C,), seconds: float = SOON) -> tuple[int, str]:
    """Run the program, interrupt it, `by` keys or signals in turn; return its status and what its screen says."""
    with Pty([sys.executable, PROGRAM, *words]) as program:
        before = termios.tcgetattr(program._master)
        live(program)
        for index, how in enumerate(by):
            if index:
                program.expect("stopping")
                program.read_for(0.1)
            if isinstance(how, bytes):
                program.send(how)
            else:
                os.kill(program.process.pid, how)
        status = program.wait(seconds)
        given_back(program, before)
        assert "Traceback" not in program.screen.text
        return status, program.screen.text


@pytest.mark.parametrize("place", OURS)
def test_ctrl_c_in_a_call_of_ours_stops_what_reports_and_ends_by_the_signal(place: str) -> None:
    status, text = interrupted(place, "report", "60")
    assert status == -signal.SIGINT, text
    assert "stopped by Ctrl-C" in text


@pytest.mark.parametrize("place", THEIRS)
def test_ctrl_c_in_other_code_is_raised_there_and_the_end_of_the_block_stops_the_work(place: str) -> None:
    status, text = interrupted(place, "report", "60")
    assert status == -signal.SIGINT, text
    assert "stopped by Ctrl-C" in text
    assert place == "flow" or re.search(r"\d cancelled", text)


@pytest.mark.parametrize("place", ["result", "sleep"])
def test_a_worker_that_is_asked_to_stop_wakes_from_its_sleep_and_cleans_up(place: str) -> None:
    status, text = interrupted(place, "cleanup", "60")
    assert status == -signal.SIGINT, text
    assert text.count("CLEANED") == 1


@pytest.mark.parametrize("place", ["result", "loop", "end", "body"])
def test_a_stuck_worker_is_abandoned_after_the_grace_time(place: str) -> None:
    status, text = interrupted(place, "stuck", "0.3")
    assert status == -signal.SIGINT, text
    assert "stopped by Ctrl-C" in text
    assert re.search(r"\d cancelled", text)


@pytest.mark.parametrize("place", ["result", "loop", "end", "body"])
def test_a_second_ctrl_c_abandons_a_stuck_worker_at_once(place: str) -> None:
    status, text = interrupted(place, "stuck", "60", by=(CTRL_C, CTRL_C))
    assert status == -signal.SIGINT, text


@pytest.mark.parametrize("place", ["hung", "hung-sleep"])
def test_a_third_ctrl_c_ends_a_program_whose_own_view_hangs(place: str) -> None:
    """Nothing but the signal's handler runs any more: it gives the terminal back and dies."""
    with Pty([sys.executable, PROGRAM, place, "stuck", "60"]) as program:
        before = termios.tcgetattr(program._master)
        live(program)
        program.send(CTRL_C)
        program.until(lambda: b"HUNG" in program.output)
        program.send(CTRL_C)
        program.until(lambda: program.output.count(b"^C") == 2)
        program.read_for(0.1)
        assert program.process.poll() is None
        program.send(CTRL_C)
        assert program.wait(SOON) == -signal.SIGINT, program.screen.text
        given_back(program, before)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("place", ["result", "loop", "sleep", "body"])
def test_sigterm_and_sighup_stop_the_work_and_the_process_dies_of_them(place: str, signum: signal.Signals) -> None:
    status, text = interrupted(place, "report", "60", by=(signum,))
    assert status == -signum, text
    assert f"stopped by {signum.name}" in text


def test_a_second_sigterm_abandons_a_stuck_worker_at_once() -> None:
    status, text = interrupted("result", "stuck", "60", by=(signal.SIGTERM, signal.SIGTERM))
    assert status == -signal.SIGTERM, text


@pytest.mark.parametrize("place", ["self", "self-sleep", "self-flow", "last"])
def test_a_ctrl_c_in_the_middle_of_a_frame_or_at_the_end_of_a_wait_is_not_lost(place: str) -> None:
    status, text = interrupted(place, "report", "60", by=())
    assert status == -signal.SIGINT, text
    assert "stopped by Ctrl-C" in text


@pytest.mark.parametrize("place", ["result", "sleep"])
def test_ctrl_z_gives_the_terminal_back_and_sigcont_takes_it_again(place: str) -> None:
    with Pty(["/bin/sh", "-i"], env={"PS1": "SHELL> ", "ENV": ""}) as shell:
        shell.expect("SHELL>")
        before = termios.tcgetattr(shell._master)
        shell.send(shlex.join([sys.executable, PROGRAM, place, "report", "60"]).encode() + b"\n")
        live(shell)
        for turn in (2, 3):
            shell.send(b"\x1a")
            shell.until(lambda turn=turn: shell.output.count(b"SHELL> ") == turn, seconds=SOON)  # type: ignore[misc]  # one a turn
            given_back(shell, before)
            frames = shell.output.count(FRAME)
            shell.read_for(0.2)
            assert shell.output.count(FRAME) == frames
            assert "▸ report" not in shell.screen.text
            shell.send(b"fg\n")
            shell.until(lambda: shown(shell, "▸ report"), seconds=SOON)
        shell.send(CTRL_C)
        shell.until(lambda: shell.output.count(b"SHELL> ") == 4, seconds=SOON)
        given_back(shell, before)
        shell.send(b"echo STATUS $?\n")
        shell.expect("STATUS 130")


def told(program: Pty, text: str) -> list[str]:
    return [line for line in program.screen.lines() if text in line]


def repainted(program: Pty, columns: int) -> bool:
    """Return whether there is one row for the task, nearly as wide as the terminal and no wider."""
    rows = told(program, "▸ report")
    return len(rows) == 1 and re.fullmatch(rf"▸ report.{{{columns - 12},{columns - 8}}}", rows[0]) is not None


def shown(program: Pty, text: str) -> bool:
    return bool(told(program, text))


@pytest.mark.parametrize("place", ["result", "sleep"])
def test_a_resize_repaints_at_the_new_size(place: str) -> None:
    with Pty([sys.executable, PROGRAM, place, "report", "60"], columns=100, rows=20) as program:
        before = termios.tcgetattr(program._master)
        live(program)
        for columns, rows in ((60, 12), (90, 30), (40, 6)):
            program.resize(columns, rows)
            program.until(partial(repainted, program, columns), what=f"one row of {columns} columns")
        program.send(CTRL_C)
        assert program.wait(SOON) == -signal.SIGINT, program.screen.text
        given_back(program, before)


def test_a_pause_leaves_the_terminal_to_a_question() -> None:
    with Pty([sys.executable, PROGRAM, "ask", "report", "60"]) as program:
        before = termios.tcgetattr(program._master)
        live(program)
        program.expect("Go on?")
        given_back(program, before)
        frames = program.output.count(FRAME)
        program.read_for(0.3)
        program.send(b"yes\n")
        program.expect("ANSWER yes")
        assert program.output.count(FRAME) == frames
        assert program.wait(SOON) == 0, program.screen.text
        assert program.output.count(FRAME) > frames
        assert "Go on? yes\n" in program.screen.text
        given_back(program, before)


@pytest.mark.parametrize("place", ["result", "sleep"])
def test_a_handler_of_the_users_for_ctrl_c_stays_in_force(place: str) -> None:
    with Pty([sys.executable, PROGRAM, place, "report", "60", "mine"]) as program:
        before = termios.tcgetattr(program._master)
        live(program)
        for times in (1, 2, 3):
            program.send(CTRL_C)
            program.until(lambda times=times: program.output.count(b"MINE") == times)  # type: ignore[misc]  # one a turn
        program.read_for(0.2)
        assert program.process.poll() is None
        assert "stopping" not in program.screen.text
        os.kill(program.process.pid, signal.SIGTERM)
        assert program.wait(SOON) == -signal.SIGTERM, program.screen.text
        given_back(program, before)


def test_a_run_off_the_main_thread_is_interrupted_on_the_main_thread() -> None:
    with Pty([sys.executable, PROGRAM, "thread", "report", "0.3"]) as program:
        before = termios.tcgetattr(program._master)
        live(program)
        program.send(CTRL_C)
        assert program.wait(SOON) == -signal.SIGINT, program.screen.text
        given_back(program, before)


def test_an_ignored_hangup_stays_ignored() -> None:
    with Pty(["/bin/sh", "-c", f"trap '' HUP; exec {sys.executable} {PROGRAM} result report 60"]) as program:
        live(program)
        os.kill(program.process.pid, signal.SIGHUP)
        program.read_for(0.3)
        assert program.process.poll() is None
        assert "stopping" not in program.screen.text
        os.kill(program.process.pid, signal.SIGTERM)
        assert program.wait(SOON) == -signal.SIGTERM


@pytest.mark.parametrize("place", ["submitted", "mapped", "taken", "left", "body_fails", "bare_body"])
def test_an_error_ends_the_program_although_other_workers_are_stuck(place: str) -> None:
    with Pty([sys.executable, PROGRAM, place, "stuck", "0.3"]) as program:
        before = termios.tcgetattr(program._master)
        assert program.wait(2 * SOON) == 1, program.screen.text
        given_back(program, before)
        text = program.screen.text
        assert text.count("Traceback") == 1
        assert re.search(r"^LookupError: no such thing$", text, re.MULTILINE)
        assert re.search(r"\d cancelled", text)
        assert "AFTER" not in text


def test_a_frame_whose_signal_was_missed_by_a_sleep_is_asked_for_again() -> None:
    with Pty([sys.executable, PROGRAM, "deaf_once", "report", "60"]) as program:
        assert program.wait() == 0, program.screen.text
        blocked = bytes(program.output).partition(b"MISSED")[2].partition(b"UNBLOCKED")[0]
        assert blocked.count(FRAME) >= 3


IN_LOOPS = {
    "a loop": """
for n in mainstage.track(range(100), "Search"):
    step(n)
""",
    "a bar": """
with mainstage.track(total=100, description="Search") as bar:
    for n in range(100):
        step(n)
        bar.advance()
""",
    "a loop in a loop": """
for n in mainstage.track(range(100), "Search"):
    for m in mainstage.track(range(4)):
        step(n + m / 4)
""",
    "its source": """
def source():
    for n in range(100):
        step(n)
        yield n
for n in mainstage.track(source(), "Search", total=100):
    pass
""",
}


@pytest.mark.parametrize("program", IN_LOOPS.values(), ids=IN_LOOPS)
def test_ctrl_c_in_the_body_of_a_loop_says_how_far_it_was(program: str) -> None:
    head = "import time, mainstage\ndef step(n):\n    time.sleep(0.02)\n    if n == 40: print('FORTY', flush=True)\n"
    with Pty([sys.executable, "-c", head + program]) as pty:
        pty.expect("FORTY")
        pty.send(CTRL_C)
        assert pty.wait() == -signal.SIGINT
        found = re.search(r"■ Search: interrupted at (\d+) of 100", pty.screen.text)
        assert found is not None, pty.screen.text
        assert int(found[1]) >= 40


def test_a_loop_that_goes_on_after_ctrl_c_and_is_left_later_was_not_interrupted() -> None:
    program = """
import time, mainstage
for n in mainstage.track(range(100), "Search"):
    try:
        if n == 40: print('FORTY', flush=True)
        time.sleep(10 if n == 40 else 0.02)
    except KeyboardInterrupt:
        print("caught")
    if n == 60:
        break
"""
    with Pty([sys.executable, "-c", program]) as pty:
        pty.expect("FORTY")
        pty.send(CTRL_C)
        assert pty.wait() == 0
        assert "■ Search: stopped at 60 of 100" in pty.screen.text
