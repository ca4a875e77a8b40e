"""Lines without an end while rows stand: questions are seen, dots and spinners move, and nothing lands inside them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.terminals import ROW_MARKS, Pty, environment

PROGRAM = str(Path(__file__).parent / "programs" / "partial.py")
OURS = [sys.executable, PROGRAM]
FOREIGN = [sys.executable, "-m", "mainstage", "exec", PROGRAM]
BOTH = pytest.mark.parametrize("how", ["run", "exec"])
COLUMNS = 60


def partial(way: str, how: str) -> Pty:
    return Pty([*OURS, way] if how == "run" else [*FOREIGN, way, "bare"], columns=COLUMNS, rows=16)


def last_of_the_text(program: Pty) -> str:
    """Return the last line above the rows."""
    lines = [line for line in program.screen.lines() if line and not line.startswith((*ROW_MARKS, "+"))]
    return lines[-1] if lines else ""


@BOTH
@pytest.mark.parametrize("way", ["readline", "next", "bytes", "thread", "descriptor"])
def test_a_question_without_a_newline_is_seen_and_answered(way: str, how: str) -> None:
    with partial(way, how) as program:
        program.until(lambda: last_of_the_text(program) == "Name?", what="the question")
        if way != "descriptor":
            program.read_until_still(0.6)  # it reads now: what is typed earlier is echoed into text that moves
        program.send(b"Ada\n")
        program.expect("ANSWER Ada")
        assert program.wait() == 0, program.screen.text
        assert "Name? Ada\n" in program.screen.text
        if way != "descriptor":  # nobody knows of that read: the question stands again below a line that comes then
            assert program.screen.text.count("Name?") == 1


def test_rows_stay_while_a_thread_waits_for_a_line_that_answers_no_question() -> None:
    with partial("listen", "run") as program:
        program.until(lambda: any(line.startswith(ROW_MARKS) for line in program.screen.lines()), what="rows")
        seen = program.screen.text.count("a line of the work")
        program.until(lambda: program.screen.text.count("a line of the work") > seen + 10, what="lines")
        assert any(line.startswith(ROW_MARKS) for line in program.screen.lines())
        program.send(b"go\n")
        program.expect("ANSWER go")
        assert program.wait() == 0


@BOTH
@pytest.mark.parametrize("way", ["dots", "thread-dots"])
def test_dots_grow_below_whole_lines_and_end_as_one_line(way: str, how: str) -> None:
    with partial(way, how) as program:
        for least in (3, 10, 20):
            program.until(lambda least=least: len(last_of_the_text(program).strip(".")) == 0  # type: ignore[misc]
                          and len(last_of_the_text(program)) >= least, what="dots")  # fmt: skip
        program.process.send_signal(signal.SIGUSR1)
        assert program.wait() == 0
        dotted = [line for line in program.screen.text.split("\n") if "." * 3 in line]
        assert [line.removeprefix("asking │ ") for line in dotted] == ["." * 30 + " ready"]


@BOTH
@pytest.mark.parametrize("way", ["spinner", "thread-spinner"])
def test_a_spinner_turns_in_its_place_and_leaves_its_last_word(way: str, how: str) -> None:
    seen: set[str] = set()

    def turned() -> bool:
        line = last_of_the_text(program)
        if re.fullmatch(r"[|/-] loading \d+", line):
            seen.add(line)
        return len(seen) > 4

    with partial(way, how) as program:
        program.until(turned, what="turns of the spinner")
        program.process.send_signal(signal.SIGUSR1)
        assert program.wait() == 0
        assert "loading" not in program.screen.text
        assert program.screen.text.count("loaded") == 1


HALF = """
import sys, time, threading, mainstage
def work():
    with mainstage.task("work", total=10) as task:
        for _ in range(10): task.advance(); task.sleep(0.1)
with mainstage.Run("halves", max_workers=1) as run:
    future = run.submit(work)
    sys.stderr.write("begun ")
    sys.stderr.flush()
    time.sleep(1)
    sys.stderr.write("and ended\\n")
    future.result()
    sys.stderr.write("half a line")
"""


@pytest.mark.parametrize("how", ["run", "exec"])
def test_in_a_pipe_no_status_line_comes_into_a_line_of_the_program(how: str, tmp_path: Path) -> None:
    (tmp_path / "halves.py").write_text(HALF, encoding="utf-8")
    words = [sys.executable, *(["-m", "mainstage", "exec"] if how == "exec" else []), str(tmp_path / "halves.py")]
    done = subprocess.run(words, capture_output=True, text=True, env=environment({"CI": "1"}), timeout=60, check=True)
    lines = done.stderr.split("\n")
    assert lines[0] == "begun and ended"
    assert any(line.endswith("halves: started") or ": started" in line for line in lines)
    assert "half a line" in lines
