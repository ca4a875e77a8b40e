"""What is known of work before it begins: who may take it, and what it costs beside what was done already."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.state.ahead import Forecast

ALIKE = 0.3
"""Tasks that it takes to believe that each costs something by itself."""


class Costs:
    """What tasks take by their size: so much for being one, and so much for each unit of its size.

    Least squares, a task of more than the mean size weighing less, neither part below nothing. Feeding is a few sums.
    """

    __slots__ = ("_ones", "_products", "_seconds", "_sizes", "_squares", "_usual", "number")

    def __init__(self, usual: float) -> None:
        """Begin with tasks whose `usual` size is known."""
        self._usual = usual
        self._ones = self._sizes = self._squares = self._seconds = self._products = 0.0
        self.number = 0

    def add(self, size: float, seconds: float, weight: float) -> None:
        """Learn that a task of `size` took `seconds`, which counts by its `weight`."""
        weight *= self._usual / (size + self._usual) if self._usual > 0.0 else 1.0
        self._ones += weight
        self._sizes += weight * size
        self._squares += weight * size * size
        self._seconds += weight * seconds
        self._products += weight * size * seconds
        self.number += 1

    def parts(self) -> tuple[float, float]:
        """Return what each task takes, and each unit of size.

        As much as a part of a task says that size is all that counts: so it is where all that ended were alike.
        """
        ones, sizes, squares = self._ones * (1.0 + ALIKE / self.number), self._sizes, self._squares
        wide = ones * squares - sizes * sizes
        if wide <= 0.0:  # no size at all
            return self._seconds / self._ones, 0.0
        each = (ones * self._products - sizes * self._seconds) / wide
        if each <= 0.0:
            return self._seconds / self._ones, 0.0
        base = (self._seconds - each * sizes) / ones
        return (base, each) if base > 0.0 else (0.0, self._products / squares)


class Plan:
    """What sources told of their items, and what came of those that were told of."""

    __slots__ = ("_sum", "ahead", "at_work", "costs", "forecast", "workers")

    def __init__(self) -> None:
        self.workers = 0
        """Who may take tasks at once, at most; 0: nobody knows."""
        self.ahead: dict[int, float] = {}
        """Sizes of tasks that have not begun, in the order in which they are handed out."""
        self.at_work: dict[int, float] = {}
        """The same of those that have."""
        self.costs: Costs | None = None
        self.forecast: Forecast | None = None
        """What was told last of how long it takes."""
        self._sum = 0.0

    def expect(self, sizes: Sequence[tuple[int, float]]) -> None:
        """Learn the sizes of tasks that have not begun."""
        if self.costs is None and sizes:
            self.costs = Costs(sum(size for _, size in sizes) / len(sizes))
        self.ahead.update(sizes)
        self._sum += sum(size for _, size in sizes)

    def begin(self, task: int) -> None:
        """Learn that a task begins."""
        size = self.ahead.pop(task, None)
        if size is not None:
            self._sum -= size
            self.at_work[task] = size

    def end(self, task: int, seconds: float | None, late: float) -> None:
        """Learn that a task took `seconds`, `late` in the run: what is newer counts more. None: it did not end well."""
        size = self.at_work.pop(task, None)
        if size is not None and seconds is not None and self.costs is not None:
            self.costs.add(size, seconds, late + 1e-3)

    def skip(self, number: int) -> None:
        """Learn that as many of those ahead are over, nobody knows which: they are the first ones."""
        for task in list(islice(self.ahead, min(number, len(self.ahead)))):
            self._sum -= self.ahead.pop(task)

    def last(self, number: int) -> tuple[float, list[float]]:
        """Return the sizes of those ahead: of the last `number` each, of the others the sum."""
        sizes = list(islice(reversed(self.ahead.values()), number))
        return max(0.0, self._sum - sum(sizes)), sizes[::-1]
