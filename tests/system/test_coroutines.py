"""Programs on an event loop on real terminals: Ctrl-C once and twice, other signals, a blocked loop, failures."""

from __future__ import annotations

import importlib.util
import re
import signal
import sys
import termios
from pathlib import Path

import pytest
from tests.system.terminals import Pty
from tests.system.test_interrupts import CTRL_C, FRAME, given_back, live

PROGRAM = str(Path(__file__).parent / "programs" / "coroutines.py")
SOON = 20.0
"""Seconds within which an interrupted program has ended, on a busy machine too; it waits for three times that."""


def loops() -> list[object]:
    missing = importlib.util.find_spec("uvloop") is None
    return ["asyncio", pytest.param("uvloop", marks=pytest.mark.skipif(missing, reason="uvloop is not installed"))]


def interrupted(place: str, *by: bytes | int, loop: str = "asyncio", seconds: float = SOON) -> tuple[int, str]:
    """Run the program, interrupt it; return its status and what its screen says."""
    with Pty([sys.executable, PROGRAM, place, loop], columns=100) as program:
        before = termios.tcgetattr(program._master)
        live(program)
        for index, how in enumerate(by):
            if index:
                program.expect("CLEANING")
                program.read_for(0.1)
            if isinstance(how, bytes):
                program.send(how)
            else:
                program.process.send_signal(how)
        status = program.wait(seconds)
        given_back(program, before)
        return status, program.screen.text


@pytest.mark.parametrize("loop", loops())
@pytest.mark.parametrize("place", ["group", "gathered", "mapped"])
def test_ctrl_c_cancels_coroutines_that_clean_up_and_the_process_dies_of_it(place: str, loop: str) -> None:
    status, text = interrupted(place, CTRL_C, loop=loop)
    assert status == -signal.SIGINT, text
    assert sorted(re.findall(r"TIDIED \d", text)) == ["TIDIED 0", "TIDIED 1", "TIDIED 2"]
    assert re.search(r"stopped by Ctrl-C: \d done, 3 cancelled", text.splitlines()[-1])
    assert "Traceback" not in text
    assert "AFTER" not in text


@pytest.mark.parametrize("place", ["thread", "submitted"])
def test_ctrl_c_reaches_the_threads_that_coroutines_wait_for(place: str) -> None:
    status, text = interrupted(place, CTRL_C)
    assert status == -signal.SIGINT, text
    assert "TIDIED 0" in text
    assert "1 cancelled" in text.splitlines()[-1]
    assert "Traceback" not in text


@pytest.mark.parametrize("loop", loops())
def test_a_second_ctrl_c_ends_a_clean_up_behind_a_shield_within_a_second(loop: str) -> None:
    status, text = interrupted("shielded", CTRL_C, CTRL_C, loop=loop)
    assert status == -signal.SIGINT, text
    assert "stopped by Ctrl-C" in text.splitlines()[-1]
    assert "Traceback" not in text


@pytest.mark.parametrize("loop", loops())
def test_sigterm_cancels_too_and_the_process_dies_of_it(loop: str) -> None:
    status, text = interrupted("group", signal.SIGTERM, loop=loop)
    assert status == -signal.SIGTERM, text
    assert text.count("TIDIED") == 3
    assert "stopped by SIGTERM" in text.splitlines()[-1]
    assert "Traceback" not in text


def test_a_loop_without_a_runner_has_the_same_rules() -> None:
    status, text = interrupted("group", CTRL_C, loop="legacy")
    assert status == -signal.SIGINT, text
    assert text.count("TIDIED") == 3
    assert "stopped by Ctrl-C" in text.splitlines()[-1]


def test_a_program_that_takes_the_cancellation_for_itself_goes_on() -> None:
    status, text = interrupted("swallowed", CTRL_C)
    assert status == 0, text
    assert "SWALLOWED" in text
    assert text.endswith("AFTER")


def test_without_a_block_asyncio_ends_the_program_as_ever() -> None:
    status, text = interrupted("bare", CTRL_C)
    assert status == -signal.SIGINT, text
    assert text.count("TIDIED") == 3
    assert text.endswith("KeyboardInterrupt")
    assert "✓ 1 done, 3 cancelled" in text


@pytest.mark.parametrize("loop", loops())
def test_a_blocked_loop_is_told_with_its_file_and_line_while_it_is(loop: str) -> None:
    line = next(
        number
        for number, text in enumerate(Path(PROGRAM).read_text(encoding="utf-8").splitlines(), 1)
        if "time.sleep(3)" in text
    )
    with Pty([sys.executable, PROGRAM, "blocked", loop], columns=140) as program:
        assert program.wait() == 0, program.screen.text
        text, output = program.screen.text, bytes(program.output)
    assert re.findall(
        r"mainstage: the event loop has been blocked for [12]\.\d s at \S*coroutines\.py:(\d+)", text
    ) == [str(line)]
    blocked = output[: output.index(b"FREE")]
    assert b"has been blocked" in blocked
    assert blocked.count(FRAME) > output[: output.index(b"has been blocked")].count(FRAME)  # its clock goes on


def test_a_group_fails_on_one_line_with_what_is_in_it() -> None:
    with Pty([sys.executable, PROGRAM, "failing"], columns=240, rows=60) as program:
        assert program.wait() == 1
        text = program.screen.text
        assert "✗ the whole: ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions): " in text
        parts = [rf"LookupError: no part {n} at coroutines\.py:\d+ in part" for n in (0, 1)]
        assert re.search(rf"\[{'; '.join(parts)}\]", text)


def test_the_last_line_of_gathers_comes_at_the_programs_end() -> None:
    program = """
import asyncio, mainstage
async def wait(n):
    await asyncio.sleep(0.4)
    return n
async def main():
    for batch in range(2):
        print("batch", batch, sum(await mainstage.aio.gather(*map(wait, range(4)))))
asyncio.run(main())
print("after the loop")
"""
    with Pty([sys.executable, "-c", program]) as pty:
        assert pty.wait() == 0, pty.screen.text
        lines = [line for line in pty.screen.text.split("\n") if line]
    assert lines[:3] == ["batch 0 6", "batch 1 6", "after the loop"]
    assert re.fullmatch(r"✓ 8 done in \d\.\d s", lines[3])
