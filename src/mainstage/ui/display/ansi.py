"""The terminal's language, as far as we speak it, and how foreign text is made safe to say in it.

A line from outside may hold SGR sequences (colour, weight), links to files, and nothing else that a terminal acts
upon: all else is taken out here, so that no text can move the cursor, and so no text can harm the picture.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len, get_character_cell_size, set_cell_size

if TYPE_CHECKING:
    from collections.abc import Iterable

BEGIN = "\x1b[?2026h"
"""Show nothing of what follows (DEC 2026) until END; a terminal that does not know it shows all at once as well."""
END = "\x1b[?2026l"
HIDE = "\x1b[?25l"
NO_WRAP = "\x1b[?7l"
WRAP = "\x1b[?7h"
SHOW = f"{WRAP}\x1b[?25h"
"""Give the cursor back; and wrapping, as with Ctrl-C the kernel throws away what a terminal has not read, mid-frame."""
SAVE = "\x1b7"
RESTORE = "\x1b8"
PLAIN = "\x1b[0m"
ERASE_RIGHT = "\x1b[K"
ERASE_BELOW = "\x1b[J"
"""From the cursor on. At the top left corner tmux takes it for a clear screen and keeps a copy in the history."""
ERASE_ROWS = f"{ERASE_RIGHT}{SAVE}\x1b[B\r{ERASE_BELOW}{RESTORE}"
"""The same with the cursor anywhere but on the last row, and never with that copy."""
ALL_ROWS = f"{SAVE}\x1b[r{RESTORE}"
"""Scroll the whole screen again: setting margins moves the cursor, so it is put back."""
INDEX = "\x1bD"
"""A line feed that keeps its column, whatever the line discipline does to newlines."""
LINK, UNLINK = "\x1b]8;;", "\x1b]8;;\x1b\\"
"""What begins a link to the address that follows, and what ends it."""
CANCEL = "\x18"
"""End a sequence that was cut in the middle."""

_CERTAIN = (
    " -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u052f"  # Latin, Greek and Cyrillic letters
    "\u2010-\u2027\u2190-\u22ff\u2500-\u25fc\u2713-\u2718"  # dashes, dots, arrows, signs, bars, ticks
    "\u3041-\u3096\u30a1-\u30ff\u4e00-\u9fff\uac00-\ud7a3"  # wide ones: kana, Chinese, Korean
)
UNCERTAIN = re.compile(f"[^{_CERTAIN}]")
"""Characters that terminals do not agree upon: how many cells do emoji and combining marks take?"""
_UNCERTAIN_RUN = re.compile(f"[^{_CERTAIN}\x1b]+")
_KEPT = r"\x1b\[[0-9;:]*m|\x1b\]8;;(?:file://[!-~]*)?\x1b\\"
_STYLING = re.compile(_KEPT)
"""SGR, and what begins or ends a link to a file (OSC 8)."""
_PIECE = re.compile(rf"{_KEPT}|.", re.DOTALL)
_TURNS = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""What turns text round, or begins a new line."""
_UNSAFE = re.compile(rf"[\x00-\x1a\x1c-\x1f\x7f-\x9f{_TURNS}]|\x1b(?!\[[0-9;:]*m)")
_COMMAND = re.compile(
    r"\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # a string for the terminal: title, link, query
    r"|\x1b\[[0-9;:]*m"  # SGR, which stays
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # any other control sequence, or the beginning of one
    r"|\x1b[ -/]*[0-~]|\x1b"
    rf"|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f{_TURNS}]",
    re.DOTALL,
)


def clean_line(line: str) -> str:
    """Return `line` with SGR and file links as its only controls, closed at the end; of overwritten text, the last."""
    linked = LINK in line
    if _UNSAFE.search(_STYLING.sub("", line) if linked else line) is not None:
        line = _scrub(line)
    if linked and line.rfind(LINK) != line.rfind(UNLINK):
        line += UNLINK
    if "\x1b" in line and not line.endswith((PLAIN, "\x1b[m")):
        line += PLAIN
    return line


def _scrub(line: str) -> str:
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part), "")
    kept = _COMMAND.sub(lambda found: found[0] if _STYLING.fullmatch(found[0]) else "", line)
    return kept.expandtabs(8)


def lines(texts: Iterable[str]) -> list[str]:
    """Return `texts` as clean single lines: a text with newlines in it is several."""
    return [clean_line(line) for text in texts for line in text.split("\n")]


