"""Bundles: several short items of a map as one piece of work for an engine, since a piece costs it more than the items.

Each item is settled by itself. What a worker did not come to waits again; where a worker died, its items go out one
by one, so that one that kills workers fails alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstage.core import pickling
from mainstage.errors import WorkerLost, is_instance
from mainstage.pool.engines.shelf import Ended
from mainstage.pool.engines.worker import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstage.pool.engines.adapter import Piece
    from mainstage.pool.engines.mapping import EngineItem, EngineMap, Place
    from mainstage.pool.engines.shelf import Part

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


class Bundle:
    """Items of a map in the hands of an engine, in one piece."""

    handle: Any = None
    """What the engine gave for it."""

    def __init__(self, owner: EngineMap, items: Iterable[EngineItem], place: Place) -> None:
        self.items = {item.id: item for item in items}
        """Those that are not settled, nor given back."""
        self.number = place.reporter.new_id()
        self.place = place
        self._owner = owner
        for item in self.items.values():
            item.bundle = self

    def tasks(self) -> dict[int, EngineItem]:
        """Return its pieces of work, by the number of the task."""
        return self.items

    def piece(self, function: Any, packed: Sequence[bytes]) -> Piece:
        """Return it as an engine takes it; `packed` are the items' arguments, in order."""
        told = f"{len(self.items)} items from {next(iter(self.items.values())).input()}"
        payload = pickling.pack(list(zip(self.items, packed, strict=True)), "a bundle")
        return self.place.backend.piece(self.number, 1, told, function, payload, bundle=True)

    def came(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        if result is not None:
            self._settle(result.worker, pickling.unpack(result.value))
            self._owner.take_back([self.items.pop(task) for task in list(self.items)], alone=False)
        elif is_instance(error, WorkerLost):
            self._owner.take_back([self.items.pop(task) for task in list(self.items)], alone=True)
        else:
            for task in list(self.items):
                self.items.pop(task).came(None, error)

    def parted(self, worker: str, part: Part) -> None:
        """Learn that one of its items takes long: some are done, and some come back."""
        self._settle(worker, part.over)
        self._owner.take_back([self.items.pop(task) for task in part.left if task in self.items], alone=False)

    def _settle(self, worker: str, over: Iterable[tuple[Any, ...]]) -> None:
        ended = [Ended._make(one) for one in over]
        self._owner.ended_together(worker, [(self.items.pop(one.task), one) for one in ended if one.task in self.items])

    def forgo(self, item: EngineItem) -> None:
        """Learn that an item is given up; with the last one goes the piece."""
        if self.items.pop(item.id, None) is not None and not self.items and self.handle is not None:
            self.place.backend.drop(self.number, lost=False)

    def unbegun(self) -> bool:
        """Return whether no worker was heard to begin any of its items."""
        return all(item.begun_at is None for item in self.items.values())


def as_result(worker: str, one: Ended) -> Result:
    """Return what came of an item of a bundle as of one that went by itself."""
    return Result(worker, one.value, one.buffers, one.error, one.started, one.ended, one.completed, b"", 0)
