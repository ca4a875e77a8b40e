"""tqdm, Rich, `mainstage.tqdm` and `mainstage.rich` in one program, whichever begins first: one display."""

from __future__ import annotations

import sys
from itertools import permutations
from pathlib import Path

import pytest
from tests.system.terminals import ROW_MARKS, Pty

PROGRAM = str(Path(__file__).parent / "programs" / "four_libraries.py")
NAMES = {"bar-t", "bar-T", "bar-r", "bar-R"}


def row_names(pty: Pty) -> list[str]:
    rows = [line for line in pty.screen.text.split("\n") if line.startswith(ROW_MARKS)]
    return [line.split()[1] for line in rows]


ORDERS = ["".join(order) for order in permutations("tTrR")]


def begins_alone(order: str) -> bool:
    """Return whether Rich and then tqdm begin before anything of ours: tqdm's first line is then Rich's to print."""
    return order.startswith("rt")


@pytest.mark.parametrize("order", ORDERS)
def test_there_is_one_display_with_a_row_each(order: str) -> None:
    with Pty([sys.executable, PROGRAM, order]) as pty:
        pty.until(lambda: set(row_names(pty)) == NAMES, what="a row of each")
        pty.expect("a line")
        pty.read_for(0.1)
        assert sorted(row_names(pty)) == sorted(NAMES)
        assert pty.wait() == 0
        shown = [line.strip() for line in pty.screen.text.split("\n")]
        assert row_names(pty) == []
    if begins_alone(order):
        assert shown.pop(0).startswith("bar-t:   0%")
    assert shown.count("a line") == 1
    assert shown[-1] == "end"
    assert {name: sum(name in line for line in shown) for name in NAMES} == dict.fromkeys(NAMES, 1)
    assert sum(line == "" for line in shown) <= begins_alone(order)


@pytest.mark.parametrize("order", ["tTrR", "RrTt"])
def test_one_after_another_each_leaves_its_line(order: str) -> None:
    with Pty([sys.executable, PROGRAM, order, "after"]) as pty:
        assert pty.wait() == 0
        shown = [line.strip() for line in pty.screen.text.split("\n")]
    assert shown.count("a line") == len(order) - 1  # tqdm has its bar in the way of it
    alone = [line.strip("✓ ") for line in shown]
    assert [line[:5] for line in alone if "100%" in line or " in " in line] == [f"bar-{kind}" for kind in order]
    assert alone[-1] == "end"
