from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from mainstage.ui.views import foreign, text

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
HOSTILE = st.text(st.characters() | st.sampled_from("\x1b[];m\r\t\n\x9b\u200d\ufe0f\u0301名👨👩"), max_size=40)


def test_colours_of_a_program_stay_and_are_closed() -> None:
    assert foreign.clean("a \x1b[31mred") == "a \x1b[31mred\x1b[0m"
    assert foreign.clean("a \x1b[1;38:5:9mred\x1b[0m.") == "a \x1b[1;38:5:9mred\x1b[0m."


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        ("up \x1b[2Aand \x1b[2Jerased\x1b[K", "up and erased"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%\r50%\rdone", "done"),
        ("done\r", "done"),
        ("bell\x07 \x9b2J", "bell␇ \\x9b2J"),
        ("lone \x1b", "lone ␛"),
        ("a\tb", "a       b"),
        ("名\tb", "名      b"),
        ("\udcff.txt", "\\udcff.txt"),
        ("right\u202eto left", "right\\u202eto left"),
    ],
)
def test_what_a_terminal_would_act_upon_is_taken_out_or_shown(given_text: str, cleaned: str) -> None:
    assert foreign.clean(given_text) == cleaned


def test_a_name_shows_its_control_characters() -> None:
    assert foreign.clean("a\x1b[31m\r\nb\x7f", sgr=False) == "a␛[31m␍␊b␡"


def test_ascii_escapes_what_it_cannot_say() -> None:
    assert foreign.clean("é\x1b[2J名", sgr=False, encoding="ascii") == "\\xe9\\x1b[2J\\u540d"
    assert foreign.clean("é名\x07", encoding="latin-1") == "é\\u540d\\x07"
    assert foreign.clean("é", sgr=False, encoding="no such encoding") == "\\xe9"


@given(HOSTILE)
@example("\x1b[0\x1b[0mm")
@example("\x1b\x1b[mm")
def test_no_text_gets_a_control_past_cleaning(dirty: str) -> None:
    dirty = dirty.replace("\n", " ")
    assert not CONTROL.search(foreign.strip(foreign.clean(dirty)))
    assert not CONTROL.search(foreign.clean(dirty, sgr=False))
    assert foreign.clean(dirty, encoding="ascii").isascii()
    foreign.clean(dirty).encode()


@given(HOSTILE, st.integers(0, 30))
@example("\u200d", 1)
@example("\u200da", 3)
@example("a\u200d\u200d b", 9)
@example("👨\u200d👩\u200d👨", 4)
def test_a_fitted_text_has_exactly_its_width(dirty: str, cells: int) -> None:
    clean = foreign.clean(dirty, sgr=False)
    assert cell_len(text.fit(clean, cells)) == cells
    assert cell_len(text.shorten(clean, cells)) == cells
    assert cell_len(text.fit(clean, cells, "...")) == cells
    assert cell_len(text.clip(clean, cells)) == min(cells, cell_len(text.clip(clean, cells)))


@given(HOSTILE, st.integers(0, 30))
def test_a_cropped_line_is_no_wider_and_keeps_its_colours(dirty: str, cells: int) -> None:
    clean = foreign.clean("\x1b[1m" + dirty.replace("\r", ""))
    cropped = text.crop(clean, cells)
    assert text.width(cropped) <= cells
    assert cropped == clean or foreign.strip(cropped) + "\x1b[0m" == foreign.strip(cropped) + cropped[-4:]


def test_clipping_breaks_no_grapheme() -> None:
    family = "👨\u200d👩\u200d👧"
    assert text.clip(f"ab{family}cd", 4) == "ab…"
    assert text.clip("e\u0301e\u0301e\u0301", 2) == "e\u0301…"
    assert text.fit("名前名前", 4) == "名… "


def test_a_long_name_keeps_both_ends() -> None:
    assert text.shorten("lib/python/alpha-17.bin", 12) == "lib/p…17.bin"
    assert text.shorten("lib/python/alpha-17.bin", 12, "...") == "lib/...7.bin"
    assert text.shorten("名前名前名前名前.bin", 10) == "名前….bin "


def test_white_space_becomes_single_spaces() -> None:
    assert text.one_line(" a\n\tb  c\r\n") == "a b c"


def test_a_link_takes_no_cells_and_is_closed_where_a_line_is_cropped() -> None:
    line = "at \x1b]8;;file://host/srv/job.py\x1b\\/srv/job.py:12\x1b]8;;\x1b\\ in f"
    assert foreign.strip(line) == "at /srv/job.py:12 in f"
    assert text.width(line) == 22
    assert text.crop(line, 7) == "at \x1b]8;;file://host/srv/job.py\x1b\\/srv\x1b]8;;\x1b\\"
