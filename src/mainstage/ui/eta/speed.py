"""How fast: an estimator that sees positions and times and nothing else.

`Speed` is an exponentially weighted average over time, not over samples: how often a position was read does not
weigh. It is smoothed twice over `SHORT` seconds, so that it neither flickers nor sticks. How long still is another
question, which the `Course` of the same position answers.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.eta.position import PositionHistory, interval

if TYPE_CHECKING:
    from mainstage.ui.eta.position import Eta

SHORT = 15.0
"""Seconds within which nine tenths of a change show in the speed."""
CLOSEST = 0.05
"""Seconds between two positions that are taken as two: closer ones are noise, and absolute positions lose nothing."""
FADE_SHORT = log(0.1) / SHORT
"""An average keeps exp(FADE * seconds) of its weight over `seconds`; a call for it costs a reading a tenth."""
MOSTLY = 0.95
"""The part of a running task that its age alone can vouch for."""
UNSURE = 0.25
"""How far off the sum of many is taken to be."""


class Speed:
    """The speed of one position, in items a second, from readings of it."""

    __slots__ = ("_doubly", "_short", "at", "completed", "course", "started_at")

    def __init__(self, started_at: float, initial: float = 0.0) -> None:
        """Begin at `started_at` seconds; `initial` items were there already (resumed work) and are no speed of ours."""
        self.started_at = started_at
        self.at = started_at
        self.completed = initial
        self._short = 0.0
        self._doubly = 0.0
        self.course = PositionHistory(started_at, initial)

    def feed(self, completed: float, at: float) -> None:
        """Take the reading `completed` items at `at` seconds; a step back (a seek, a reset) begins anew."""
        steps = completed - self.completed
        if steps < 0.0:
            self.__init__(at, completed)  # type: ignore[misc]  # anew, in place: its owner keeps the object
            return
        seconds = at - self.at
        if seconds < CLOSEST or not steps:
            return
        rate = steps / seconds
        kept = exp(FADE_SHORT * seconds)
        self._short = self._short * kept + rate * (1.0 - kept)
        seen = 1.0 - exp(FADE_SHORT * (at - self.started_at))
        self._doubly = self._doubly * kept + self._short / seen * (1.0 - kept)
        self.course.feed(completed, at)
        self.completed = completed
        self.at = at

    def rebase(self, completed: float) -> None:
        """Take `completed` as the position from here on: what was counted before is counted otherwise now."""
        self.completed = completed
        self.course.rebase(completed)

    def speed(self, now: float) -> float:
        """Return items a second at `now`, for people to read; it falls towards 0 while nothing moves."""
        age = now - self.started_at
        if age < CLOSEST:
            return 0.0
        kept = exp(FADE_SHORT * max(0.0, now - self.at))
        seen = 1.0 - exp(FADE_SHORT * age)
        return (self._doubly * kept + self._short * kept / seen * (1.0 - kept)) / seen

    def eta(self, total: float, now: float) -> Eta | None:
        """Return how long from `now` until `total` items are there; None: nothing to tell it by."""
        return self.course.eta(total, now)


class AggregateEta(NamedTuple):
    """So many tasks on several workers that they are not looked at one by one, as numbers.

    `ended` are over, `left` are not (`running` of these are at work); `progress` is the sum of the fractions of the
    running ones and `age` the sum of the seconds they have run; `typical` is what one takes (0.0: none has ended);
    `seconds` have passed since the first began.
    """

    ended: int
    left: int
    running: int
    progress: float
    age: float
    typical: float
    seconds: float

    def eta(self) -> Eta | None:
        """Return how long until none is left; None: no telling.

        A running task counts by the fraction it tells, or by its age beside what a task takes.
        """
        aged = min(self.age / self.typical, MOSTLY * self.running) if self.typical else 0.0
        credit = min(max(self.progress, aged, 0.0), self.running)
        rate = (self.ended + credit) / self.seconds if self.seconds > CLOSEST else 0.0
        left = self.left - credit
        return interval(left / rate, UNSURE) if rate > 0.0 else None
