"""The owner's simulated processor: what its computing took, without what is not its own."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from statistics import median
from time import thread_time
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOOP = 2000


class Held(NamedTuple):
    """What can be reached from some objects."""

    bytes: int
    tracked: int
    """How many of them the collector has to walk."""


class Stopwatch:
    """CPU seconds of the owner alone.

    A full collection walks the simulated workers' objects too, which would be in other processes: of its time the
    owner's share of all objects is counted, whoever's turn it was when it came.
    """

    def __init__(self) -> None:
        self.share = 1.0
        """The owner's part of the objects that a full collection walks."""
        self._running = False
        self._began = self._collection = 0.0
        self._others = 0.0
        """Seconds that are not the owner's, since the last `lap`."""
        self._foreign = 0.0

    def start(self) -> None:
        """Begin the owner's turn."""
        self._running = True
        self._began = thread_time()

    def lap(self) -> float:
        """End the owner's turn; return what it took."""
        self._running = False
        seconds, self._others = thread_time() - self._began - self._others, 0.0
        return seconds

    def elapsed(self) -> float:
        """Return what the turn has taken so far."""
        return thread_time() - self._began - self._others

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Look at something within the owner's turn, at nobody's cost."""
        running, others = self._running, self._others
        self._running, began = False, thread_time()
        yield
        self._running = running
        self._others = others + thread_time() - began

    def collected(self, phase: str, info: dict[str, int]) -> None:
        """Take note of a collection; for `gc.callbacks`."""
        if info["generation"] < 2:  # the oldest
            return
        if phase == "start":
            self._collection = thread_time()
            return
        took = thread_time() - self._collection
        if self._running:
            self._others += took * (1.0 - self.share)
            self._foreign += took * (1.0 - self.share)
        else:
            self._others -= took * self.share

    def cpu(self) -> float:
        """Return the owner's thread's CPU seconds, in the place of `clock.cpu`."""
        return thread_time() - self._foreign


def loop_ns() -> float:
    """Return what an item of a bare loop takes now: how fast this machine is at this moment."""
    found: list[float] = []
    for _ in range(5):
        began = thread_time()
        for _ in range(LOOP):
            pass
        found.append((thread_time() - began) / LOOP * 1e9)
    return median(found)


def held_by(roots: Iterable[Any], but: Iterable[Any]) -> Held:
    """Return what can be reached from `roots`, other than code, and than what is of `but`."""
    gc.collect()
    seen = {id(one) for one in but}
    total, tracked, waiting = 0, 0, list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, ModuleType | type):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        tracked += gc.is_tracked(one)
        if isinstance(one, FunctionType):
            waiting.extend(one.__closure__ or ())
        else:
            waiting.extend(gc.get_referents(one))
    return Held(total, tracked)
