"""Where time comes from: the one module that asks."""

from __future__ import annotations

import os
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


LONGEST_WAIT = 0.1 if os.name == "nt" else None
"""Seconds that one wait of the main thread for a lock may last; None: there is no limit.

CPython on Windows does not interrupt such a wait: Ctrl-C is heard only between two of them.
"""


def limit_wait(seconds: float | None) -> float | None:
    """Return how long to wait in one go, out of `seconds`; None: for ever. The caller waits again for the rest."""
    if LONGEST_WAIT is None or (seconds is not None and seconds < LONGEST_WAIT):
        return seconds
    return LONGEST_WAIT


cpu = time.thread_time
"""Seconds that the calling thread has computed for: what something cost, whoever else had the processor meanwhile."""

wall = time.time
"""Seconds since the epoch, for the same."""

monotonic = time.monotonic
"""The same clock for code that has no `Clock` at hand: workers and timers."""
