from __future__ import annotations

import pytest
from rich.style import Style
from rich.theme import Theme

from mainstage.ui.views.palette import STYLES, Glyphs, Palette
from mainstage.ui.views.text import width


@pytest.mark.parametrize(
    ("color", "sequence"),
    [("truecolor", "\x1b[38;2;249;38;114m"), ("256", "\x1b[38;5;197m"), ("16", "\x1b[91m"), ("none", "")],
)
def test_a_style_is_said_in_the_colours_there_are(color: str, sequence: str) -> None:
    assert Palette(color).sgr("rgb(249,38,114)") == sequence  # type: ignore[arg-type]


def test_painting_opens_and_closes() -> None:
    assert Palette("16").paint("mainstage.failed", "x") == "\x1b[1;31mx\x1b[0m"
    assert Palette("16").paint("mainstage.failed", "") == ""
    assert Palette("none").paint("mainstage.failed", "x") == "x"


def test_a_theme_changes_and_adds_styles() -> None:
    for theme in (
        Theme({"bar.complete": "green", "own": "on blue underline"}),
        {"bar.complete": "green", "own": "on blue underline"},
    ):
        palette = Palette("16", theme)
        assert palette.sgr("bar.complete") == "\x1b[32m"
        assert palette.sgr("own") == "\x1b[4;44m"
        assert palette.sgr("mainstage.failed") == "\x1b[1;31m"
        assert palette.sgr("bar.pulse") == "\x1b[36m"  # ours, though a theme of Rich's has all of Rich's
    assert Palette("16", {"bar.complete": "rgb(249,38,114)"}).sgr("bar.complete") == "\x1b[91m"


def test_a_style_by_its_definition_and_an_unknown_name() -> None:
    assert Palette("16").sgr("italic") == "\x1b[3m"
    assert Palette("16").sgr(Style(link="http://x")) == ""
    assert Palette("16").sgr("no such style") == ""


@pytest.mark.parametrize("unicode", [True, False])
def test_every_mark_takes_one_cell(unicode: bool) -> None:
    glyphs = Glyphs(unicode=unicode)
    marks = (glyphs.running, glyphs.done, glyphs.failed, glyphs.waiting, glyphs.cancelled, glyphs.full, glyphs.back)
    assert [width(mark) for mark in marks] == [1] * len(marks)
    assert len(set(marks)) == len(marks)
    assert unicode or all(mark.isascii() for mark in (*marks, glyphs.ellipsis, glyphs.bar))


def test_a_link_leads_to_a_file_where_the_terminal_takes_links() -> None:
    palette = Palette("16", files="file://host")
    linked = "\x1b]8;;file://host/srv/a%20b/%E5%90%8D%FF\x1b\\job.py\x1b]8;;\x1b\\"
    assert palette.link("job.py", "/srv/a b/名\udcff") == linked
    assert palette.link("job.py", "job.py") == "job.py"
    assert palette.link("job.py", "/srv/\ud800") == "job.py"
    assert Palette("16").link("job.py", "/srv/job.py") == "job.py"
    assert width(palette.paint("mainstage.dim", linked)) == 6


def test_red_is_a_failures_alone() -> None:
    said = {name: Palette("16").sgr(name).strip("\x1b[m").split(";") for name in STYLES}
    assert [name for name, codes in said.items() if {"31", "91"} & set(codes)] == ["mainstage.failed"]
