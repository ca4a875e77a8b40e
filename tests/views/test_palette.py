from __future__ import annotations

import pytest
from rich.style import Style
from rich.theme import Theme

from mainstage.views.palette import Glyphs, Palette
from mainstage.views.text import width


@pytest.mark.parametrize(
    ("color", "sequence"),
    [("truecolor", "\x1b[38;2;249;38;114m"), ("256", "\x1b[38;5;197m"), ("16", "\x1b[91m"), ("none", "")],
)
def test_a_style_is_said_in_the_colours_there_are(color: str, sequence: str) -> None:
    assert Palette(color).sgr("bar.complete") == sequence  # type: ignore[arg-type]


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
