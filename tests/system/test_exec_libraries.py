"""Programs that do with their streams, threads and libraries what `mainstage exec` might stand in the way of.

Each says on stdout what it found; under `exec` it has to find the same, on a terminal and in a pipe.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.system.terminals import ROOT, Pty, environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAMS = ROOT / "tests/system/exec_programs"
EXEC = [sys.executable, "-m", "mainstage", "exec"]


class Program(NamedTuple):
    """A program, a row while it runs and how its last line begins, if it has these; what it needs beside the usual."""

    words: str
    row: str = ""
    last: str = ""
    needs: str = ""


PROGRAMS_TRIED = [
    Program("pickled_streams.py", needs="joblib"),
    Program("redirected_bars.py 0.05", "▸ shown", "✓ redirected_bars.py: 20 in"),
    Program("captured_bars.py", "▸ not captured", "✓ captured_bars.py: 20 in"),
    Program("green_threads.py gevent 0.05", "▸ steps", "✓ green_threads.py: 10 done", needs="gevent"),
    Program("green_threads.py eventlet 0.05", "▸ steps", "✓ green_threads.py: 10 done", needs="eventlet"),
]


def tried(program: Program) -> str:
    return program.words


def needs(library: str) -> None:
    if library and find_spec(library) is None:  # it is not to be imported here
        pytest.skip(f"{library} is not installed")


def in_pipes(*commands: Sequence[str]) -> list[tuple[list[str], int]]:
    """Run all at the same time; return what each writes to stdout, but for lines that tell times, and its status."""
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    running = [
        subprocess.Popen(argv, stdin=null, stdout=pipe, stderr=pipe, text=True, cwd=PROGRAMS, env=environment())
        for argv in commands
    ]
    ended = []
    for program in running:
        out, err = program.communicate(timeout=50)
        assert "mainstage" not in err.replace(str(ROOT), ""), err
        ended.append(([line for line in out.splitlines() if line and " in " not in line], program.returncode))
    return ended


@pytest.mark.parametrize("program", PROGRAMS_TRIED, ids=tried)
def test_it_finds_on_a_terminal_and_in_a_pipe_what_it_finds_without_us(program: Program) -> None:
    needs(program.needs)
    first, *more = program.words.split()
    (lines, status), ours = in_pipes([sys.executable, first, *more], [*EXEC, first, *more])
    assert status == 0
    assert ours == (lines, status)
    with Pty([*EXEC, str(PROGRAMS / first), *more], columns=80, rows=40) as shown:
        if program.row:
            shown.expect(program.row)
        assert shown.wait() == status, shown.screen.text
        screen = [line for line in shown.screen.lines() if line]
        assert not shown.screen.cursor_hidden
    assert [line for line in screen if line in lines] == lines, "\n".join(screen)
    assert [line for line in screen if line.startswith(("✓", "✗"))] == [line for line in screen[-1:] if program.last]
    assert screen[-1].startswith(program.last)
    assert not [line for line in screen if "▸" in line or "%|" in line or "Traceback" in line]


INTERRUPTED = """
from gevent import monkey
monkey.patch_all()
import gevent, time
from tqdm import tqdm
def work():
    for _ in tqdm(range(1000), desc="steps"):
        time.sleep(0.01)
try:
    gevent.spawn(work).join()
except KeyboardInterrupt:
    print("stopped, and", input("why? "))
"""


def test_ctrl_c_and_a_question_reach_a_program_of_green_threads(tmp_path: Path) -> None:
    needs("gevent")
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    with Pty([*EXEC, str(script)]) as program:
        program.expect("▸ steps")
        program.send(b"\x03")
        program.expect("why?")
        program.send(b"enough\n")
        assert program.wait() == 0
        assert "stopped, and enough" in program.screen.text
