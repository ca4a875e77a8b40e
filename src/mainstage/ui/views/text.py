"""Lines and names cut to the width that they are to have."""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len, split_graphemes

from mainstage.ui.views.foreign import LONGEST_NAME, STYLING, strip

SHORTEST_ENDS = 6
"""Cells for the two ends of a name, below which only its start is shown."""


_SPACES = re.compile(r"\s+")


def one_line(text: str) -> str:
    """Return the beginning of `text`, with each run of white space, newlines too, as one space."""
    return _SPACES.sub(" ", text[:LONGEST_NAME]).strip()


def width(text: str) -> int:
    """Return how many cells the clean `text` takes, SGR sequences and links none."""
    if text.isascii():
        return len(strip(text))
    return cell_len(strip(text))


@lru_cache(8192)
def clip(text: str, cells: int, ellipsis: str = "…") -> str:
    """Return `text`, which has no SGR, cut to at most `cells`, with `ellipsis` as its end if it was cut."""
    if (len(text) if text.isascii() else cell_len(text)) <= cells:
        return text
    room = cells - cell_len(ellipsis)
    if room < 0:
        return _head(text, cells)
    return _head(text, room) + ellipsis


@lru_cache(8192)
def fit(text: str, cells: int, ellipsis: str = "…") -> str:
    """Return `text`, which has no SGR, clipped or padded to exactly `cells`."""
    text = clip(text, cells, ellipsis)
    return text + " " * (cells - (len(text) if text.isascii() else cell_len(text)))


@lru_cache(8192)
def shorten(text: str, cells: int, ellipsis: str = "…") -> str:
    """Return the name `text`, clipped in its middle or padded to exactly `cells`: the ends of names tell them apart."""
    size = len(text) if text.isascii() else cell_len(text)
    room = cells - cell_len(ellipsis)
    if size <= cells or room < SHORTEST_ENDS:
        return fit(text, cells, ellipsis)
    head = _head(text, room // 2)
    return fit(f"{head}{ellipsis}{tail(text, room - width(head))}", cells)


def tail(text: str, cells: int) -> str:
    """Return the longest end of `text` within `cells` that breaks no grapheme."""
    if text.isascii():
        return text[len(text) - cells :] if cells > 0 else ""
    start = len(text)
    for begin, _, size in reversed(split_graphemes(text)[0]):
        cells -= size
        if cells < 0:
            break
        start = begin
    return text[start:].lstrip("\u200d")


def _head(text: str, cells: int) -> str:
    """Return the longest start of `text` within `cells` that breaks no grapheme."""
    if text.isascii():
        return text[: max(0, cells)]
    end = taken = 0
    for _, stop, size in split_graphemes(text)[0]:
        taken += size
        if taken > cells:
            break
        end = stop
    return text[:end].rstrip("\u200d")


def crop(line: str, cells: int) -> str:
    """Return a clean line, SGR sequences, links and all, cut to at most `cells`."""
    if width(line) <= cells:
        return line
    if "\x1b" not in line:
        return _head(line, cells)
    parts: list[str] = []
    at = 0
    for found in STYLING.finditer(line):
        head = _head(line[at : found.start()], cells)
        cells -= width(head)
        parts += (head, found[0])
        if head != line[at : found.start()]:
            cells = 0
        at = found.end()
    parts.append(_head(line[at:], cells))
    return "".join(parts)
