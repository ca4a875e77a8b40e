"""How wide the columns of the rows are: one layout for all of them, and for the row of the run below them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

PERCENT = 4
SHORTEST_NAME, SHORT_NAME, COMFORTABLE_NAME, LONGEST_NAME = 12, 20, 32, 60
SHORTEST_BAR, SMALL_BAR, COMFORTABLE_BAR, LONGEST_BAR = 8, 12, 20, 40
SHORTEST_STATUS = 8
NARROW = 72
"""Columns below which a terminal is narrow."""
NAME_STEP = 4
"""Names' column grows by so much at a time: fewer jumps as tasks come and go."""
USUAL_TIME, USUAL_SPEED = 9, 10

Widths: TypeAlias = "tuple[int, int, int, int, int]"
"""Of name, amount, time, speed and status, in cells."""
NO_ROW: Widths = (0, 0, 0, 0, 0)


class ColumnWidths(NamedTuple):
    """How wide each column is, in cells; 0: dropped. `cells` is what a row may take in all.

    `cut` is the common beginning that names lose where they are too long for their column, `end` the common end, where
    they would look alike otherwise.
    """

    name: int
    percent: int
    bar: int
    amount: int
    time: int
    speed: int
    status: int
    cells: int
    cut: str = ""
    end: str = ""

    @property
    def head(self) -> int:
        """Return the cells that a row takes up to its bar, and with it."""
        return 2 + self.name + (self.percent and self.percent + 1) + (self.bar and self.bar + 1)

    @property
    def columns(self) -> int:
        """Return the cells that a row takes without its status."""
        return self.head + sum(cells + 2 for cells in (self.amount, self.time, self.speed) if cells)


@lru_cache(64)  # a third of the cost of a frame in which nothing moved
def arrange(columns: int, rows: tuple[Widths, ...], run: Widths = NO_ROW) -> ColumnWidths:
    """Return the layout for `rows` of these widths on a terminal of `columns`: its last one stays free.

    `run` is the row of the run below them; its status is what went wrong, which has its room before the bar has. What
    does not fit is dropped: the status first, then the speed, the bar, the time and the amount; on a narrow terminal
    the bar also where a short name would be cut beside it. What is left over goes to names and bars, then to the
    status.
    """
    name, amount, time, speed, status = (max(column) for column in zip(*rows, run, strict=True))
    wrong = run[4]
    longest, name = name, -(-name // NAME_STEP) * NAME_STEP
    least = min(name, SHORTEST_NAME)
    cells = max(0, columns - 1)
    left = cells - 2 - least
    if left < 0:
        return ColumnWidths(max(0, least + left), 0, 0, 0, 0, 0, 0, cells)
    taken: list[int] = []
    for size, gap in (
        (PERCENT, 1),
        (amount, 2),
        (wrong, 2),
        (max(time, USUAL_TIME) if time else 0, 2),
        (SHORTEST_BAR, 1),
        (max(speed, USUAL_SPEED) if speed else 0, 2),
    ):
        needed = size + gap if size else 0
        if needed > left:
            status = 0
            break
        taken.append(size)
        left -= needed
    percent, amount, wrong, time, bar, speed = taken + [0] * (6 - len(taken))
    if bar and columns < NARROW and min(longest, SHORT_NAME) - least > left:  # no bar is worth a short name
        left += bar + 1
        bar = 0
    layout = ColumnWidths(least, percent, bar, amount, time, speed, wrong, cells)
    return _spread(layout, left, name, max(0, status - wrong))


def _spread(layout: ColumnWidths, left: int, name: int, status: int) -> ColumnWidths:
    """Return `layout` with the cells that are `left`; `status` are those that statuses want beyond what they have."""
    names, bars, statuses = layout.name, layout.bar, layout.status
    more = min(left, min(name, COMFORTABLE_NAME) - names)
    names, left = names + more, left - more
    if bars:
        more = min(left, (SMALL_BAR if status else COMFORTABLE_BAR) - bars)
        bars, left = bars + more, left - more
    gap = 0 if statuses else 2
    if status and left >= (1 if statuses else SHORTEST_STATUS + gap):
        more = min(status, left - gap)
        statuses, left = statuses + more, left - more - gap
    more = min(left, max(0, min(name, LONGEST_NAME) - names))
    names, left = names + more, left - more
    if bars and statuses >= status:  # else what is left is for a row's status, which may take the place of its speed
        bars += min(left, LONGEST_BAR - bars)
    return layout._replace(name=names, bar=bars, status=statuses)
