"""A course of numbers in one row."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = "▁▂▃▄▅▆▇█"
ASCII_STEPS = "_.-=*#"
SHORTEST = 4


def sparkline(points: Sequence[float], cells: int, *, unicode: bool = True) -> str:
    """Return `points`, oldest first, as at most `cells` characters of different heights; "" for too few of either.

    The lowest one stands for the least of them, the highest for the greatest; where there are more points than cells,
    each cell is the mean of its neighbours.
    """
    if len(points) < 2 or cells < SHORTEST:  # noqa: PLR2004  # one point is no course
        return ""
    if len(points) > cells:
        edges = [len(points) * at // cells for at in range(cells + 1)]
        points = [sum(points[a:b]) / (b - a) for a, b in pairwise(edges)]
    steps = STEPS if unicode else ASCII_STEPS
    low, high = min(points), max(points)
    span = high - low
    if not 0.0 < span < float("inf"):
        return steps[0] * len(points)
    return "".join(steps[min(len(steps) - 1, int((point - low) / span * len(steps)))] for point in points)
