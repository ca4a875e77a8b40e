"""Where time comes from: the one module that asks."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time as the library sees it."""

    def now(self) -> float:
        """Seconds, monotonic; the zero means nothing."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch."""
        ...


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    @staticmethod
    def utc_offset() -> float:
        """Seconds that local time is ahead of UTC, today."""
        return float(time.localtime().tm_gmtoff)


cpu = time.thread_time
"""Seconds that the calling thread has computed for: what something cost, whoever else had the processor meanwhile."""

monotonic = time.monotonic
"""The same clock for code that has no `Clock` at hand: workers and timers."""
