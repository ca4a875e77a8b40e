"""Rows that begin right below the command: where they stand in terminals, and that the question for it harms nobody."""

from __future__ import annotations

import re
import signal
import sys
import termios
import time
from pathlib import Path

import pytest
from tests.system.terminals import QUESTION, ROW_MARKS, Pty, Tmux

PROGRAMS = Path(__file__).parent / "programs"
TYPED = str(PROGRAMS / "typed.py")


def rows(lines: list[str]) -> list[int]:
    return [at for at, line in enumerate(lines) if line.startswith(ROW_MARKS)]


def stands(lines: list[str]) -> bool:
    """Return whether rows stand with nothing below them."""
    found = rows(lines)
    return bool(found) and not any(lines[found[-1] + 1 :])


def test_rows_begin_below_the_text_and_the_end_takes_their_place() -> None:
    with Pty([sys.executable, TYPED, "signal"], columns=70, rows=20) as program:
        program.until(lambda: rows(program.screen.lines())[:1] == [2], what="rows, below the text")
        assert program.screen.lines()[:2] == ["BEGIN", ""]
        assert stands(program.screen.lines())
        program.process.send_signal(signal.SIGUSR1)
        program.send(b"END\n")
        assert program.wait() == 0
        text = program.screen.text.split("\n")
        assert text[0] == "BEGIN"
        assert text[1].startswith("END") or text[1].startswith("✓ typing: 2 done")
        assert program.output.count(QUESTION) == 1


PROCESSES = """
import mainstage, time
def load(n):
    time.sleep(0.6)
if __name__ == "__main__":
    print("BEGIN")
    with mainstage.Run("loads", executor="process", mp_context={method!r}, max_workers=2) as run:
        run.submit(load, 0).result()  # there are workers, and what starts them, before a row is drawn
        list(run.map(load, range(4)))
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_worker_processes_have_the_terminal_and_take_no_answer(method: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROCESSES.format(method=method), encoding="utf-8")
    with Pty([sys.executable, str(program)], columns=70, rows=20) as pty:
        pty.until(lambda: rows(pty.screen.lines())[:1] == [2], what="rows, below the text")
        assert pty.wait() == 0
        assert pty.output.count(QUESTION) == 1


def test_no_key_is_lost_that_is_typed_while_the_run_begins() -> None:
    keys = "".join(f"{number:03d} " for number in range(150))
    with Pty([sys.executable, TYPED], columns=70, rows=20) as program:
        before = termios.tcgetattr(program._master)
        program.expect("BEGIN")
        for word in re.findall(".{4}", keys):  # a burst in every moment of the first second and a half
            program.send(word.encode())
            program.read_for(0.01)
        program.send(b"END\n")
        assert program.wait() == 0, program.screen.text
        assert termios.tcgetattr(program._master) == before
        typed = re.search(r"TYPED '(.*)'", program.screen.text.replace("\n", ""))
        assert typed is not None, program.screen.text
        assert typed[1] == f"{keys}END\\n"


def test_keys_in_the_very_moment_of_the_question_are_not_lost_either() -> None:
    with Pty([sys.executable, TYPED, "signal"], columns=70, rows=20) as program:
        program.answers = False
        program.until(lambda: QUESTION in program.output, what="the question")
        program.send(b"xy")
        program.send(b"\x1b[2;1R")
        program.send(b"z")
        program.until(lambda: stands(program.screen.lines()), what="rows")
        program.process.send_signal(signal.SIGUSR1)
        program.send(b" END\n")
        assert program.wait() == 0, program.screen.text
        found = re.search(r"TYPED '(.*)'", program.screen.text)
        assert found is not None
        assert sorted(found[1]) == sorted("xyz END\\n")  # the kernel takes them back behind what has come since
        assert "[2;1R" not in program.screen.text


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_a_late_answer_reaches_neither_program_nor_screen(seconds: float) -> None:
    with Pty([sys.executable, TYPED, "signal"], columns=70, rows=20) as program:
        program.answers = False
        program.until(lambda: QUESTION in program.output, what="the question")
        asked = time.monotonic()
        program.until(lambda: stands(program.screen.lines()), what="rows, at the bottom meanwhile")
        assert rows(program.screen.lines())[-1] == 19
        program.read_for(max(0.0, asked + seconds - time.monotonic()))
        program.send(b"\x1b[2;1R")
        program.until(lambda: rows(program.screen.lines())[:1] == [2], what="rows, below the text")
        assert stands(program.screen.lines())
        program.process.send_signal(signal.SIGUSR1)
        program.send(b"END\n")
        assert program.wait() == 0, program.screen.text
        assert "TYPED 'END\\n'" in program.screen.text
        assert "[2;1R" not in program.screen.text


def test_a_terminal_that_never_answers_has_its_rows_at_the_bottom_and_its_modes_back() -> None:
    with Pty([sys.executable, TYPED, "asks"], columns=70, rows=20) as program:
        program.answers = False
        before = termios.tcgetattr(program._master)
        program.expect("Name?")
        program.until(lambda: program.screen.cursor[0] == len("Name? "), what="the question")
        program.read_for(0.2)
        program.send(b"Ada\n")
        program.expect("ANSWER Ada")
        program.send(b"END\n")
        assert program.wait() == 0, program.screen.text
        assert "Name? Ada\n" in program.screen.text
        assert termios.tcgetattr(program._master) == before
        assert program.output.count(QUESTION) == 1


def test_an_answer_that_comes_with_what_is_typed_at_a_question_is_no_part_of_it() -> None:
    with Pty([sys.executable, TYPED, "asks"], columns=70, rows=20) as program:
        program.answers = False
        program.expect("Name?")
        program.until(lambda: program.screen.cursor[0] == len("Name? "), what="the question")
        program.until(lambda: bool(termios.tcgetattr(program._master)[3] & termios.ICANON), what="lines")
        program.send(b"\x1b[2;1RAda\n")
        program.expect("ANSWER Ada")
        program.send(b"END\n")
        assert program.wait() == 0, program.screen.text
        assert "TYPED 'END\\n'" in program.screen.text


def test_rows_begin_below_the_text_where_the_run_takes_keys_too() -> None:
    with Pty([sys.executable, TYPED, "keys", "signal"], columns=70, rows=20) as program:
        program.until(lambda: rows(program.screen.lines())[:1] == [2], what="rows, below the text")
        program.send(b"?")
        program.expect("this list")
        program.send(b"?")
        program.resize(70, 18)
        program.until(lambda: rows(program.screen.lines())[:1] == [2], what="rows, below the text again")
        program.send(b"?")
        program.expect("this list")
        program.send(b"?")
        program.process.send_signal(signal.SIGUSR1)
        program.expect("2 done")
        program.send(b"END\n")
        assert program.wait() == 0, program.screen.text
        assert "TYPED 'END\\n'" in program.screen.text
        assert program.output.count(QUESTION) == 2


@pytest.mark.tmux
def test_rows_go_down_with_text_and_stay_at_the_bottom_in_tmux(tmp_path: Path) -> None:
    code = tmp_path / "program.py"
    code.write_text(
        """
