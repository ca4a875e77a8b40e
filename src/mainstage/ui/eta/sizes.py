"""What is known of work before it begins: who may take it, and what it costs beside what was done already."""

from __future__ import annotations

from itertools import islice
from math import exp, log, prod, sqrt
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mainstage.ui.eta.position import SHORTEST, Eta

if TYPE_CHECKING:
    from collections.abc import Sequence


SHARES = [0.5**halved for halved in range(6)]
"""Readings of what tasks take: so large a part of what one of the usual size takes is for being one."""
SAID = 2.0
"""How much less it is believed that sizes do not count, as a logarithm: somebody told them."""
EXACT = 0.25
"""How far off a reading is taken to be at least, as a part: one that fits by chance must not win by it."""
ALL, SOME = 500, 7
"""After so many tasks only one in so many is learned from: the others tell nothing new."""
STALE = 0.5
"""Seconds for which what was told is only counted down."""
MANY = 50
"""It is told anew where one in so many of what is left has ended since."""


class TaskCounts(Protocol):
    """How many tasks of a run are where, as the estimators read it."""

    running: int
    waiting: int

    @property
    def ended(self) -> int:
        """Return how many are over, well or not."""
        ...


class Forecast(NamedTuple):
    """What was told last, of what: it holds for a moment, if nothing much happened."""

    at: float
    ended: int
    running: int
    left: int
    eta: Eta | None

    def holds(self, at: float, counts: TaskCounts, left: int) -> bool:
        """Return whether it still tells how long `left` tasks take."""
        ended = counts.ended - self.ended
        same = self.left - left == ended and counts.running == self.running and 0 <= ended * MANY <= left
        return same and 0.0 <= at - self.at < STALE

    def later(self, at: float) -> Eta | None:
        """Return the forecast as of that time."""
        gone = at - self.at
        return self.eta and Eta(*[max(0.0, seconds - gone) for seconds in self.eta])


class SizeHypothesis:
    """One reading of what tasks take, fed with sums: how much they take by it, and how far off it is."""

    __slots__ = ("_logs", "_squares", "share", "told")

    def __init__(self, share: float) -> None:
        self.share = share
        self.told = 0.0
        """What all tasks took by it, by their weights: in times of what one of the usual size takes."""
        self._logs = self._squares = 0.0

    def add(self, size: float, took: float, weight: float) -> None:
        """Record what a task of `size` times the usual one `took`, as a logarithm."""
        times = self.times(size)
        off = took - log(times)
        self.told += weight * times
        self._logs += off
        self._squares += off * off

    def times(self, size: float) -> float:
        """Return how many times as long as one of the usual size a task takes that is `size` times as large."""
        return self.share + (1.0 - self.share) * size

    def off(self, number: int) -> float:
        """Return the square of how far off the tasks are, as logarithms."""
        mean = self._logs / number
        return max(0.0, self._squares / number - mean * mean) + EXACT * EXACT


class SizeCost(NamedTuple):
    """What a task takes: `base` seconds for being one and `each` for each unit of its size, give or take `spread`."""

    base: float
    each: float
    spread: float
    """As a part of it."""


