"""How often a cell that stands still is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mainstage.channels.inbox import FIRST_LOOK, SLOWEST_LOOK, ThreadChannel
from mainstage.events import TaskStarted
from mainstage.tasks.capture.fds import IDLE_PATIENCE, PATIENCE, DescriptorCapture
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from mainstage.events import Event


class Still:
    """A cell that never moves."""

    id, attempt, polled, closed = 7, 1, True, False

    def position(self) -> float:
        return 0.0

    def arm(self) -> None:
        pass

    def sample(self, now: float) -> list[Event]:  # noqa: ARG002  # as any cell
        return []


class Eager(Still):
    patience = PATIENCE


def pauses(channel: ThreadChannel, clock: ManualClock, looks: int) -> list[float]:
    """Look as often as the channel wants; return the seconds between."""
    while not channel.empty():
        channel.receive(0)
    found = []
    for _ in range(looks):
        assert channel.sample(clock.now()) == []
        due = channel.next_sample_at()
        assert due is not None
        found.append(round(due - clock.now(), 3))
        clock.advance(due - clock.now())
    return found


@pytest.mark.parametrize(("cell", "slowest"), [(Still(), SLOWEST_LOOK), (Eager(), PATIENCE)])
def test_looks_at_a_cell_that_stands_still_become_rare_down_to_its_patience(cell: Still, slowest: float) -> None:
    clock = ManualClock()
    channel = ThreadChannel(clock)
    channel.watch(cell)
    assert pauses(channel, clock, 8) == [min(FIRST_LOOK * 2**n, slowest) for n in range(1, 9)]


def test_descriptors_are_looked_at_more_often_from_the_start_of_a_task_on() -> None:
    clock = ManualClock()
    channel = ThreadChannel(clock)
    capture = DescriptorCapture(channel, ())
    capture.start()
    assert pauses(channel, clock, 6)[-1] == IDLE_PATIENCE
    channel.send(TaskStarted(clock.now(), 1, 1, "", "one"))
    while not channel.empty():
        channel.receive(0)
    assert channel.next_sample_at() == 0.0
    assert pauses(channel, clock, 6)[-1] == PATIENCE
    capture.stop()
