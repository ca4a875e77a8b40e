"""Foreign text is made safe before it reaches a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mainstage.ui.display import ansi
from mainstage.ui.display.recording import Screen

RED = "\x1b[31m"
LINK = "\x1b]8;;file://host/a%20b\x1b\\"


@pytest.mark.parametrize(
    ("foreign", "safe"),
    [
        ("plain", "plain"),
        (f"{RED}red", f"{RED}red\x1b[0m"),
        (f"{RED}red\x1b[0m", f"{RED}red\x1b[0m"),
        ("\x1b[2Jgone", "gone"),
        ("\x1b[10;10Hmoved\x1b[A", "moved"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link\x1b]8;;\x1b\\\x1b[0m"),
        (f"{LINK}file\x1b]8;;\x1b\\ {RED}x", f"{LINK}file\x1b]8;;\x1b\\ {RED}x\x1b[0m"),
        (f"\x1b[2J{LINK}file", f"{LINK}file\x1b]8;;\x1b\\\x1b[0m"),
        ("\x1b7saved\x1b8", "saved"),
        ("\x1bcreset", "reset"),
        ("10 %\r20 %\r30 %", "30 %"),
        ("100 %\r", "100 %"),
        ("a\tb", "a       b"),
        ("bell\x07 back\x08 del\x7f c1\x9b2J", "bell back del c12J"),
        ("cut \x1b[3", "cut "),
    ],
)
def test_a_line_keeps_its_colours_and_loses_what_moves_the_cursor(foreign: str, safe: str) -> None:
    assert ansi.clean_line(foreign) == safe


@given(st.text(st.sampled_from("\x1b[]2;JmH\r\n\x9b\x07漢x\ud800")))
def test_no_line_makes_a_terminal_move(text: str) -> None:
    screen = Screen(40, 3)
    screen.feed(b"kept\r\n")
    for line in ansi.lines([text]):
        screen.feed(ansi.encode_text(ansi.clip_row(line, 40), "utf-8"))
        screen.feed(b"\r")
    assert screen.lines()[0] == "kept"
    assert screen.cursor == (0, 1)


@given(st.text(st.sampled_from("ab漢字é\u0301😀 ")), st.integers(1, 12))
def test_a_clipped_row_is_never_wider_than_the_screen(text: str, columns: int) -> None:
    clipped = ansi.clip_row(text, columns)
    assert ansi.row_width(clipped) <= columns
    assert text.startswith(clipped.rstrip()) or cell_len(text) > columns


def test_colours_do_not_count_and_do_not_leak_when_a_row_is_cut() -> None:
    row = f"{RED}漢字{'x' * 10}\x1b[0m"
    assert ansi.clip_row(row, 5) == f"{RED}漢字x\x1b[0m"
    assert ansi.clip_row(row, 3) == f"{RED}漢 \x1b[0m"


def test_a_full_row_is_not_erased_to_its_right_for_that_takes_its_last_cell() -> None:
    assert ansi.row("x" * 10, 10) == "x" * 10
    assert ansi.row("x" * 9, 10) == "x" * 9 + "\x1b[K"


@pytest.mark.parametrize(("text", "at_edge"), [("", False), ("x" * 10, True), ("x" * 20, True), ("x" * 11, False)])
def test_a_wrapped_line_that_ends_at_the_edge_is_not_erased_either(text: str, at_edge: bool) -> None:  # a case
    assert ansi.over(text, 10) == (text if at_edge else f"{text}\x1b[K")


def test_a_wide_character_that_does_not_fit_wraps_whole() -> None:
    first = "x" * 9 + "\x1b[K漢"  # the last cell of the first row is not written over: erase what stood there
    assert ansi.over("x" * 9 + "漢" + "x" * 8, 10) == first + "x" * 8
    assert ansi.over("x" * 9 + "漢" + "x" * 7, 10) == first + "x" * 7 + "\x1b[K"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_no_text_is_unsayable(encoding: str) -> None:
    assert ansi.encode_text("━ caf\udce9 漢", encoding).decode(encoding).endswith(("?", "漢"))
    assert b"\\udce9" in ansi.encode_text("caf\udce9", encoding, "backslashreplace")


def test_links_take_no_cells_and_end_where_a_row_is_cut() -> None:
    row = f"see {LINK}file.py\x1b]8;;\x1b\\ now"
    assert ansi.row_width(row) == 15
    assert ansi.height(row, 15) == 1
    assert ansi.clip_row(row, 6) == f"see {LINK}fi\x1b]8;;\x1b\\"
    assert ansi.over(f"{LINK}漢字\x1b]8;;\x1b\\", 4) == f"{LINK}漢字\x1b]8;;\x1b\\"
