"""The cell of coroutines: nothing is lost, nor does anything fail, where the loop folds while the owner looks."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pytest

from mainstage.aio.lazy_tasks import FOLD, LazyTask, LazyTaskCell
from mainstage.channels.inbox import ThreadChannel
from mainstage.events import ItemsEnded
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.events import Event


class Interrupted(deque[tuple[int, float, float]]):
    """What the other side comes to in the middle of taking from it."""

    other: Callable[[], object] | None = None
    after = 10

    def popleft(self) -> tuple[int, float, float]:
        self.after -= 1
        other = self.other
        if other is not None and not self.after:
            self.other = None
            other()
        return super().popleft()


def ended(events: list[Event]) -> int:
    return sum(len(event.items) + event.more for event in events if isinstance(event, ItemsEnded))


def end_one(cell: LazyTaskCell) -> None:
    task = LazyTask(cell, "one")
    cell.begin(task)
    cell.end(task, None)


@pytest.mark.parametrize("side", ["loop", "owner"])
def test_the_loop_folds_while_the_owner_looks_and_each_end_is_told_of_once(side: str) -> None:
    cell = LazyTaskCell(ThreadChannel(ManualClock(1.0)))
    seen: list[Event] = []
    cell._ended = interrupted = Interrupted((number, 0.0, 1.0) for number in range(2 * FOLD))

    def look() -> None:
        seen.extend(cell.sample(1.0))

    def go_on() -> None:
        end_one(cell)

    both: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {"loop": (look, go_on), "owner": (go_on, look)}
    interrupted.other, first = both[side]
    first()
    look()
    assert ended(seen) == 2 * FOLD + 1