import mainstage, subprocess, threading
go = threading.Event()
def work(number):
    with mainstage.task(f"work {number}", total=9) as task:
        for step in range(9):
            go.wait(); task.advance(); task.sleep(0.1); task.log(f"line {number} {step}")
with mainstage.Run("texts", max_workers=2) as run:
    futures = [run.submit(work, number) for number in range(2)]
    subprocess.run(["tmux", "wait-for", "go"], stdin=subprocess.DEVNULL, check=True)
    go.set()
    for future in futures: future.result()
""",
        encoding="utf-8",
    )
    with Tmux([sys.executable, str(code)], tmp_path, columns=70, rows=14) as tmux:
        lines = tmux.until(stands)
        first = rows(lines)[0]
        assert first <= 3
        tmux.signal("go")
        tmux.until(lambda lines: stands(lines) and rows(lines)[0] > first + 2)
        tmux.until(lambda lines: stands(lines) and rows(lines)[-1] == 13)
        assert tmux.wait() == 0
        everything = tmux.everything()
        assert len([line for line in everything if " line " in f" {line}"]) == 18
        assert everything[-1].startswith("✓ texts: 2 done")
        assert "" not in everything[1:]


def test_rows_do_not_move_where_no_terminal_is_read_from() -> None:
    with Pty(["sh", "-c", f"exec {sys.executable} {TYPED} signal < /dev/null"], columns=70, rows=20) as program:
        program.until(lambda: stands(program.screen.lines()), what="rows")
        assert rows(program.screen.lines())[-1] == 19
        assert QUESTION not in program.output
