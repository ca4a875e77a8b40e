"""The course of a measurement from its first value on, in a bounded number of points."""

from __future__ import annotations

POINTS = 128
"""At most; even."""


class Series:
    """Means of as many values each as it takes to keep the whole course in `POINTS` points. The reducer's."""

    __slots__ = ("_count", "_sum", "points", "stride")

    def __init__(self) -> None:
        self.points: list[float] = []
        """The means, oldest first."""
        self.stride = 1
        """How many values a point stands for."""
        self._sum = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        """Take one more finite value."""
        self._sum += value
        self._count += 1
        if self._count < self.stride:
            return
        self.points.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self.points) == POINTS:
            self.stride *= 2
            self.points = [(a + b) / 2 for a, b in zip(self.points[::2], self.points[1::2], strict=True)]

    def __repr__(self) -> str:
        return f"<Series of {len(self.points)} points, {self.stride} values each>"
