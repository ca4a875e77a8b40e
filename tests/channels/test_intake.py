"""How often workers report: the owner's law, and what a worker makes of it, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mainstage.channels.outbox import INTERVAL, SOON, RemoteChannel
from mainstage.events import TaskMoved, TaskStarted
from mainstage.run.report_interval import BATCH_S, BUDGET, LONGEST, SHORTEST, TARGET, ReportInterval
from mainstage.tasks.task import open_task
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from mainstage.events import Event
    from mainstage.tasks.task import Task

LONG = 2.0


class Wire:
    """Keeps what is sent, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self._held: list[Event] = []

    def send_batch(self, batch: list[Event]) -> None:
        self._held += batch

    def flush(self) -> None:
        if self._held:
            self.batches.append(self._held)
            self._held = []


class Worker:
    """A worker's channel whose reporter thread is this test."""

    def __init__(self, clock: ManualClock) -> None:
        self.wire = Wire()
        self.channel = RemoteChannel(self.wire, clock, first_id=1)
        self.clock = clock

    def open(self) -> Task:
        return open_task(self.channel, self.channel.new_id(), 1, "t", worker="w")

    def run_for(self, seconds: float, step: float = 0.005) -> list[list[Event]]:
        """Let time pass; return the batches that were sent meanwhile."""
        before = len(self.wire.batches)
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.channel.report(self.clock.now())
        return self.wire.batches[before:]


@pytest.fixture
def worker() -> Worker:
    return Worker(ManualClock(100.0))


def kinds(batch: list[Event]) -> list[type]:
    return [type(event) for event in batch]


def looked_at(intake: ReportInterval, load: float, seconds: float, since: float = 0.0) -> list[float]:
    """Have it look twenty times a second for `seconds` while reports cost `load`; return what it asks for."""
    asked = [intake.adjust(since + n / 20, (since + n / 20) * load) for n in range(round(seconds * 20) + 1)]
    return [one for one in asked if one is not None]


def test_the_interval_grows_with_what_reports_cost_and_shrinks_again() -> None:
    intake = ReportInterval()
    assert looked_at(intake, 0.9 * BUDGET, 10) == []
    grown = looked_at(intake, 4 * BUDGET, 3, since=10)
    assert grown == sorted(grown)
    assert intake.seconds >= 4 * SHORTEST
    shrunk = looked_at(intake, 0.0, 60, since=13)
    assert shrunk == sorted(shrunk, reverse=True)
    assert intake.seconds == SHORTEST


def test_an_interval_that_keeps_the_budget_is_left_alone() -> None:
    intake = ReportInterval()
    intake.seconds = 1.0
    assert looked_at(intake, 0.75 * BUDGET, 60) == []
    assert looked_at(intake, 0.6 * BUDGET, 60, since=60) != []


def test_an_owner_that_is_behind_is_helped_at_once() -> None:
    intake = ReportInterval()
    assert intake.adjust(0.0, 0.0) is None
    assert intake.adjust(1.0, 1.5 * BUDGET) == pytest.approx(1.5 * SHORTEST / TARGET)


def test_no_load_makes_it_longer_than_the_longest() -> None:
    intake = ReportInterval()
    looked_at(intake, 50.0, 600)
    assert intake.seconds == LONGEST


def test_thousands_of_workers_begin_at_an_interval_that_the_owner_can_bear() -> None:
    assert ReportInterval().add_workers(1000) is None
    intake = ReportInterval()
    many = 100_000
    first = intake.add_workers(many)
    assert first is not None
    assert many * BATCH_S / first == pytest.approx(TARGET * BUDGET)
    assert intake.seconds == first
    assert intake.add_workers(10) is None
    assert ReportInterval().add_workers(10**9) == LONGEST


def test_a_run_that_leaves_and_takes_its_costs_along_is_no_load() -> None:
    intake = ReportInterval()
    assert intake.adjust(0.0, 5.0) is None
    assert intake.adjust(1.0, 0.0) is None
    assert intake.load == 0.0


def test_at_the_usual_interval_edges_leave_at_once_and_positions_with_the_next_batch(worker: Worker) -> None:
    task = worker.open()
    assert [kinds(batch) for batch in worker.run_for(2 * SOON)] == [[TaskStarted]]
    worker.run_for(1.0)
    task.advance()
    assert len(worker.run_for(2 * SOON)) == 1  # nothing was sent for an interval
    task.advance()
    assert worker.run_for(INTERVAL / 2) == []
    assert [kinds(batch) for batch in worker.run_for(INTERVAL)] == [[TaskMoved]]


def test_at_a_longer_interval_edges_and_positions_are_one_batch(worker: Worker) -> None:
    worker.channel.set_interval(LONG)
    worker.open()
    assert len(worker.run_for(2 * SOON)) == 1  # the first in an interval need not wait
    for _ in range(5):
        worker.open().advance()
        assert worker.run_for(LONG / 10) == []
    (batch,) = worker.run_for(LONG)
    assert sorted(kinds(batch), key=str) == [TaskMoved] * 5 + [TaskStarted] * 5
    moved = [event.at for event in batch if isinstance(event, TaskMoved)]
    assert moved == [pytest.approx(worker.clock.now(), abs=LONG)] * 5


def test_a_shorter_interval_counts_from_now_on(worker: Worker) -> None:
    worker.channel.set_interval(LONG)
    task = worker.open()
    worker.run_for(2 * SOON)
    task.advance()
    assert worker.run_for(INTERVAL) == []
    worker.channel.set_interval(INTERVAL)
    assert len(worker.run_for(2 * SOON)) == 1


def test_what_is_rung_for_waits_for_no_interval(worker: Worker) -> None:
    worker.channel.set_interval(LONG)
    worker.open()
    worker.run_for(2 * SOON)
    worker.open()
    worker.channel.flush_soon()
    assert [kinds(batch) for batch in worker.run_for(2 * SOON)] == [[TaskStarted]]


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_the_intake_is_under_its_budget_however_many_workers_there_are(count: int) -> None:
    cost = 0.0005  # seconds a batch: 1,000 workers at the shortest interval are five cores
    clock = ManualClock(0.0)
    workers = [Worker(clock) for _ in range(count)]
    tasks = [worker.open() for worker in workers]
    intake = ReportInterval()
    batches = 0
    half = 0
    for tick in range(1, 41 * 20):
        clock.advance(0.05)
        for worker, task in zip(workers, tasks, strict=True):
            task.advance()
            worker.channel.report(clock.now())
        batches = sum([len(worker.wire.batches) for worker in workers])
        asked = intake.adjust(clock.now(), batches * cost)
        if asked is not None:
            for worker in workers:
                worker.channel.set_interval(asked)
        if tick == 20 * 20:
            half = batches
    assert (batches - half) * cost / 20 <= 1.1 * BUDGET
    assert intake.seconds <= max(SHORTEST, 2 * count * cost / BUDGET)  # and no longer than that takes
