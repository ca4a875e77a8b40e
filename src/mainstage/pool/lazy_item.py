"""An item of a map at hand in a worker of another process; in the place of the ambient task until one is needed."""

from __future__ import annotations

from mainstage._typing import TYPE_CHECKING
from mainstage.tasks.deferred_task import DeferredTask

if TYPE_CHECKING:
    from typing import Any, Protocol

    from mainstage.tasks.reporter import Reporter
else:
    from mainstage._typing import Protocol


class ItemWorker(Protocol):
    """A worker that has an item at hand."""

    @property
    def worker(self) -> str:
        """What a display calls it."""
        ...

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        ...

    def name_of(self, entry: tuple[Any, int, tuple[Any, ...], int]) -> str:
        """Return what an item is called here; the run may have been given another name for it."""
        ...


class LazyItem(DeferredTask):
    """One item while `place` works on it."""

    def __init__(self, place: ItemWorker, entry: tuple[Any, int, tuple[Any, ...], int], started: float) -> None:
        self.place = place
        self.entry = entry
        self.started = started

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        return self.place.reporter

    def worker_name(self) -> str:
        """Return what its worker is called."""
        return self.place.worker

    def name(self) -> str:
        """Return what it is called here."""
        return self.place.name_of(self.entry)
