"""Which name was meant: for the errors that name what was written wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(wrong: object, known: Iterable[str]) -> str:
    """Return "; did you mean 'process'?", or "" if none of `known` is near."""
    from difflib import get_close_matches  # noqa: PLC0415  # only an error pays for it

    found = get_close_matches(wrong, list(known), n=1) if isinstance(wrong, str) else []
    return f"; did you mean {found[0]!r}?" if found else ""
