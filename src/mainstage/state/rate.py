"""How fast, and how long still: estimators that see positions and times and nothing else.

`Speed` is an exponentially weighted average over time, not over samples: how often a position was read does not
weigh. What is shown is smoothed twice over `SHORT` seconds, so that it neither flickers nor sticks; what an ETA is
computed from is smoothed over `LONG` seconds, so that a burst or a pause moves it a little and a lasting change wins.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

SHORT = 15.0
"""Seconds within which nine tenths of a change show in the speed."""
LONG = 90.0
"""The same for what an ETA is computed from."""
CLOSEST = 0.05
"""Seconds between two positions that are taken as two: closer ones are noise, and absolute positions lose nothing."""
FADE_SHORT, FADE_LONG = log(0.1) / SHORT, log(0.1) / LONG
"""An average keeps exp(FADE * seconds) of its weight over `seconds`; a call for it costs a reading a tenth."""
BRIEF = 5.0
"""Tasks that take fewer seconds end often enough for their rate to be counted; longer ones are judged by their age."""
MOSTLY = 0.95
"""The part of a running task that its age alone can vouch for."""
NEVER = 1e-9
"""An ETA of more seconds than one by this is none."""


class Speed:
    """The speed of one position, in items a second, from readings of it."""

    __slots__ = ("_doubly", "_long", "_short", "at", "completed", "started_at")

    def __init__(self, started_at: float, initial: float = 0.0) -> None:
        """Begin at `started_at` seconds; `initial` items were there already (resumed work) and are no speed of ours."""
        self.started_at = started_at
        self.at = started_at
        self.completed = initial
        self._short = 0.0
        self._doubly = 0.0
        self._long = 0.0

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
        kept = exp(FADE_LONG * seconds)
        self._long = self._long * kept + rate * (1.0 - kept)
        self.completed = completed
        self.at = at

    def rebase(self, completed: float) -> None:
        """Take `completed` as the position from here on: what was counted before is counted otherwise now."""
        self.completed = completed

    def speed(self, now: float) -> float:
        """Return items a second at `now`, for people to read; it falls towards 0 while nothing moves."""
        age = now - self.started_at
        if age < CLOSEST:
            return 0.0
        kept = exp(FADE_SHORT * max(0.0, now - self.at))
        seen = 1.0 - exp(FADE_SHORT * age)
        return (self._doubly * kept + self._short * kept / seen * (1.0 - kept)) / seen

    def steady(self, now: float) -> float:
        """Return items a second at `now`, for planning: slower to change than `speed`."""
        age = now - self.started_at
        if age < CLOSEST:
            return 0.0
        return self._long * exp(FADE_LONG * max(0.0, now - self.at)) / (1.0 - exp(FADE_LONG * age))

    def eta(self, total: float, now: float) -> float | None:
        """Return the seconds from `now` until `total` items are there; None: nothing to tell it by."""
        left = total - self.completed
        if left <= 0.0:
            return 0.0
        rate = self.steady(now)
        return left / rate if rate > left * NEVER else None


class Crowd(NamedTuple):
    """Many tasks on several workers, as numbers.

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

    def eta(self, steady: float) -> float | None:
        """Return the seconds until none is left, where `steady` tasks a second ended of late; None: no telling.

        A running task counts by the fraction it tells, or by its age beside what a task takes. So four workers on
        minute-long tasks give an ETA that falls evenly, not one that jumps each time four of them end.
        """
        aged = min(self.age / self.typical, MOSTLY * self.running) if self.typical else 0.0
        credit = min(max(self.progress, aged, 0.0), self.running)
        if 0.0 < self.typical < BRIEF:
            rate = steady
        else:
            rate = (self.ended + credit) / self.seconds if self.seconds > CLOSEST else 0.0
        left = self.left - credit
        return left / rate if rate > left * NEVER else None
