"""`capture="fd"`: what C code and children write is shown whole, under the task where that is certain."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from tests.system.terminals import ROW_MARKS, Pty

PROGRAM = str(Path(__file__).parent / "programs" / "descriptors.py")


def running(way: str, **env: str) -> Pty:
    return Pty([sys.executable, PROGRAM, way], columns=100, rows=30, env=env)


def ended(program: Pty, status: int = 0) -> list[str]:
    assert program.wait() == status, program.screen.text
    lines = [line for line in program.screen.text.split("\n") if line]
    assert not any(line.startswith(ROW_MARKS) for line in lines)
    assert "AFTER" in lines
    return lines


def told(log: Path, name: str) -> list[str]:
    """Return the text that a log has of the task `name`."""
    return re.findall(rf"\[{name}\] (.*)", log.read_text(encoding="utf-8"))


def test_text_of_the_only_task_that_runs_is_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running("one_after_another", LOG=str(log)) as program:
        lines = ended(program)
    for name in ("first", "second"):
        wanted = [f"{name} {n}" for n in (1, 2, 3)]
        assert [text for line in lines if (text := line.rpartition("│ ")[2]) in wanted] == wanted
        assert sorted(told(log, name)) == [*wanted, f"{name} err"]


def test_text_of_children_that_run_together_is_whole_and_the_runs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running("together", LOG=str(log)) as program:
        lines = ended(program)
    found = [line for line in lines if line.endswith("whole")]
    assert len(found) == 4000
    for who in range(8):
        mine = [re.sub(r"^.*│ ", "", line) for line in found if f"child {who} " in line]
        assert mine == [f"child {who} line {n} whole" for n in range(500)]


def test_c_code_that_holds_the_interpreter_writes_more_than_a_pipe_takes() -> None:
    with running("flood") as program:
        lines = ended(program)
    found = [line for line in lines if line.endswith("whole")]
    assert found == [f"line {n:05d} of C code {'.' * 54} whole" for n in range(2500)]


def test_a_line_that_is_overwritten_is_the_status_of_its_task() -> None:
    with running("progress") as program:
        program.until(
            lambda: any(
                line.startswith(ROW_MARKS) and re.search(r"fetch.*fetched \d of 8", line)
                for line in program.screen.lines()
            ),
            what="a status",
        )
        lines = ended(program)
    assert [line for line in lines if "fetched" in line] == ["fetched all"]


def test_a_child_that_outlives_the_run_is_not_harmed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running("outlived", OUT=str(out)) as program:
        assert any(line == "begun" for line in ended(program))
        deadline = time.monotonic() + 10
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert out.read_text(encoding="utf-8") == "alive\n"


def test_a_question_is_asked_on_the_terminal() -> None:
    with running("asked") as program:
        program.expect("Name?")
        program.send(b"Ada\n")
        assert "ANSWER Ada" in ended(program)


def test_streams_and_descriptors_are_shown_each_line_once() -> None:
    with running("mixed") as program:
        lines = ended(program)
    for text in ("printed", "straight to 1", "straight to 2"):
        assert sum(text in line for line in lines) == 1


def test_descriptors_are_given_back_when_the_block_is_left_by_an_error() -> None:
    with running("failing") as program:
        lines = ended(program, 1)
    assert "before it fails" in lines
    assert "KeyError: 'on purpose'" in lines


def test_piped_stdout_gets_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Pty(["sh", "-c", f"{sys.executable} {PROGRAM} mixed > {out}"], columns=100, rows=30) as program:
        lines = ended(program)
    assert sorted(out.read_text(encoding="utf-8").splitlines()) == ["printed", "straight to 1"]
    assert sum("straight to 2" in line for line in lines) == 1
