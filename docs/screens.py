"""Terminal screens as SVG: text stays text, bars are drawn, no font or script is loaded."""

# ruff: noqa: INP001  # beside the script that uses it

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax import saxutils

import pyte.graphics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.testing import Screen

pyte.graphics.TEXT[2] = "+blink"  # pyte knows no dim, and nobody here blinks

CELL = 8.4
"""Width of a cell: that of most monospaced fonts at 14 pixels."""
LINE = 19
MARGIN = 14
TITLE_BAR = 30
HEAVY = {"━": (0.0, 1.0), "╸": (0.0, 0.5), "╺": (0.5, 1.0)}
THIN = "─"
BOXES = {
    "│": "M{x} {top}V{low}",
    "├": "M{x} {top}V{low}M{x} {y}H{right}",
    "└": "M{x} {top}V{y}H{right}",
    "╭": "M{x} {low}V{under}Q{x} {y} {after} {y}H{right}",
    "╮": "M{x} {low}V{under}Q{x} {y} {before} {y}H{left}",
    "╰": "M{x} {top}V{above}Q{x} {y} {after} {y}H{right}",
    "╯": "M{x} {top}V{above}Q{x} {y} {before} {y}H{left}",
}
"""The paths of characters of frames and trees, around the middle of a cell."""

PAPER = "#15181e"
FRAME = "#2a2f3a"
INK = "#d5dae3"
DIM = "#8a93a3"
COLORS = {
    "default": INK,
    "black": "#3b4252",
    "red": "#f0717a",
    "green": "#93ce7f",
    "brown": "#ebc06d",  # what pyte calls yellow
    "blue": "#74a8f0",
    "magenta": "#cf8ddb",
    "cyan": "#62c6d4",
    "white": INK,
    "brightblack": "#4d5666",
    "brightred": "#ff8f96",
    "brightgreen": "#aee39b",
    "brightbrown": "#ffd68a",
    "brightblue": "#97c0ff",
    "brightmagenta": "#e3aced",
    "brightcyan": "#87e0ec",
    "brightwhite": "#ffffff",
}


NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML may hold, however they are written."""


def escape(text: str) -> str:
    """Return `text` for a place between two tags."""
    return saxutils.escape(NO_XML.sub("\ufffd", text))


class Look(NamedTuple):
    """How a cell is painted."""

    color: str
    bold: bool
    italic: bool


class Span(NamedTuple):
    """Neighbouring cells of one look: the first one's column, and their text."""

    column: int
    text: str
    look: Look


Row = list[Span]


def rows_of(screen: Screen) -> list[Row]:
    """Return the rows of a screen, top first, as spans; spaces are no part of any."""
    emulator = screen._screen  # noqa: SLF001  # colours are not in its public face
    return [_spans(emulator.buffer[y], emulator.columns) for y in range(emulator.lines)]


def _spans(cells: Any, columns: int) -> Row:
    spans: Row = []
    for column in range(columns):
        cell = cells[column]
        if not cell.data.strip():
            continue
        look = _look(cell)
        last = spans[-1] if spans else None
        gap = column - (last.column + len(last.text)) if last else 0
        same = last is not None and last.look == look and _drawn(last.text[-1]) == _drawn(cell.data)
        same = same and cell.data not in BOXES and spans[-1].text not in BOXES
        if last is not None and same and (gap == 0 or (gap == 1 and not _drawn(cell.data))):
            spans[-1] = last._replace(text=last.text + " " * gap + cell.data)
        else:
            spans.append(Span(column, cell.data, look))
    return spans


def _look(cell: Any) -> Look:
    color = COLORS.get(cell.fg) or f"#{cell.fg}"
    if cell.blink and cell.fg == "default":
        color = DIM
    return Look(color, bool(cell.bold), bool(cell.italics))


def _drawn(text: str) -> bool:
    return text in HEAVY or text == THIN or text in BOXES


def crop(frames: Sequence[list[Row]]) -> list[list[Row]]:
    """Cut the rows off that are empty in all frames, above and below."""
    used = [y for frame in frames for y, row in enumerate(frame) if row]
    first, last = min(used), max(used)
    return [frame[first : last + 1] for frame in frames]


