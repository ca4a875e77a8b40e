"""What a run counts: tasks by where they are, measured values, impossible events, and sets of numbers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

DESCRIBED = 8
"""How many impossible events keep their description."""


class Counts:
    """How many tasks are where. `retried` counts attempts that failed and were followed by another."""

    __slots__ = ("cancelled", "done", "failed", "queued", "retried", "running", "waiting")

    def __init__(self) -> None:
        self.queued = 0
        """Submitted, not begun. Items of a `map` are not queued one by one."""
        self.running = 0
        self.waiting = 0
        """Between two attempts."""
        self.done = 0
        self.failed = 0
        self.cancelled = 0
        self.retried = 0

    @property
    def ended(self) -> int:
        """Return how many are over, well or not."""
        return self.done + self.failed + self.cancelled

    @property
    def seen(self) -> int:
        """Return how many were ever heard of."""
        return self.ended + self.running + self.waiting + self.queued

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class MetricState(NamedTuple):
    """What was measured under one name, by all tasks. A value that is no finite number is only ever `last`."""

    last: float
    min: float
    max: float
    sum: float
    count: int  # type: ignore[assignment]  # nobody asks a measurement how often it has an element

    @property
    def mean(self) -> float | None:
        """Return the mean of the finite values; None: there was none."""
        return self.sum / self.count if self.count else None


class Anomalies:
    """Impossible events: how many, and the last few in words. Each is a bug of ours or a damaged recording."""

    __slots__ = ("count", "last")

    def __init__(self) -> None:
        self.count = 0
        self.last: deque[str] = deque(maxlen=DESCRIBED)

    def report(self, text: str) -> None:
        """Count one and keep its description."""
        self.count += 1
        self.last.append(text)


class IntBitmap:
    """A set of whole numbers that is small while they are dense: one byte each, in blocks of 1024."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def add(self, number: int) -> None:
        """Put `number` in."""
        try:
            self._blocks[number >> 10][number & 1023] = 1
        except KeyError:
            self._blocks[number >> 10] = block = bytearray(1024)
            block[number & 1023] = 1

    def add_all(self, numbers: Iterable[int]) -> list[int]:
        """Put `numbers` in; return the places among them of those that were in already."""
        blocks = self._blocks
        again: list[int] = []
        for place, number in enumerate(numbers):
            try:
                block = blocks[number >> 10]
            except KeyError:
                block = blocks[number >> 10] = bytearray(1024)
            if block[number & 1023]:
                again.append(place)
            block[number & 1023] = 1
        return again

    def __contains__(self, number: int) -> bool:
        """Return whether `number` is in."""
        block = self._blocks.get(number >> 10)
        return block is not None and block[number & 1023] == 1
