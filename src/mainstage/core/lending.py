"""How far beyond its window a map in input order may work while the result that is next is late.

Workers that would stand idle behind one long item are lent what stands behind it. That is bounded, since the results
have to wait in memory; and it is for a consumer that waits: where that is slow, the input is pulled no sooner.
"""

from __future__ import annotations

import sys

MOST = 1000
"""Results that wait for their turn, at most."""
MOST_BYTES = 64 * 1024 * 1024
"""What these may hold, as far as `sys.getsizeof` tells of some of them."""


class Lending:
    """How many of the results that came before their turn do not count as handed out."""

    def __init__(self) -> None:
        self._looks = 0
        self._size = self._mean = 1.0

    def look(self, value: object) -> None:
        """Record how large `value` is."""
        self._size = _size_of(value)
        self._looks += 1
        self._mean += (self._size - self._mean) / self._looks

    def lent(self, early: int) -> int:
        """Return how many items may be handed out beyond the window while `early` results wait for their turn."""
        return int(min(early, MOST, MOST_BYTES / max(self._mean, self._size, 1.0)))


def _size_of(value: object) -> int:
    try:
        return sys.getsizeof(value, 0)
    except Exception:  # noqa: BLE001  # a class of the user's may raise anything where it is asked
        return 0
