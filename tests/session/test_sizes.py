"""`sizes=`: what the ETA is told of items that have not begun."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pytest

import mainstage
from mainstage.events import ItemsEnded, SourceForeseen, TaskStarted

if TYPE_CHECKING:
    from collections.abc import Collection

    from mainstage.events import Event


class Kept:
    """Keeps all events."""

    unshown: Collection[str] = ()

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


def double(n: int) -> int:
    return 2 * n


def test_the_sizes_of_all_items_are_told_before_the_first_begins() -> None:
    kept = Kept()
    with mainstage.Run("Work", max_workers=3, view="silent", recorder=kept) as run:
        other = run.submit(double, 1)
        assert list(run.map(double, range(5), sizes=[5, 4, 3, 2, 1.5])) == [0, 2, 4, 6, 8]
        other.result()
    events = kept.events
    foreseen = [event for event in events if isinstance(event, SourceForeseen)]
    assert [(event.workers, [size for _, size in event.sizes]) for event in foreseen] == [(3, [5, 4, 3, 2, 1.5])]
    ended = {task for event in events if isinstance(event, ItemsEnded) for task, _, _ in event.items}
    started = {event.task for event in events if isinstance(event, TaskStarted)}
    assert {task for task, _ in foreseen[0].sizes} <= ended | started
    assert events.index(foreseen[0]) < min(place for place, one in enumerate(events) if isinstance(one, ItemsEnded))


def test_an_endless_input_may_have_sizes_for_its_beginning() -> None:
    with mainstage.Run("Work", view="silent") as run:
        assert list(itertools.islice(run.map(double, itertools.count(), sizes=[1, 2]), 4)) == [0, 2, 4, 6]
    assert list(mainstage.map(double, [1, 2], sizes=(7, 8), view="silent")) == [2, 4]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([1, 2], "2 sizes for 3 items: give one for each"),
        ([1, 2, -3], "sizes are numbers from 0 on, not -3.0"),
        ([1, 2, math.nan], "sizes are numbers from 0 on, not nan"),
    ],
)
def test_sizes_that_do_not_fit_are_an_error_that_says_so(sizes: list[float], said: str) -> None:
    with mainstage.Run("Work", view="silent") as run, pytest.raises(ValueError, match=said):
        run.map(double, range(3), sizes=sizes)
