"""The row of a `map` that has a name, or stands in the body of a loop: how many of its items are done."""

from __future__ import annotations

from threading import current_thread
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mainstage.core.item_names import function_name
from mainstage.tasks.bar import BarOptions, on_main
from mainstage.tasks.reporter import live
from mainstage.tasks.task import innermost_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.pool.results import ResultIterator
    from mainstage.tasks.cancel_scope import Request
    from mainstage.tasks.task import Task

R = TypeVar("R")


class ItemCount:
    """What drives the task of a map: how many of its items are done."""

    def __init__(self, consumer: ResultIterator) -> None:
        self.thread = current_thread()
        self._consumer = consumer
        self._most = 0

    def position(self) -> float:
        """Return how many items are done; a count in the middle of a step of the consumer never takes one back."""
        self._most = max(self._most, self._consumer.done())
        return self._most

    def interrupt(self, request: Request) -> None:
        """Do nothing: the items are asked to stop, and the map ends with them."""

    def resume(self) -> None:
        """Do nothing, as above."""

    def stop(self) -> None:
        """Do nothing: the consumer's count stands still when it has ended."""


class RowOfMap(NamedTuple):
    """What a map is called, and the loop in whose body it was called."""

    description: str
    around: Task | None

    @property
    def wanted(self) -> bool:
        """Whether there is to be a row: without a name, and in no loop, the row of the run is that of the map."""
        return bool(self.description) or self.around is not None


def with_row(results: Iterator[R], consumer: ResultIterator, fn: Callable[..., R], row: RowOfMap) -> Iterator[R]:
    """Yield `results`, and show the row meanwhile.

    There is none where another loop goes through the results, since that has a row of its own.
    """
    if not on_main() or innermost_loop() is not row.around or live.reporter is None:
        yield from results
        return
    name = row.description or function_name(fn) or "map"
    task = BarOptions(name, None, "", None, 0, leave=False, disable=False).begin_task(row.around, consumer.claims.total)
    task._attach_loop(ItemCount(consumer))
    error: BaseException | None = GeneratorExit()
    try:
        yield from results
        error = None
    except BaseException as raised:
        error = raised
        raise
    finally:
        task._close_loop(error)
