"""How wide the columns of the rows are: one layout for all of them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

PERCENT = 4
SHORTEST_NAME, COMFORTABLE_NAME, LONGEST_NAME = 12, 32, 60
SHORTEST_BAR, SMALL_BAR, COMFORTABLE_BAR, LONGEST_BAR = 8, 12, 20, 40
SHORTEST_STATUS = 8
NAME_STEP = 4
"""Names' column grows by so much at a time: fewer jumps as tasks come and go."""
USUAL_TIME, USUAL_SPEED = 9, 9

Widths: TypeAlias = "tuple[int, int, int, int, int]"
"""Of name, amount, time, speed and status, in cells."""


class ColumnWidths(NamedTuple):
    """How wide each column is, in cells; 0: dropped."""

    name: int
    percent: int
    bar: int
    amount: int
    time: int
    speed: int
    status: int

    @property
    def head(self) -> int:
        """Return the cells that a row takes up to its bar, and with it."""
        return 2 + self.name + (self.percent and self.percent + 1) + (self.bar and self.bar + 1)


@lru_cache(64)  # a third of the cost of a frame in which nothing moved
def arrange(columns: int, widths: tuple[Widths, ...]) -> ColumnWidths:
    """Return the layout for rows of these `widths` on a terminal of `columns`: its last one stays free.

    What does not fit is dropped from the right; what is left over goes to names and bars, then to the status.
    """
    name, amount, time, speed, status = (max(column) for column in zip(*widths, strict=True))
    name = -(-name // NAME_STEP) * NAME_STEP
    least = min(name, SHORTEST_NAME)
    left = columns - 1 - 2 - least
    if left < 0:
        return ColumnWidths(max(0, least + left), 0, 0, 0, 0, 0, 0)
    taken: list[int] = []
    for cells, gap in (
        (PERCENT, 1),
        (SHORTEST_BAR, 1),
        (amount, 2),
        (max(time, USUAL_TIME) if time else 0, 2),
        (max(speed, USUAL_SPEED) if speed else 0, 2),
    ):
        needed = cells + gap if cells else 0
        if needed > left:
            status = 0
            break
        taken.append(cells)
        left -= needed
    taken += [0] * (5 - len(taken))
    return _spread(ColumnWidths(least, taken[0], taken[1], taken[2], taken[3], taken[4], 0), left, name, status)


def _spread(layout: ColumnWidths, left: int, name: int, status: int) -> ColumnWidths:
    names, bars, statuses = layout.name, layout.bar, 0
    more = min(left, min(name, COMFORTABLE_NAME) - names)
    names, left = names + more, left - more
    if bars:
        more = min(left, (SMALL_BAR if status else COMFORTABLE_BAR) - bars)
        bars, left = bars + more, left - more
    if status and left >= SHORTEST_STATUS + 2:
        statuses = min(status, left - 2)
        left -= statuses + 2
    more = min(left, max(0, min(name, LONGEST_NAME) - names))
    names, left = names + more, left - more
    if bars:
        bars += min(left, LONGEST_BAR - bars)
    return layout._replace(name=names, bar=bars, status=statuses)
