"""Rows of ours as HTML that needs no script and no style sheet: one `<pre>`, its colours as inline styles.

The colours are those of JupyterLab's theme where that is, light or dark, and else ones that can be read on white and on
black. Where a page takes styles away (an untrusted notebook, GitHub) the text stands as it is.
"""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from mainstage.ui.display.ansi import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstage.ui.views.kept_lines import KeptLine

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_LINK = re.compile(r"\x1b\]8;;[^\x1b]*\x1b\\")
FONT = "font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px)"
DETAILS = f"margin:0;padding:0 0 0 1ch;{FONT}"
PRE = f"margin:0;padding:0 0 0 1ch;line-height:1.3;white-space:pre;overflow-x:auto;background:none;{FONT}"
BASIC = (
    "#777",
    "var(--jp-error-color1,#c62828)",
    "var(--jp-success-color1,#2e7d32)",
    "var(--jp-warn-color1,#b26a00)",
    "var(--jp-brand-color1,#1565c0)",
    "#8e24aa",
    "var(--jp-info-color1,#00838f)",
    "inherit",
)
"""The eight colours of SGR 30 to 37; bright ones are the same, but for bright black, which is grey as black is."""
SIXTEEN = [
    "000",
    "a00",
    "0a0",
    "a50",
    "00a",
    "a0a",
    "0aa",
    "aaa",
    "555",
    "f55",
    "5f5",
    "ff5",
    "55f",
    "f5f",
    "5ff",
    "fff",
]
"""The first sixteen of 256 colours."""
STEPS = (0, 95, 135, 175, 215, 255)
"""The shades of red, green and blue of the 216 colours that follow."""
FLAGS = {1: "font-weight:bold", 2: "opacity:.65", 3: "font-style:italic", 4: "text-decoration:underline"}
EXTENDED, OF_256, RGB = 38, 5, 2
"""SGR: a colour of many follows, by its number, by its three parts."""
BACKGROUND = 48


def to_html(lines: Iterable[str]) -> str:
    """Return `lines`, which may have SGR sequences, as one `<pre>`; "" for none."""
    inner = "\n".join(map(_line, lines))
    return f'<pre style="{PRE}">{inner}</pre>' if inner else ""


def folded(summary: str, text: str) -> str:
    """Return the line `summary`, to be unfolded for `text`, which has lines."""
    return f'<details style="{DETAILS}"><summary>{_line(summary)}</summary>{to_html(text.splitlines())}</details>'


def kept_html(lines: Iterable[KeptLine]) -> str:
    """Return the lines that stay with a picture, those that have a traceback to be unfolded."""
    parts = []
    for unfolds, group in groupby(lines, key=lambda one: bool(one.traceback)):
        if unfolds:
            parts += [folded(one.line, one.traceback) for one in group]
        else:
            parts.append(to_html(one.line for one in group))
    return "".join(parts)


def _line(line: str) -> str:
    """Return one line, its text escaped and each run of one style in a `<span>`."""
    parts, style = [], ""
    for number, piece in enumerate(_SGR.split(_LINK.sub("", clean_line(line)))):
        if number % 2:
            style = _restyled(style, piece)
        elif piece:
            text = escape(piece, quote=False)
            parts.append(f'<span style="{style}">{text}</span>' if style else text)
    return "".join(parts)


def _restyled(style: str, codes: str) -> str:
    """Return the inline style that `style` becomes by an SGR sequence of `codes`; backgrounds are left out."""
    numbers = [int(code or 0) for code in codes.replace(":", ";").split(";")]
    at = 0
    while at < len(numbers):
        code = numbers[at]
        at += 1
        if code == 0:
            style = ""
        elif code in FLAGS:
            style += f"{FLAGS[code]};"
        elif 30 <= code <= 37 or 90 <= code <= 97:  # noqa: PLR2004  # the codes of SGR
            style += f"color:{BASIC[code % 10]};"
        elif code in (EXTENDED, BACKGROUND):
            color, at = _extended(numbers, at)
            style += f"color:{color};" if color and code == EXTENDED else ""
    return style


def _extended(numbers: Sequence[int], at: int) -> tuple[str, int]:
    """Return the colour that stands at `at`, "" for none that is known, and where what follows begins."""
    kind, rest = numbers[at : at + 1], numbers[at + 1 :]
    if kind == [OF_256] and rest:
        return _of_256(rest[0] % 256), at + 2
    if kind == [RGB] and len(rest) >= 3:  # noqa: PLR2004  # red, green, blue
        return "#" + "".join(f"{part % 256:02x}" for part in rest[:3]), at + 4
    return "", len(numbers)


def _of_256(number: int) -> str:
    if number < len(SIXTEEN):
        return f"#{SIXTEEN[number]}"
    if number >= 232:  # noqa: PLR2004  # from there on greys
        grey = 8 + 10 * (number - 232)
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    number -= len(SIXTEEN)
    return f"#{STEPS[number // 36]:02x}{STEPS[number // 6 % 6]:02x}{STEPS[number % 6]:02x}"
