"""The live display in a real terminal that reflows, with programs that write to it behind our back."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import Tmux

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.tmux

WRITERS = """
import pathlib, signal, subprocess, sys, threading
from mainstage.ui.display.fd_writer import FdWriter
from mainstage.ui.display.terminal import TerminalDisplay

cuts = []
original = FdWriter.write

def watched(writer, data):
    taken = original(writer, data)
    if writer.cut:
        cuts.append(writer.cut)
    return taken

FdWriter.write = watched

display = TerminalDisplay(1)
signal.signal(signal.SIGWINCH, lambda *_: display.resized())
rows_wanted, lines_wanted = int(sys.argv[1]), int(sys.argv[2])

pause = sys.argv[3] == "pause"
free = threading.Event()
here = threading.Barrier(8)

def write(number):
    for line in range(lines_wanted):
        subprocess.run(["/bin/echo", f"writer {number} line {line:02d} {'.' * 20}"], check=True)
        if line == lines_wanted // 3:
            if pause and here.wait() == 0:
                subprocess.run(["tmux", "wait-for", "-S", "underway"], check=True)
                subprocess.run(["tmux", "wait-for", "go"], check=True)
                free.set()
            elif pause:
                free.wait()
            elif number == 0:
                subprocess.run(["tmux", "wait-for", "-S", "underway"], check=True)

threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
frame = 0

widest = int(sys.argv[4]) if len(sys.argv) > 4 else 1000

def draw():
    global frame
    frame += 1
    columns, height = display.size()
    head = [f"row {n} frame {frame} " for n in range(min(rows_wanted, height - 2))]
    display.show([], [text + "#" * (min(widest, columns) - len(text)) for text in head])

draw()
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    threading.Event().wait(0.03)
    draw()
display.close([], [f"final {n}" for n in range(rows_wanted)])
pathlib.Path(sys.argv[0]).with_name("cuts").write_text(str(len(cuts)))
"""
LINES = [f"writer {number} line {line:02d} {'.' * 20}" for number in range(8) for line in range(60)]
PINNED, FLOATING = "1000", "58"
"""How wide rows are at the most: at the bottom all of the screen, else what the narrowest window has."""
WHERE = pytest.mark.parametrize("widest", [PINNED, FLOATING], ids=["pinned", "floating"])
RESIZES = [
    [],
    [(60, 30)],
    [(100, 16)],
    [(60, 16)],
    [(140, 40)],
    [(100, 16), (100, 30)],
    [(60, 30), (100, 30), (60, 12), (100, 30)],
]


def run(folder: Path, program: str, *words: str, columns: int = 100, rows: int = 30) -> Tmux:
    script = folder / "program.py"
    script.write_text(program, encoding="utf-8")
    argv = [sys.executable, str(script), *words]
    if words[-1] == PINNED:  # without a terminal to read from nothing is asked
        argv = ["sh", "-c", f"exec {shlex.join(argv)} < /dev/null"]
    return Tmux(argv, folder, columns=columns, rows=rows)


def where_tmux_keeps_up(folder: Path, attempt: Callable[[Path], list[str]]) -> list[str]:
    """Return the lines of an attempt in which the terminal took each frame whole.

    One that has not read for 8 kB takes a part, and what others write comes in the middle of the rest.
    """
    for number in range(5):
        place = folder / str(number)
        place.mkdir()
        lines = attempt(place)
        if (place / "cuts").read_text(encoding="ascii") == "0":
            return lines
    pytest.skip("tmux does not keep up on this machine")


@WHERE
@pytest.mark.parametrize("resizes", RESIZES, ids=lambda steps: "-".join(f"{c}x{r}" for c, r in steps) or "none")
def test_a_resize_leaves_all_text_whole_and_nothing_else(
    tmp_path: Path, resizes: list[tuple[int, int]], widest: str
) -> None:
    def attempt(folder: Path) -> list[str]:
        with run(folder, WRITERS, "8", "60", "pause", widest) as tmux:
            tmux.wait_for("underway")
            for columns, rows in resizes:
                tmux.resize(columns, rows)
                tmux.until(lambda lines: rows_stand(lines, min(columns, int(widest)), rows))  # noqa: B023  # looked at before the next
            tmux.signal("go")
            assert tmux.wait() == 0
            assert tmux.cursor_shown()
            return tmux.everything()

    lines = where_tmux_keeps_up(tmp_path, attempt)
    assert lines[-8:] == [f"final {number}" for number in range(8)]
    assert sorted(lines[:-8]) == sorted(LINES)


@WHERE
@pytest.mark.parametrize("resizes", RESIZES[:5], ids=lambda steps: "-".join(f"{c}x{r}" for c, r in steps) or "none")
def test_no_line_that_others_write_is_lost_or_torn_while_the_size_changes(
    tmp_path: Path, resizes: list[tuple[int, int]], widest: str
) -> None:
    def attempt(folder: Path) -> list[str]:
        with run(folder, WRITERS, "8", "60", "go on", widest) as tmux:
            tmux.wait_for("underway")
            for size in resizes:
                tmux.resize(*size)
            assert tmux.wait() == 0
            return tmux.everything()

    lines = where_tmux_keeps_up(tmp_path, attempt)
    assert lines[-8:] == [f"final {number}" for number in range(8)]
    text = "\n".join(lines)
    assert sorted(re.findall(r"writer \d line \d\d \.{20}", text)) == sorted(LINES)
    # What is written before we learn of the new size may run over a row, and the row's end is left beside it.
    assert sum("#" in line for line in lines) <= 8 * len(resizes)


def rows_stand(lines: list[str], columns: int, rows: int) -> bool:
    """Return whether the rows stand one below the other, and nothing below them."""
    block = [line for line in lines if line][-8:]
    return len(lines) == rows and all(
        line.startswith(f"row {number} ") and len(line) == columns for number, line in enumerate(block)
    )


def test_more_rows_than_the_screen_has_leave_nothing_behind(tmp_path: Path) -> None:
    with run(tmp_path, WRITERS, "100", "10", "go on", columns=80, rows=24) as tmux:
        assert tmux.wait() == 0
        lines = tmux.everything()
        assert lines[-100:] == [f"final {number}" for number in range(100)]
        assert sorted(lines[:-100]) == sorted(line for line in LINES if int(line[14:16]) < 10)


def test_short_text_and_pinned_rows_leave_no_gap_between_them(tmp_path: Path) -> None:
    with run(tmp_path, WRITERS, "3", "1", "go on") as tmux:
        assert tmux.wait() == 0
        lines = tmux.everything()
        assert lines[8:] == ["final 0", "final 1", "final 2"]
        assert sorted(lines[:8]) == sorted(line for line in LINES if line[14:16] == "00")
