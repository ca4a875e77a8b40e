"""What lies ahead of a run, as the estimators want to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.eta.position import DONE, Eta
from mainstage.ui.eta.simulation import PLAYED, RemainingWork, Sized, crowd_eta, sized_eta
from mainstage.ui.eta.speed import AggregateEta

if TYPE_CHECKING:
    from mainstage.ui.state.model import Counts, RunState

STALE = 0.5
"""Seconds for which what was told is only counted down."""
MANY = 50
"""It is told anew where one in so many of what is left has ended since."""
LOOKED_AT = 64
"""Up to so many live tasks are looked at one by one."""
ALONE = 2.0
"""While there is one worker, the next is expected after so many times as long as it is alone."""


class Forecast(NamedTuple):
    """What was told last, of what: it holds for a moment, if nothing much happened."""

    at: float
    ended: int
    running: int
    left: int
    eta: Eta | None

    def holds(self, at: float, counts: Counts, left: int) -> bool:
        """Return whether it still tells how long `left` tasks take."""
        ended = counts.ended - self.ended
        same = self.left - left == ended and counts.running == self.running and 0 <= ended * MANY <= left
        return same and 0.0 <= at - self.at < STALE

    def later(self, at: float) -> Eta | None:
        """Return it as it is told at that time."""
        gone = at - self.at
        return self.eta and Eta(*[max(0.0, seconds - gone) for seconds in self.eta])


def run_eta(state: RunState, now: float) -> Eta | None:
    """Return how long until all expected tasks of `state` are over; None: no telling."""
    counts = state.counts
    left = state.expected - counts.ended
    if state.open_ended or state.first_start is None:
        return None
    if not left:
        return DONE
    known = state.plan.forecast
    if known is None or not known.holds(now, counts, left):
        eta = _eta(state, now, left, now - state.first_start)
        known = state.plan.forecast = Forecast(now, counts.ended, counts.running, left, eta)
    return known.later(now)


def _eta(state: RunState, now: float, left: int, seconds: float) -> Eta | None:
    counts = state.counts
    age = max(0.0, counts.running * seconds - state.starts)
    if len(state.tasks) > LOOKED_AT:
        return AggregateEta(counts.ended, left, counts.running, state.progress, age, state.typical, seconds).eta()
    busy = round((state.durations.seconds + age) / seconds) if seconds > 0.0 else 0
    if left == counts.running == 1 and (alone := _of_one(state, now)) is not None:
        return alone
    rest = _rest(state, now, left, max(1, counts.running, min(left, busy)))
    sized = _sized(state, now, rest)
    return crowd_eta(state.durations, rest) if sized is None else sized_eta(rest, sized)


def _of_one(state: RunState, now: float) -> Eta | None:
    """Return how long the one task still takes that is left, as it tells itself."""
    return next((live.eta(now) for live in state.tasks.values() if live.parent is None and not live.waiting), None)


def _rest(state: RunState, now: float, left: int, workers: int) -> RemainingWork:
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
    late = _late(state, now) if unstarted > workers else []
    return RemainingWork(unstarted, workers, known, ages, last - first, now - (state.first_start or 0.0), late)


def _late(state: RunState, now: float) -> list[float]:
    """Return in how many seconds each worker will be there that has not been seen: they come as the others came."""
    seen = len(state.workers)
    missing = state.plan.workers - seen
    if not 0 < missing <= LOOKED_AT or state.counts.running < seen:
        return []
    first = state.first_start or 0.0
    last = max(worker.seen_at for worker in state.workers.values())
    alone = seen == 1
    step = ALONE * (now - first) if alone else max((now - first) / seen, (last - first) / (seen - 1))
    return [max(0.0, step * number - (now - last)) for number in range(1, missing + 1)]


def _sized(state: RunState, now: float, rest: RemainingWork) -> Sized | None:
    """Return what the tasks of `rest` take, as their sizes tell; None: they do not, or not all have one."""
    plan = state.plan
    if plan.costs is None or not plan.costs.number or len(plan.ahead) + state.counts.waiting != rest.unstarted:
        return None
    base, each, spread = plan.costs.told(plan.mean())
    running, again = [], []
    for task, size in plan.at_work.items():
        live = state.tasks[task]
        if live.waiting:
            again.append(base + each * size)
        elif live.eta(now) is None:
            running.append((live.elapsed(now), base + each * size))
    if len(running) != len(rest.ages) or len(again) != state.counts.waiting:
        return None
    before, last = plan.last(PLAYED)
    bulk = base * (len(plan.ahead) - len(last)) + each * before
    return Sized(running, bulk, [*(base + each * size for size in last), *again], spread)
