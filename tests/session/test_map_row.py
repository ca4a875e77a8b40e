"""The row of a `map`: with a name in a live run, or in the body of a loop; none beside a loop over its results."""

from __future__ import annotations

from typing import Any

import pytest

import mainstage
from mainstage.events import TaskEnded, TaskStarted


class Loops:
    """What loops and maps there were: name, total, what it is in, and how many items it has come to."""

    def __init__(self) -> None:
        self.unshown: Any = ()
        self.events: list[Any] = []

    def record(self, event: Any) -> None:
        """Keep it."""
        self.events.append(event)

    def found(self) -> list[tuple[str, float | None, str | None, float]]:
        starts = {event.task: event for event in self.events if isinstance(event, TaskStarted)}
        ends = {event.task: event.completed for event in self.events if isinstance(event, TaskEnded)}
        return [
            (one.description, one.total, starts[one.parent].description if one.parent else None, ends[one.task])
            for one in starts.values()
            if one.loop
        ]


@pytest.fixture
def loops() -> Loops:
    return Loops()


def double(n: int) -> int:
    return n * 2


def test_a_description_in_a_live_run_is_a_row(loops: Loops) -> None:
    with mainstage.Run("nightly", view="silent", recorder=loops) as run:
        assert list(run.map(double, range(4), description="Fetching")) == [0, 2, 4, 6]
        assert list(mainstage.map(double, range(3), description="Again")) == [0, 2, 4]
        assert list(run.map(double, range(4))) == [0, 2, 4, 6]
    assert loops.found() == [("Fetching", 4, None, 4), ("Again", 3, None, 3)]


def test_a_map_in_the_body_of_a_loop_has_a_row_below_it(loops: Loops) -> None:
    with mainstage.Run("nightly", view="silent", recorder=loops) as run:
        for _ in mainstage.track(range(2), "Epochs"):
            list(run.map(double, range(4)))
            list(mainstage.map(lambda n: n, iter(range(3)), description="Checking"))
    assert loops.found() == [
        ("Epochs", 2, None, 2),
        *[("double", 4, "Epochs", 4), ("Checking", None, "Epochs", 3)] * 2,
    ]


def test_a_loop_over_the_results_is_the_row(loops: Loops) -> None:
    with mainstage.Run("nightly", view="silent", recorder=loops) as run:
        for _ in mainstage.track(range(1), "Epochs"):
            for _ in mainstage.track(run.map(double, range(4), description="No row"), "Fetching", total=4):
                pass
        for _ in mainstage.track(mainstage.map(double, range(4), description="None either"), "Again", total=4):
            pass
    assert loops.found() == [("Epochs", 1, None, 1), ("Fetching", 4, "Epochs", 4), ("Again", 4, None, 4)]


def test_one_that_is_left_ends_its_row(loops: Loops) -> None:
    with mainstage.Run("nightly", view="silent", recorder=loops) as run:
        for result in run.map(double, range(400), description="Fetching", buffersize=4):
            if result == 6:
                break
    (name, total, _, completed) = loops.found()[0]
    assert (name, total) == ("Fetching", 400)
    assert 3 <= completed < 400