def plain(text: str) -> str:
    """Return `text` without its SGR sequences and links."""
    return _STYLING.sub("", text) if "\x1b" in text else text


def row_width(text: str) -> int:
    """Return how many cells the clean `text` takes."""
    text = plain(text)
    return len(text) if text.isascii() else cell_len(text)


def clip_row(row: str, columns: int) -> str:
    """Return the clean `row`, cut to `columns` cells; a wide character that would straddle the edge becomes a space."""
    if row_width(row) <= columns:
        return row
    kept: list[str] = []
    left = columns
    at = 0
    for found in _STYLING.finditer(row):
        left -= _keep(kept, row[at : found.start()], left)
        kept.append(found[0])
        at = found.end()
    _keep(kept, row[at:], left)
    return "".join(kept)


def _keep(kept: list[str], text: str, left: int) -> int:
    """Append what fits of `text` into `left` cells; return how many it took."""
    cells = min(cell_len(text), left)
    kept.append(set_cell_size(text, cells))
    return cells


def row(text: str, columns: int) -> str:
    """Return the bytes that overwrite a whole screen row, wrapping being off, from its first column."""
    text = clean_line(text)
    if row_width(text) < columns:
        return aligned(text) + ERASE_RIGHT
    # At the edge the cursor stays on the last cell: erasing to the right from there would take that cell.
    return aligned(clip_row(text, columns))


def aligned(text: str) -> str:
    """Return a clean row that sets the column anew after what terminals do not agree upon: what follows is in line."""
    if text.isascii():
        return text
    parts: list[str] = []
    at = 0
    for found in _UNCERTAIN_RUN.finditer(text):
        end = found.end()
        parts.append(f"{text[at:end]}{ERASE_RIGHT}\x1b[{row_width(text[:end]) + 1}G")
        at = end
    return "".join([*parts, text[at:]]) if parts and at < len(text) else text


def over(line: str, columns: int) -> str:
    """Return what overwrites old rows with a clean `line` that may wrap, from the first column."""
    if line.isascii():
        cells = len(plain(line))
        return line if cells and cells % columns == 0 else line + ERASE_RIGHT
    parts: list[str] = []
    column = 0
    for piece in _PIECE.findall(line):
        cells = get_character_cell_size(piece) if len(piece) == 1 else 0
        if column + cells > columns:
            if column < columns:  # a wide character wraps whole, and leaves the last cell as it was
                parts.append(ERASE_RIGHT)
            column = 0
        column += cells
        parts.append(piece)
    # At the edge the cursor waits on the last cell: see `row`.
    return "".join(parts) if column == columns else f"{''.join(parts)}{ERASE_RIGHT}"


def height(line: str, columns: int) -> int:
    """Return how many rows the clean `line` wraps into."""
    text = plain(line)
    if text.isascii():
        return max(1, -(-len(text) // columns))
    rows, column = 1, 0
    for character in text:
        cells = get_character_cell_size(character)
        if column + cells > columns:
            rows, column = rows + 1, 0
        column += cells
    return rows


def encode_text(text: str, encoding: str, errors: str = "replace") -> bytes:
    """Return `text` in `encoding`; what it cannot say becomes "?" (or as `errors` has it), a lone surrogate too."""
    try:
        return text.encode(encoding)
    except UnicodeError:
        return text.encode(encoding, errors)


def last_row(line: str, columns: int) -> tuple[int, int]:
    """Return where the last row of the clean `line` begins, and the column after its end: 0 where a row is full."""
    text = plain(line)
    if text.isascii():
        column = len(text) % columns
    else:
        column = 0
        for character in text:
            cells = get_character_cell_size(character)
            column = cells if column + cells > columns else column + cells
        column %= columns
    if text is not line:
        return 0, column
    start, cells = len(text), column
    while cells > 0:
        start -= 1
        cells -= get_character_cell_size(text[start])
    return start, column


def unended(line: str, columns: int) -> str:
    """Return the bytes of a clean line that does not end: after a full row the cursor is at the start of the next."""
    return f"{line} \r" if line and last_row(line, columns)[1] == 0 else line


def fresh_line(columns: int, begun: str = "") -> str:
    """Return what moves the cursor to the start of an empty line: the next one if this one has text.

    The column is not known and need not be: a row of spaces wraps, unless it began at the first column. Where the clean
    line `begun` was left here, its last row makes way, unless another program has written after it.
    """
    return f"{PLAIN}{' ' * (columns - last_row(begun, columns)[1])}\r{ERASE_RIGHT}"
