"""How many items of a map go to an engine in one piece."""

from __future__ import annotations

LENGTH_S = 0.03
"""Seconds of work that go in a bundle."""
MOST = 512
SMALL = 1 << 14
"""Bytes up to which an argument goes in a bundle."""
WEIGHT = 0.8
"""What is left, after each further item, of what was known of their length."""


class Pace:
    """How long the items of a map take, the latest ones weighing the most."""

    def __init__(self) -> None:
        self.mean = 0.0
        self.spent = 0.0
        self.count = 0

    def learn(self, seconds: float) -> None:
        """Take the time that an item has taken."""
        self.mean = WEIGHT * self.mean + (1 - WEIGHT) * seconds if self.count else seconds
        self.spent += seconds
        self.count += 1

    def together(self, slots: int, ahead: int, waiting: int) -> int:
        """Return how many items go in one piece, where `waiting` ones wait, or will when they are handed out.

        The engine has at most `ahead` for its `slots`: three pieces for each at least. Towards the end pieces grow
        smaller, so that no worker is left alone with one.
        """
        if not self.count:
            return 1
        fair = min(ahead // (3 * slots), waiting // (2 * slots))
        return max(1, min(MOST, int(LENGTH_S / max(self.mean, 1e-6)), fair))
