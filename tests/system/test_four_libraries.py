"""tqdm, Rich, `mainstage.tqdm` and `mainstage.rich` in one program, whichever begins first: one display."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.system.terminals import ROW_MARKS, Pty

PROGRAM = str(Path(__file__).parent / "programs" / "four_libraries.py")
NAMES = {"bar-t", "bar-T", "bar-r", "bar-R"}


def row_names(pty: Pty) -> list[str]:
    rows = [line for line in pty.screen.text.split("\n") if line.startswith(ROW_MARKS)]
    return [line.split()[1] for line in rows]


@pytest.mark.parametrize("order", ["tTrR", "TtRr", "rRtT", "RTtr"])
def test_there_is_one_display_with_a_row_each(order: str) -> None:
    with Pty([sys.executable, PROGRAM, order]) as pty:
        pty.until(lambda: set(row_names(pty)) == NAMES, what="a row of each")
        pty.expect("a line")
        pty.read_for(0.1)
        assert sorted(row_names(pty)) == sorted(NAMES)
        assert pty.wait() == 0
        shown = [line.strip() for line in pty.screen.text.split("\n")]
        assert row_names(pty) == []
    assert shown.count("a line") == 1
    assert shown.count("end") == 1
    assert [sum(name in line for line in shown) for name in ("bar-T", "bar-R")] == [1, 1]
    assert all(sum(name in line for line in shown) <= 1 for name in NAMES)
