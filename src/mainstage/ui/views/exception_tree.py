"""What is in an exception group, on the line of its failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainstage.events import ErrorReport

INDENT = "  "


def heading_of(error: ErrorReport) -> str:
    """Return what an exception says of itself, and a group what is in it: "two failed: [ValueError: a; OSError: b]"."""
    if not error.type.endswith("Group") or f"\n{INDENT}" not in error.text:
        return error.text
    text, _, inside = error.text.partition(f"\n{INDENT}")
    return f"{text}: [{'; '.join(line.strip() for line in inside.split(chr(10)))}]"
