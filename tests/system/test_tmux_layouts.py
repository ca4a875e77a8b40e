"""Odd names in every layout, in a terminal that has its own idea of how wide a character is."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from tests.system.terminals import Tmux

from mainstage.ui.display import ansi

pytestmark = pytest.mark.tmux

PROGRAM = Path(__file__).parent / "programs" / "torture.py"
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202e]")
NUMBERS = re.compile(r"\d+% .*|  min +-?[\d.]+ .*|: at \d+$")


def told(row: str) -> str:
    """Return what follows the name, where a name does: of some names a terminal keeps less than there is."""
    row = ansi.plain(row).rstrip()
    found = NUMBERS.search(row)
    return row if found is None else found[0]


def filled(lines: list[str]) -> list[str]:
    """Return the lines without the blank ones below them."""
    return lines[: max((number for number, line in enumerate(lines, 1) if line), default=0)]


@pytest.mark.parametrize("layout", ["bars", "lanes", "tree", "steps", "grid", "nodes", "own"])
def test_what_the_terminal_shows_of_odd_names_is_what_was_meant(layout: str, tmp_path: Path) -> None:
    file = tmp_path / "shown"
    argv = [sys.executable, str(PROGRAM), layout, str(file)]
    with Tmux(argv, tmp_path, columns=96, rows=30, env={"MAINSTAGE_VIEW": "live"}) as tmux:
        tmux.wait_for("moved")

        def as_meant(lines: list[str]) -> bool:
            rows = [told(row) for row in file.read_text(encoding="utf-8").split("\n")]
            return len(rows) >= 3 and [told(line) for line in filled(lines)][-len(rows) :] == rows

        lines = filled(tmux.until(as_meant))
        tmux.signal("go")
        assert tmux.wait() == 0
        everything = "\n".join(tmux.everything())
    assert "名 [b]odd[/b]" in lines[-1]
    assert not CONTROL.search("".join(lines))
    assert "[bold]not markup[/bold] [/] [link=x]" in everything
