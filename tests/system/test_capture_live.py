"""Output of workers under a live display, on a real terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import ROOT, Pty, Tmux, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = str(ROOT / "tests/system/programs/loud.py")
LINES = 40
BARS = re.compile(r"it/s|s/it|%\||\?it|a bar of|a map of")
"""What tqdm and Rich would draw."""


def expected() -> Iterator[str]:
    for job in range(8):
        kinds = (("print", "stderr"), ("root", "named", "warning"), ("rich", "console"), ("tqdm",))[job % 4]
        for kind in kinds:
            for line in range(LINES):
                yield f"<{kind} {job}.{line}>"
    yield from ("<main begins>", "<main ends>", "<after>")
    yield from ("<overwritten>",) * 2


def marks(text: str) -> Counter[str]:
    """Count the marks, but those in source lines that warnings quote."""
    return Counter(re.findall(r"<[a-z]+(?: [a-z]+| [0-9.]+)?>", text))


@pytest.mark.parametrize(("columns", "rows"), [(100, 30), (60, 12)])
def test_each_line_is_shown_once_with_its_task_and_no_foreign_bar_remains(columns: int, rows: int) -> None:
    with Pty([sys.executable, PROGRAM, str(LINES)], columns=columns, rows=rows) as program:
        assert program.wait() == 0
        text = program.screen.text
        drawn = bytes(program.output).decode()
    assert re.search(r"\u203a[^\n]{0,20}tqdm +\d+%", drawn)  # a row of ours, for half a second; its name may be cut
    assert marks(text) == Counter(expected())
    assert not BARS.search(text)
    for line in text.splitlines():
        if "<print" in line:
            job = line[line.index("<print") :].split()[1].split(".")[0]
            assert line.startswith(f"work({job}) ")


def test_lines_of_a_task_come_in_its_order() -> None:
    with Pty([sys.executable, PROGRAM, str(LINES)], columns=100, rows=30) as program:
        assert program.wait() == 0
        found = re.findall(r"<(print|stderr) 0\.(\d+)>", program.screen.text)
    assert found == [(kind, str(line)) for line in range(LINES) for kind in ("print", "stderr")]


@pytest.mark.tmux
def test_resizes_lose_no_line(tmp_path: Path) -> None:
    with Tmux([sys.executable, PROGRAM, "200"], tmp_path, columns=100, rows=30) as program:
        program.until(lambda lines: any("a bar of tqdm" in line for line in lines))
        for size in ((120, 20), (70, 40), (100, 12), (100, 30)):
            program.resize(*size)
            program.until(lambda lines, rows=size[1]: len(lines) == rows)  # type: ignore[misc]
        assert program.wait() == 0
        text = "\n".join(program.everything(joined=True))
        found = marks(text)
    assert not BARS.search(text)
    for kind in ("print", "stderr", "root", "named", "warning", "rich", "console", "tqdm"):
        assert sum(count for mark, count in found.items() if mark.startswith(f"<{kind} ")) == 400
    assert max(count for mark, count in found.items() if mark != "<overwritten>") == 1


def test_piped_stdout_gets_what_the_program_printed_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell = f"{sys.executable} {PROGRAM} 5 | cat > {out}"
    with Pty(["bash", "-o", "pipefail", "-c", shell], columns=100, rows=30) as program:
        assert program.wait() == 0
        screen = program.screen.text
    text = out.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "│" not in text
    assert text.startswith("<main begins>\n")
    assert text.endswith("<main ends>\n<after>\n")
    assert text.count("<print") == 10
    assert "<print" not in screen
    assert marks(screen)["<stderr 0.4>"] == 1


def test_redirected_stderr_gets_what_was_written_there() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "5"], capture_output=True, text=True, check=False, env=environment({"COLUMNS": "100"})
    )
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr.count("<stderr 4.") == 5  # it is written in two parts, and other threads write in between
    assert not re.search(r"%\|", done.stderr)


STRICT = """
import mainstage
with mainstage.Run("strict", strict=True) as run:
    run.submit(print, "hello").result()
"""


def test_a_strict_run_fails_at_the_line() -> None:
    with Pty([sys.executable, "-c", STRICT], columns=100, rows=30) as program:
        assert program.wait() == 1
        assert "RenderingViolation" in program.screen.text
        assert "'hello' written to stdout" in program.screen.text


FREE = """
import sys
import mainstage
with mainstage.Run("free", capture=False) as run:
    before = sys.stdout, sys.stderr
    assert before == (sys.__stdout__, sys.__stderr__)
"""


def test_a_run_without_capture_touches_no_stream() -> None:
    with Pty([sys.executable, "-c", FREE]) as program:
        assert program.wait() == 0, program.screen.text
