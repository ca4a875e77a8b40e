"""The state of many tasks is small: what ended is a number, whatever came of it and wherever it ran."""

from __future__ import annotations

import gc
from collections import Counter
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from mainstage.events import (
    ErrorReport,
    ItemsEnded,
    RunStarted,
    SourceOpened,
    TaskCancelled,
    TaskEnded,
    TaskMoved,
    TaskRetried,
    TaskStarted,
)
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.events import Event

MANY = 100_000
WORKERS = 100
NESTED = 1 << 52
"""Where the numbers of tasks begin that workers make."""


def lives(first: int, count: int) -> Iterator[Event]:
    """Yield tasks that end; one in ten moves and has a nested one, one in a hundred is cancelled."""
    for number in range(first, first + count):
        at, worker = float(number), f"node/{number % WORKERS}"
        yield TaskStarted(at, number, 1, worker, f"item {number}", unit="B")
        if number % 10 == 0:
            inner = NESTED + ((number % WORKERS) << 32) + number // WORKERS
            yield TaskStarted(at, inner, 1, worker, "inner", parent=number)
            yield TaskMoved(at + 0.5, number, 1, 10)
            yield TaskEnded(at + 1.0, inner, 1, 0)
        if number % 100:
            yield TaskEnded(at + 1.0, number, 1, 20)
        else:
            yield TaskCancelled(at + 1.0, number, 1, 20, "asked")


def run_of(events: Iterator[Event]) -> RunState:
    state = RunState()
    reduce(state, RunStarted(0.0, "many", 0.0))
    reduce(state, SourceOpened(0.0, 1 << 60, MANY))
    for event in events:
        reduce(state, event)
    assert state.anomalies.count == 0, state.anomalies.last
    return state


def kept(state: RunState) -> tuple[int, int]:
    """Return how many objects can be reached from `state`, and the bytes in its strings of bytes."""
    seen: set[int] = set()
    kinds: Counter[str] = Counter()
    octets = 0
    waiting: list[Any] = [state]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, ModuleType | type | FunctionType):
            continue
        seen.add(id(one))
        kinds[type(one).__name__] += 1
        octets += len(one) if isinstance(one, bytearray) else 0
        waiting.extend(gc.get_referents(one))
    return kinds.total(), octets


def test_a_hundred_thousand_tasks_that_ended_leave_no_objects_behind() -> None:
    few, _ = kept(run_of(lives(1, MANY // 100)))
    state = run_of(lives(1, MANY))
    many, octets = kept(state)
    assert state.counts.ended == MANY
    assert state.nested.ended == MANY // 10
    assert many < few + 0.01 * MANY  # 1,024 numbers of tasks share a block
    assert octets < 4 * MANY  # one a task on the board, one for each number, and blocks that are not full


def test_items_told_together_leave_no_objects_behind_either() -> None:
    def items() -> Iterator[Event]:
        for first in range(1, MANY, 100):
            at = float(first)
            told = tuple((number, at, at + 1.0) for number in range(first, first + 100))
            yield ItemsEnded(at + 1.0, 1 << 60, f"node/{first // 100 % WORKERS}", told)

    state = run_of(items())
    assert state.counts.done == MANY
    assert kept(state)[0] < kept(run_of(iter([])))[0] + 20 * WORKERS


def test_of_tasks_that_ended_in_a_later_attempt_the_number_of_that_is_kept_and_no_more() -> None:
    def retried(number: int) -> Iterator[Event]:
        at = float(number)
        yield TaskStarted(at, number, 1, "node/1", "item")
        yield TaskRetried(at, number, 1, 0, ErrorReport("ValueError", "no"), 0.0, "")
        yield TaskStarted(at, number, 2, "node/2", "item")
        yield TaskEnded(at, number, 2, 1)

    state = run_of(event for number in range(1, 1001) for event in retried(number))
    assert state.counts.done == state.counts.retried == 1000
    assert not state.tasks
    assert not state.failing
    assert kept(state)[0] < kept(run_of(iter([])))[0] + 2 * 1000 + 100
