"""How often workers of other processes are to report: the owner's law, from what their reports cost it.

A batch costs its receiver about the same whatever is in it, and there is one a worker and interval. So the interval
that keeps the cost at a budget grows with the number of workers, without counting them. Edges are not fewer at
a longer interval, they share the batch; the positions in between are what is left out.
"""

from __future__ import annotations

SHORTEST = 0.1
"""Seconds between two batches of a worker where the owner has nothing else to do: those between two pictures."""
LONGEST = 60.0
BUDGET = 0.3
"""The part of a core that reports may take; work and pictures have the rest."""
TARGET = 0.8
"""The part of the budget that a longer interval aims at, so that the next look does not find it exceeded again."""
LOW_WATER = 0.7
"""The part of the budget below which the interval is shortened again."""
BATCH_S = 20e-6
"""Seconds of a core that a batch costs, as far as nobody has measured it yet."""
WINDOW = 0.5
"""Seconds over which the cost is measured, at least; and two intervals, since what was on the way comes too."""


class ReportInterval:
    """The interval to ask for; the caller gives time and cost."""

    def __init__(self) -> None:
        self.seconds = SHORTEST
        """The interval now."""
        self.load = 0.0
        """The part of a core that reports took when that was last measured."""
        self._at: float | None = None
        self._spent = 0.0

    def add_workers(self, workers: int) -> float | None:
        """Return the interval to ask for first, if it is to be longer than now: `workers` more are to report.

        Thousands that all begin at the shortest one have flooded the owner before it has measured anything.
        """
        wanted = min(LONGEST, workers * BATCH_S / (TARGET * BUDGET))
        if wanted <= self.seconds:
            return None
        self.seconds = wanted
        return wanted

    def adjust(self, now: float, spent: float) -> float | None:
        """Return the interval to ask for if it is to be another; reports have cost `spent` seconds until `now`."""
        at, seconds = self._at, self.seconds
        if at is None:
            self._at, self._spent = now, spent
            return None
        if now - at < max(WINDOW, 2 * seconds):
            return None
        self.load = load = max(0.0, spent - self._spent) / (now - at)
        self._at, self._spent = now, spent
        wanted = seconds * load / (TARGET * BUDGET)
        if load > BUDGET:  # at once: an owner that is behind with its work measures less than there is
            self.seconds = min(LONGEST, wanted)
        elif load < LOW_WATER * BUDGET:
            self.seconds = max(SHORTEST, seconds / 2, wanted)
        return self.seconds if self.seconds != seconds else None
