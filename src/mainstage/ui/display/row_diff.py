"""What of a row changed, so that only that is sent.

A row is taken as spans, each of which ends where its style does, so that one can be written without the others: the
cursor goes to where it begins. That asks for columns that are certain: a row with characters that terminals do not
agree upon (emoji, combining marks) is written whole.
"""

from __future__ import annotations

from functools import lru_cache

from mainstage.ui.display import ansi

UNCERTAIN = 1 << 20
"""Cells of a span that terminals do not agree upon: more than any row has."""


def change(before: str, after: str, columns: int) -> str:
    """Return what turns the row `before`, as it stands on the cursor's line, into `after`.

    Wrapping is off and no style on, then and afterwards.
    """
    olds, news = before.split(ansi.PLAIN), after.split(ansi.PLAIN)
    if len(olds) != len(news):
        return whole_row(after, columns)
    parts: list[str] = []
    at = column = 1  # of the old span, of the new one
    writing = False
    for old, new in zip(olds, news, strict=True):
        if old == new and at == column:
            writing = False
        else:
            parts.append(f"{new}{ansi.PLAIN}" if writing else f"\x1b[{column}G{new}{ansi.PLAIN}")
            writing = True
            at += cells(old) - cells(new)
        size = cells(new)
        at += size
        column += size
    if max(at, column) > columns + 1:
        return whole_row(after, columns)
    if column < at:
        parts.append(ansi.ERASE_RIGHT)
    return "".join(parts)


def whole_row(row: str, columns: int) -> str:
    """Return what writes all of `row` onto the cursor's line."""
    return f"\r{ansi.row(row, columns)}"


@lru_cache(4096)  # most spans of a row were there before: a third of the cost of a frame
def cells(span: str) -> int:
    """Return how many cells `span` takes, or `UNCERTAIN`; so for anything that a terminal would act upon, but SGR."""
    text = ansi.plain(span)
    if text.isascii():
        return len(text) if text.isprintable() else UNCERTAIN
    return UNCERTAIN if ansi.UNCERTAIN.search(text) else ansi.row_width(text)
