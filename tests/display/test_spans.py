"""What is sent of a row that changed: as little as is safe, and the cells are those of a row written whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstage.ui.display import ansi, row_diff
from mainstage.ui.display.recording import Screen
from mainstage.ui.display.region import WHOLE, RegionScreen

COLUMNS = 24
GREEN, RED, PLAIN = "\x1b[32m", "\x1b[41;1m", "\x1b[0m"

piece = st.sampled_from(["", "  ", "7", " 12%", "━━━╸", "name.bin", "漢字", "漢", "é", "e\u0301", "👍", "x" * 9])
styled = st.tuples(st.sampled_from(["", GREEN, RED]), piece, st.sampled_from(["", PLAIN, PLAIN, "\x1b[m"]))
styled_row = st.lists(styled, max_size=7).map(lambda pieces: "".join(map("".join, pieces)))


def cells(screen: Screen) -> list[object]:
    row = screen._screen.buffer[1]
    return [row[column] for column in range(COLUMNS)]


def written(*changes: str) -> Screen:
    screen = Screen(COLUMNS, 3)
    screen.feed(f"\x1b[1Habove\x1b[3Hbelow\x1b[2H{ansi.NO_WRAP}".encode())
    for change in changes:
        screen.feed(change.encode())
    return screen


@settings(max_examples=300)
@given(rows=st.lists(styled_row, min_size=2, max_size=4))
def test_a_changed_row_has_the_cells_and_colours_of_one_that_is_written_whole(rows: list[str]) -> None:
    changes = [row_diff.change(old, new, COLUMNS) for old, new in pairwise(rows)]
    screen = written(row_diff.whole_row(rows[0], COLUMNS), *changes)
    assert cells(screen) == cells(written(row_diff.whole_row(rows[-1], COLUMNS)))
    assert (screen.lines()[0], screen.lines()[2]) == ("above", "below")


@settings(max_examples=100)
@given(old=styled_row, new=styled_row)
def test_no_style_is_left_on_after_a_change(old: str, new: str) -> None:
    screen = written(row_diff.whole_row(old, COLUMNS), row_diff.change(old, new, COLUMNS), "\x1b[3Hnew")
    styles = [screen._screen.buffer[2][column]._replace(data="") for column in (0, 4)]
    assert styles[0] == styles[1]


def test_only_spans_that_changed_are_sent_and_what_they_move() -> None:
    before = f"{GREEN}a{PLAIN} name {RED}1/9{PLAIN}  {GREEN}0:05{PLAIN}"
    assert row_diff.change(before, before.replace("1/9", "2/9"), 40) == f"\x1b[2G name {RED}2/9{PLAIN}"
    longer = row_diff.change(before, before.replace("1/9", "10/9"), 40)
    assert longer == f"\x1b[2G name {RED}10/9{PLAIN}  {GREEN}0:05{PLAIN}{PLAIN}"
    assert row_diff.change(before, before.replace("0:05", "5"), 40) == f"\x1b[11G  {GREEN}5{PLAIN}{PLAIN}\x1b[K"


@pytest.mark.parametrize("name", ["👍", "e\u0301", "\u200d", "ก็", "\x1b[2J", "\t", "soft\xadhyphen", "\ufe0f"])
def test_a_row_whose_columns_are_not_certain_is_written_whole(name: str) -> None:
    before = f"{name}{PLAIN} 1{PLAIN} end"
    after = f"{name}{PLAIN} 2{PLAIN} end"
    assert row_diff.change(before, after, 40) == row_diff.whole_row(after, 40)


@pytest.mark.parametrize("cells", [40, 41])
def test_a_row_that_is_cut_is_written_whole(cells: int) -> None:
    before, after = f"1{PLAIN}{'x' * (cells - 1)}", f"2{PLAIN}{'x' * (cells - 1)}"
    assert (row_diff.change(before, after, 40) == row_diff.whole_row(after, 40)) == (cells > 40)


def test_rows_that_somebody_erased_are_whole_again_after_some_changes() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    rows = [[f"{GREEN}{name}{PLAIN} {n}{PLAIN}" for name in ("one", "two")] for n in range(WHOLE + 1)]
    screen.feed(live.frame([], rows[0]).encode())
    screen.feed(b"\x1bc")
    for picture in rows[1:]:
        screen.feed(live.frame([], picture).encode())
    assert screen.lines()[-2:] == [f"one {WHOLE}", f"two {WHOLE}"]


def test_what_a_lone_accent_did_to_the_cell_before_it_goes_with_it() -> None:
    before, after = f"a{PLAIN}\u0301b", f"a{PLAIN}b"
    screen = written(row_diff.whole_row(before, COLUMNS), row_diff.change(before, after, COLUMNS))
    assert screen.lines()[1] == "ab"
