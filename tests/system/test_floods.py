"""Floods of text while bars move: every line once and whole, no row where none belongs, no torn frame."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import ROW_MARKS, Pty, Tmux

from mainstage.ui.display.recording import Screen

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAM = str(Path(__file__).parent / "programs" / "floods.py")
THREADS = 8
SHOW = b"\x1b[?2026l"
ROW_OF_A_BAR = "\u203a bar"
"""In each row with a bar: the task's name, the sign, and the name of the bar in it."""


def flood(lines: int, how: str) -> list[str]:
    return [sys.executable, PROGRAM, str(lines), how]


def of_threads(lines: int) -> list[str]:
    return [f"bar {who} │ thread {who} line {n:04d} {'.' * 20} whole" for who in range(THREADS) for n in range(lines)]


def of_children(lines: int) -> list[str]:
    return [f"child {who} line {n:04d} {'=' * 20} whole" for who in range(THREADS) for n in range(lines)]


def check(everything: Iterable[str], expected: list[str]) -> None:
    """Fail unless there is each expected line once, each writer's in order, and the summary, and nothing else."""
    first, *middle, summary, last = everything
    assert (first, last) == ("BEFORE", "AFTER")
    assert re.match(r"✓ flood: 8 done in ", summary)
    assert Counter(middle) - Counter(expected) == Counter()
    assert Counter(expected) - Counter(middle) == Counter()
    for who in range(THREADS):
        mine = [line for line in middle if re.search(rf"(thread|child) {who} ", line)]
        assert mine == sorted(mine)


@pytest.mark.tmux
@pytest.mark.parametrize("how", ["log", "print", "logging", "warnings", "mixed"])
def test_eight_threads_flood_a_terminal_while_eight_bars_move(how: str, tmp_path: Path) -> None:
    with Tmux(flood(2000, how), tmp_path) as tmux:
        shown = tmux.until(lambda lines: sum(ROW_OF_A_BAR in line for line in lines) == THREADS)
        assert re.match("▸ flood", shown[-1])
        assert tmux.wait() == 0
        assert tmux.cursor_shown()
        check(tmux.everything(), of_threads(2000))


@pytest.mark.tmux
@pytest.mark.parametrize("how", ["log", "mixed"])
def test_a_flood_into_a_terminal_that_is_resized_loses_no_line(how: str, tmp_path: Path) -> None:
    """Each size has room for all rows where they wrap: what a reflow pushes into the history nobody can take back."""
    with Tmux(flood(2000, how), tmp_path, columns=100, rows=40) as tmux:
        for columns, rows in [(120, 54), (90, 38), (140, 60), (100, 40)]:
            tmux.until(lambda lines: sum(ROW_OF_A_BAR in line for line in lines) == THREADS or "AFTER" in lines)
            tmux.resize(columns, rows)
        assert tmux.wait() == 0
        assert tmux.cursor_shown()
        check([line for line in tmux.everything(joined=True) if line], of_threads(2000))


@pytest.mark.tmux
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 12)])
def test_eight_children_write_straight_to_the_terminal(columns: int, rows: int, tmp_path: Path) -> None:
    with Tmux(flood(60, "children"), tmp_path, columns=columns, rows=rows) as tmux:
        tmux.until(lambda lines: any("child" in line for line in lines) and lowest(lines).startswith("▸ flood"))
        assert tmux.wait() == 0
        assert tmux.cursor_shown()
        check(tmux.everything(), of_children(60))


@pytest.mark.tmux
def test_eight_threads_write_past_every_stream(tmp_path: Path) -> None:
    with Tmux(flood(500, "direct"), tmp_path) as tmux:
        tmux.until(lambda lines: any("thread" in line for line in lines) and lowest(lines).startswith("▸ flood"))
        assert tmux.wait() == 0
        check(tmux.everything(), [line.partition("│ ")[2] for line in of_threads(500)])


@pytest.mark.parametrize(("lines", "how"), [(200, "mixed"), (60, "children")])
def test_no_frame_of_a_flood_is_torn(lines: int, how: str) -> None:
    """At the end of each frame, the only moments that a terminal shows: the bars stand below the text, each once."""
    with Pty(flood(lines, how)) as program:
        assert program.wait() == 0, program.screen.text
        output = bytes(program.output)
        check([line for line in program.screen.text.split("\n") if line], expected(lines, how))
    screen = Screen()
    frames = output.split(SHOW)
    live = 0
    for frame in frames[:-1]:
        screen.feed(frame + SHOW)
        live += whole(screen)
    assert live > 2, len(frames)  # on busy cores a flood of a second is few frames


def expected(lines: int, how: str) -> list[str]:
    return of_children(lines) if how == "children" else of_threads(lines)


def lowest(lines: list[str]) -> str:
    return next((line for line in reversed(lines) if line), "")


def whole(screen: Screen) -> bool:
    """Fail if a frame is torn; return whether there were bars."""
    assert not any(line.startswith(ROW_MARKS) for line in screen.history()[-30:])
    lines = screen.lines()
    bars = [number for number, line in enumerate(lines) if line.startswith(ROW_MARKS)]
    if not bars:
        return False
    assert bars == list(range(bars[0], bars[0] + len(bars))), lines
    assert not any(lines[bars[-1] + 1 :]), lines
    named = Counter(
        match[1] for number in bars if (match := re.match(r"\S +(bar \d|flood|\w+\(\d, \d+)", lines[number]))
    )
    assert named.total() == len(bars), lines
    assert set(named.values()) == {1}, lines
    assert all(re.search(r" whole$|^BEFORE$|^$", line) for line in lines[: bars[0]]), lines
    return True
