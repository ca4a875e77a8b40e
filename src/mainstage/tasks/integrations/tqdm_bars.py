"""What a tqdm bar says, as a task says it: shared by the bridge and by `mainstage.tqdm`."""

from __future__ import annotations

from typing import Any

from mainstage.tasks.position import plain_total

UNNAMED = "tqdm"
BINARY = 1024


def bar_name(desc: Any) -> str:
    """Return what is shown as the name of a bar of that description."""
    return str(desc or "").rstrip().removesuffix(":") or UNNAMED


def bar_unit(unit: Any, divisor: Any = 1000) -> str:
    """Return a task's unit: none for the "it" of a bar that says nothing, "iB" for bytes in powers of 1024."""
    text = str(unit)
    if text == "it":
        return ""
    return "iB" if text == "B" and divisor == BINARY else text


def bar_status(postfix: Any) -> str:
    """Return what is shown beside the bar."""
    return "" if postfix is None else str(postfix)


def bar_total(total: Any) -> float | None:
    """Return how many there are as a plain number; None for what is none, or not known: bars take anything."""
    try:
        return plain_total(total)
    except (TypeError, ValueError, OverflowError):
        return None
