"""When a bar of text is printed again, and at which speed it goes."""

from __future__ import annotations


class EMA:
    """An exponential moving average, right from the first value on; `smoothing` is the weight of the newest."""

    def __init__(self, smoothing: float = 0.3) -> None:
        self._weight = smoothing
        self._sum = 0.0
        self._values = 0

    def __call__(self, value: float | None = None) -> float:
        """Take one more value, if one is given, and return the average; 0 before the first."""
        if value is not None:
            self._sum = self._weight * value + (1 - self._weight) * self._sum
            self._values += 1
        missing = (1 - self._weight) ** self._values  # the weight of values before the first
        return self._sum / (1 - missing) if self._values and missing < 1 else self._sum


class Averages:
    """What a bar has seen of its speed."""

    def __init__(self, smoothing: float) -> None:
        self._smoothing = smoothing
        self._steps = EMA(smoothing)
        self._seconds = EMA(smoothing)
        self._batches = EMA(smoothing)

    def add(self, steps: float, seconds: float) -> None:
        """Take it that so many steps took so long."""
        if self._smoothing and steps and seconds:
            self._steps(steps)
            self._seconds(seconds)

    def rate(self) -> float | None:
        """Return steps a second; None: not known yet."""
        seconds = self._seconds()
        return self._steps() / seconds if seconds else None

    def next_batch(
        self, steps: float, seconds: float, *, mininterval: float, maxinterval: float, least: float
    ) -> float:
        """Return how many steps may go by without a look at the clock, after `steps` that took `seconds`.

        `least` is what it was before: without smoothing it only grows.
        """
        if maxinterval and seconds >= maxinterval:
            return steps * (mininterval or maxinterval) / seconds
        if not self._smoothing:
            return max(least, steps)
        share = mininterval / seconds if mininterval and seconds else 1
        return self._batches(steps * share)
