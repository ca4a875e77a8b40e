"""What lies ahead of a run, as the estimators want to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.state.eta import DONE, Rest, crowd_eta
from mainstage.state.rate import Crowd

if TYPE_CHECKING:
    from mainstage.state.eta import Eta
    from mainstage.state.model import RunState

LOOKED_AT = 64
"""Up to so many live tasks are looked at one by one."""


def run_eta(state: RunState, now: float) -> Eta | None:
    """Return how long until all expected tasks of `state` are over; None: no telling."""
    counts = state.counts
    left = state.expected - counts.ended
    if state.open_ended or state.first_start is None:
        return None
    if not left:
        return DONE
    seconds = now - state.first_start
    age = max(0.0, counts.running * seconds - state.starts)
    if len(state.tasks) > LOOKED_AT:
        return Crowd(counts.ended, left, counts.running, state.progress, age, state.typical, seconds).eta()
    busy = round((state.durations.seconds + age) / seconds) if seconds > 0.0 else 0
    return crowd_eta(state.durations, _rest(state, now, left, max(1, counts.running, min(left, busy))))


def _rest(state: RunState, now: float, left: int, workers: int) -> Rest:
    """Return what is left to do, task by task."""
    known: list[tuple[float, float]] = []
    ages: list[float] = []
    last = len(state.board.cells)
    first = last
    for task in state.tasks.values():
        if task.parent is not None or task.waiting:
            continue
        told = task.eta(now)
        first = min(first, task.slot)
        if told is None:
            ages.append(task.elapsed(now))
        else:
            known.append((task.elapsed(now), told.likely))
    unstarted = max(0, left - len(known) - len(ages))
    return Rest(unstarted, workers, known, ages, last - first, now - (state.first_start or 0.0))
