"""Rows as HTML: their text whole, their colours as styles, nothing else of what they hold."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstage.ui.display import ansi
from mainstage.ui.display.html import folded, to_html


def text_of(page: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", page))


@pytest.mark.parametrize(
    ("row", "style"),
    [
        ("\x1b[1mx\x1b[0m", "font-weight:bold;"),
        ("\x1b[2mx", "opacity:.65;"),
        ("\x1b[31mx", "color:var(--jp-error-color1,#c62828);"),
        ("\x1b[1;92mx", "font-weight:bold;color:var(--jp-success-color1,#2e7d32);"),
        ("\x1b[38;5;9mx", "color:#f55;"),
        ("\x1b[38;5;21mx", "color:#0000ff;"),
        ("\x1b[38;5;240mx", "color:#585858;"),
        ("\x1b[38;2;1;2;255mx", "color:#0102ff;"),
        ("\x1b[38:2:1:2:255mx", "color:#0102ff;"),
        ("\x1b[48;5;21;4mx", "text-decoration:underline;"),
    ],
)
def test_a_colour_is_a_style(row: str, style: str) -> None:
    assert f'<span style="{style}">x</span>' in to_html([row])


@pytest.mark.parametrize("row", ["\x1b[38mx", "\x1b[38;5mx", "\x1b[38;2;1mx", "\x1b[mx", "\x1b[999mx"])
def test_a_colour_that_is_none_leaves_the_text(row: str) -> None:
    assert text_of(to_html([row])) == "x"


def test_a_style_ends_with_its_row() -> None:
    assert to_html(["\x1b[1ma", "b"]).endswith("</span>\nb</pre>")


def test_text_is_never_read_as_html() -> None:
    assert "<script>" not in to_html(["<script>&amp;</script>"])
    assert text_of(to_html(["<b>&amp;"])) == "<b>&amp;"


def test_a_link_of_a_terminal_is_left_out() -> None:
    assert text_of(to_html([f"{ansi.LINK}file:///a\x1b\\there{ansi.UNLINK}"])) == "there"


def test_a_folded_text_has_its_line_and_its_lines() -> None:
    page = folded("\x1b[31mfailed", "one\n <two>")
    assert page.startswith("<details")
    assert text_of(page) == "failedone\n <two>"


def test_nothing_is_nothing() -> None:
    assert to_html([]) == ""


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30), max_size=4))
def test_the_text_is_that_of_the_clean_rows(rows: list[str]) -> None:
    clean = ansi.lines(rows)
    assert text_of(to_html(clean)) == "\n".join(map(ansi.plain, clean))