class SizeModel:
    """What tasks take by their size: so much for being one, and so much for each unit of its size.

    A few readings of how the two go together each count by how well they fit, and the estimate is their mean as
    logarithms: what the smallest took says little of the largest. Feeding is a few sums for each.
    """

    __slots__ = ("_learned", "_readings", "_seconds", "_usual", "number")

    def __init__(self, usual: float) -> None:
        """Begin with tasks whose `usual` size is known."""
        self._usual = usual
        self._readings = [SizeHypothesis(share) for share in SHARES]
        self._seconds = 0.0
        self._learned = 0
        self.number = 0

    def add(self, size: float, seconds: float, weight: float) -> None:
        """Record that a task of `size` took `seconds`, which counts by its `weight`."""
        self.number += 1
        if self.number > ALL and self.number % SOME:
            return
        times = size / self._usual if self._usual > 0.0 else 1.0
        weight /= 1.0 + times
        self._seconds += weight * seconds
        self._learned += 1
        took = log(max(seconds, SHORTEST))
        for reading in self._readings:
            reading.add(times, took, weight)

    def told(self, ahead: float) -> SizeCost:
        """Return what tasks of the mean size `ahead` take, and by which parts."""
        times = ahead / self._usual if self._usual > 0.0 else 1.0
        weights = self._weights()
        scales = [self._seconds / one.told for one in self._readings]
        base = sum(map(prod, zip(weights, scales, SHARES, strict=True)))
        each = max(0.0, sum(map(prod, zip(weights, scales, strict=True))) - base)
        logs = [log(scale * one.times(times) + SHORTEST) for scale, one in zip(scales, self._readings, strict=True)]
        mean = sum(weight * one for weight, one in zip(weights, logs, strict=True))
        apart = sum(weight * (one - mean) ** 2 for weight, one in zip(weights, logs, strict=True))
        spread = sqrt(apart + 1.0 / self.number)
        drawn = exp(mean) / (base + each * times + SHORTEST)
        if self._usual <= 0.0:  # no size at all
            return SizeCost((base + each) * drawn, 0.0, spread)
        return SizeCost(base * drawn, each * drawn / self._usual, spread)

    def _weights(self) -> list[float]:
        """Return how much each reading counts."""
        odds = [-0.5 * (self._learned - 1) * log(reading.off(self._learned)) for reading in self._readings]
        odds[0] -= SAID
        top = max(odds)
        weights = [exp(one - top) for one in odds]
        whole = sum(weights)
        return [weight / whole for weight in weights]


class SizePlan:
    """What sources told of their items, and what came of those that were told of."""

    __slots__ = ("_sum", "ahead", "at_work", "costs", "forecast", "workers")

    def __init__(self) -> None:
        self.workers = 0
        """Who may take tasks at once, at most; 0: nobody knows."""
        self.ahead: dict[int, float] = {}
        """Sizes of tasks that have not begun, in the order in which they are handed out."""
        self.at_work: dict[int, float] = {}
        """The same of those that have."""
        self.costs: SizeModel | None = None
        self.forecast: Forecast | None = None
        """What was told last of how long it takes."""
        self._sum = 0.0

    def expect(self, sizes: Sequence[tuple[int, float]]) -> None:
        """Add the sizes of tasks that have not begun."""
        if self.costs is None and sizes:
            self.costs = SizeModel(sum(size for _, size in sizes) / len(sizes))
        self.ahead.update(sizes)
        self._sum += sum(size for _, size in sizes)

    def begin(self, task: int) -> None:
        """Called when a task begins."""
        size = self.ahead.pop(task, None)
        if size is not None:
            self._sum -= size
            self.at_work[task] = size

    def end(self, task: int, seconds: float | None, late: float) -> None:
        """Record that a task took `seconds`, `late` in the run: newer ones count more. None: it did not end well."""
        size = self.at_work.pop(task, None)
        if size is not None and seconds is not None and self.costs is not None:
            self.costs.add(size, seconds, late + 1e-3)

    def skip(self, number: int) -> None:
        """Remove as many of those ahead; which ones is not known, so the first ones."""
        for task in list(islice(self.ahead, min(number, len(self.ahead)))):
            self._sum -= self.ahead.pop(task)

    def mean(self) -> float:
        """Return the mean size of those that are not over."""
        number = len(self.ahead) + len(self.at_work)
        return max(0.0, self._sum + sum(self.at_work.values())) / number if number else 0.0

    def last(self, number: int) -> tuple[float, list[float]]:
        """Return the sizes of those ahead: of the last `number` each, of the others the sum."""
        sizes = list(islice(reversed(self.ahead.values()), number))
        return max(0.0, self._sum - sum(sizes)), sizes[::-1]
