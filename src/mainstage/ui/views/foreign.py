"""Foreign text made safe to show: names of things, and lines of programs.

Names come from file systems and users, lines from programs: both may hold anything. Nothing here knows Rich, so that it
costs no import of it and no text is ever read as markup.
"""

from __future__ import annotations

import re
from functools import lru_cache

RESET = "\x1b[0m"
TAB = 8
"""Cells between two tab stops."""
LONGEST_NAME = 1024
"""Characters of a name that are looked at: a picture shows fewer, and a long one is not to cost more."""

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
STYLING = re.compile(r"\x1b(?:\[[0-9;:]*m|\]8;;[!-~]*\x1b\\)")
"""What a line of ours holds beside its text: SGR, and links to files (OSC 8)."""
_SEQUENCE = re.compile(
    r"\x1b\[[0-9;:]*m"  # SGR
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # any other control sequence: it moves, erases, asks
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # a string for the terminal: title, link, query
)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_JOINS_NOTHING = re.compile("(?<!\\S)\u200d++|(?<!\u200d)\u200d++(?=\\s|$)")
"""Joiners with nothing on one side would join what we put there: padding, an ellipsis. Each run is read once."""


def clean(text: str, *, sgr: bool = True, encoding: str = "utf-8") -> str:
    r"""Return `text`, one line, with nothing in it that a terminal acts upon.

    With `sgr`, for the output of programs: colours stay and are closed at the end, other control sequences are left
    out, of text overwritten by carriage returns the last remains. Without, for names: each control character is shown
    as its picture. What `encoding` cannot say, lone surrogates too, is escaped as in `\udcff`. Tabs become spaces.
    """
    if not sgr:
        return _clean_name(text, encoding)
    if text.isprintable():
        return _encodable(text, encoding)
    if "\r" in text:
        text = next((part for part in reversed(text.split("\r")) if part), "")
    if "\t" in text:
        text = _expand_tabs(text)
    if "\x1b" not in text:
        return _show_unseen(text, encoding)
    return _clean_sequences(text, encoding)


@lru_cache(4096)
def _clean_name(text: str, encoding: str) -> str:
    if text.isprintable():
        return _encodable(text, encoding)
    return _show_unseen(text.replace("\t", " "), encoding)


def _clean_sequences(text: str, encoding: str) -> str:
    parts: list[str] = []
    at = 0
    coloured = False
    for found in _SEQUENCE.finditer(text):
        parts.append(_show_unseen(text[at : found.start()], encoding))
        if found[0].endswith("m") and _SGR.fullmatch(found[0]):
            parts.append(found[0])
            coloured = found[0] not in (RESET, "\x1b[m")
        at = found.end()
    parts.append(_show_unseen(text[at:], encoding))
    if coloured:
        parts.append(RESET)
    return "".join(parts)


def _expand_tabs(text: str) -> str:
    if "\x1b" not in text and text.isascii():
        return text.expandtabs(TAB)
    from rich.cells import cell_len  # noqa: PLC0415  # most lines have no tab, or are ASCII

    parts = text.split("\t")
    cells = 0
    for index, part in enumerate(parts[:-1]):
        cells += cell_len(_SEQUENCE.sub("", part))
        parts[index] += " " * (TAB - cells % TAB)
        cells += TAB - cells % TAB
    return "".join(parts)


def _show_unseen(text: str, encoding: str) -> str:
    if not text.isprintable():
        picture = _picture if _says_pictures(encoding) else _escape
        text = _JOINS_NOTHING.sub("", _UNSEEN.sub(picture, text))
    return _encodable(text, encoding)


@lru_cache
def _says_pictures(encoding: str) -> bool:
    try:
        "\u2400".encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:  # noqa: PLR2004  # the C0 controls, whose pictures stand in the same order
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else _escape(found)  # noqa: PLR2004  # DEL


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004  # one byte


def _encodable(text: str, encoding: str) -> str:
    if text.isascii() or encoding == "utf-8":  # surrogates are not printable: `_UNSEEN` has them
        return text
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except (UnicodeError, LookupError):
        return text.encode("ascii", "backslashreplace").decode()


def strip(line: str) -> str:
    """Return a clean line without its SGR sequences and links."""
    return STYLING.sub("", line) if "\x1b" in line else line
