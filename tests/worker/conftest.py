"""A run's sending half that keeps what it is sent, and a root task on it."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import pytest

from mainstage.tasks import outcome as runner
from mainstage.tasks.reporter import live
from mainstage.tasks.task import open_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.events import Event
    from mainstage.tasks.outcome import Outcome
    from mainstage.tasks.reporter import Cell
    from mainstage.tasks.task import Task


class Recorder:
    """A reporter: events and notes in the order they came, at a time that the test sets."""

    detailed = True

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.notes: list[Cell] = []
        self.watched: list[Cell] = []
        self.at = 0.0
        self.new_id = itertools.count(1).__next__
        self.send = self.events.append
        self.moved = self.notes.append
        self.watch = self.watched.append

    def now(self) -> float:
        return self.at

    def unwatch(self, cell: Cell) -> None:
        pass

    def of(self, *kinds: type[Event]) -> list[Event]:
        """Return the events of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]

    def open(self, description: str = "root") -> Task:
        return open_task(self, self.new_id(), 1, description, worker="w")

    def run(self, fn: Callable[..., object], *args: object) -> Outcome:
        """Run `fn` as a backend does, under a task of its own, to its last event."""
        task = self.open()
        outcome = runner.run(task, fn, args, {})
        runner.finish(task, outcome, "input")
        return outcome


@pytest.fixture
def recorder() -> Recorder:
    """Return a reporter; no run is live."""
    return Recorder()


@pytest.fixture
def run(recorder: Recorder) -> Iterator[Recorder]:
    """Make it the live run's."""
    before, live.reporter = live.reporter, recorder
    try:
        yield recorder
    finally:
        live.reporter = before


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