def svg(frames: Sequence[list[Row]], seconds: Sequence[float], *, columns: int, title: str, about: str) -> str:
    """Return the picture: frames of equal height one after the other, each shown for as many seconds, for ever.

    One frame is a still picture. Where nothing is animated, the middle one is shown. A row is in the file once for as
    long as it stays the same.
    """
    spells = _spells(frames)
    wide = round(columns * CELL + 2 * MARGIN)
    high = TITLE_BAR + len(frames[0]) * LINE + 2 * MARGIN - 4
    body = [_group(index, rows) for index, rows in enumerate(spells.values())]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}"',
            ' role="img" aria-labelledby="t d">',
            f'<title id="t">{escape(title)}</title>',
            f'<desc id="d">{escape(about)}</desc>',
            f"<style>{_style(seconds, list(spells))}</style>",
            f'<rect x=".5" y=".5" width="{wide - 1}" height="{high - 1}" rx="9" fill="{PAPER}" stroke="{FRAME}"/>',
            *(f'<circle cx="{20 + 18 * n}" cy="18" r="5" fill="{FRAME}"/>' for n in range(3)),
            f'<text class="n" x="{wide / 2:g}" y="22" text-anchor="middle">{escape(title)}</text>',
            f'<g transform="translate({MARGIN} {TITLE_BAR + MARGIN})">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _spells(frames: Sequence[list[Row]]) -> dict[tuple[int, int], list[tuple[int, Row]]]:
    """Return what is seen from one frame to before another: rows and where they stand."""
    spells: dict[tuple[int, int], list[tuple[int, Row]]] = {}
    for y in range(len(frames[0])):
        begin = 0
        for at in range(1, len(frames) + 1):
            if at < len(frames) and frames[at][y] == frames[begin][y]:
                continue
            if frames[begin][y]:
                spells.setdefault((begin, at), []).append((y, frames[begin][y]))
            begin = at
    return spells


def _style(seconds: Sequence[float], spells: Sequence[tuple[int, int]]) -> str:
    font = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
    rules = [f"text{{font:14px {font};white-space:pre}}", f".n{{font-size:12px;fill:{DIM}}}", ".b{font-weight:700}"]
    rules.append(".i{font-style:italic}")
    whole, still = sum(seconds), len(seconds) // 2
    rules.append(f".f{{visibility:hidden;animation:{whole:g}s step-end infinite}}")
    for index, (begin, end) in enumerate(spells):
        if (begin, end) == (0, len(seconds)):
            rules.append(f"#f{index}{{visibility:visible}}")
            continue
        before = "0%{visibility:hidden}" if begin else ""
        after = f"{100 * sum(seconds[:end]) / whole:.2f}%{{visibility:hidden}}" if end < len(seconds) else ""
        seen = f"{100 * sum(seconds[:begin]) / whole:.2f}%{{visibility:visible}}"
        rules.append(f"@keyframes k{index}{{{before}{seen}{after}}}")
        shown = ";visibility:visible" if begin <= still < end else ""
        rules.append(f"#f{index}{{animation-name:k{index}{shown}}}")
    rules.append("@media (prefers-reduced-motion:reduce){.f{animation:none!important}}")
    return "".join(rules)


def _group(index: int, rows: Sequence[tuple[int, Row]]) -> str:
    lines = [_paint(span, y * LINE) for y, row in rows for span in row]
    return f'<g class="f" id="f{index}">' + "".join(lines) + "</g>"


def _paint(span: Span, top: int) -> str:
    x = span.column * CELL
    if span.text in BOXES:
        return _box(span, x, top)
    if _drawn(span.text[0]):
        return _bar(span, x, top)
    marks = " ".join(name for name, on in (("b", span.look.bold), ("i", span.look.italic)) if on)
    marked = f' class="{marks}"' if marks else ""
    fill = span.look.color
    width = f"{len(span.text) * CELL:.4g}"
    text = escape(span.text)
    return f'<text x="{x:.4g}" y="{top + 14}" fill="{fill}" textLength="{width}"{marked}>{text}</text>'


def _box(span: Span, x: float, top: int) -> str:
    """Return a line of a frame as a path, for the same reason as bars."""
    places = {"left": x, "x": x + CELL / 2, "right": x + CELL, "top": top, "y": top + 9.5, "low": top + LINE}
    places |= {"before": x + CELL / 2 - 4, "after": x + CELL / 2 + 4, "above": top + 5.5, "under": top + 13.5}
    path = BOXES[span.text].format(**{name: f"{place:.5g}" for name, place in places.items()})
    return f'<path d="{path}" fill="none" stroke="{span.look.color}" stroke-width="1.2"/>'


def _bar(span: Span, x: float, top: int) -> str:
    """Return a bar as rectangles: fonts leave gaps between the characters of lines."""
    parts = []
    start = 0
    for end in range(1, len(span.text) + 1):
        if end < len(span.text) and span.text[end] == span.text[start] and span.text[start] in "━─":
            continue
        left, right = HEAVY.get(span.text[start], (0.0, 1.0))
        thick = 4 if span.text[start] in HEAVY else 1.5
        at, width = x + (start + left) * CELL, (end - start - 1 + right - left) * CELL
        middle = top + 9.5 - thick / 2
        parts.append(
            f'<rect x="{at:.5g}" y="{middle:g}" width="{width:.5g}" height="{thick}" fill="{span.look.color}"/>'
        )
        start = end
    return "".join(parts)
