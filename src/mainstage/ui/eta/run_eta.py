"""How long until all expected tasks of a run are over.

The estimators know no state: `RunAhead` is what they read of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mainstage.ui.eta.position import DONE, Eta
from mainstage.ui.eta.simulation import PLAYED, RemainingWork, Sized, crowd_eta, sized_eta
from mainstage.ui.eta.sizes import Forecast
from mainstage.ui.eta.speed import AggregateEta

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sized as HasLength

    from mainstage.ui.eta.simulation import Durations
    from mainstage.ui.eta.sizes import SizePlan, TaskCounts


LOOKED_AT = 64
"""Up to so many live tasks are looked at one by one."""
ALONE = 2.0
"""While there is one worker, the next is expected after so many times as long as it is alone."""


class LiveTask(Protocol):
    """One live task, as the estimators read it."""

    counted: bool
    waiting: bool
    slot: int

    def elapsed(self, now: float) -> float:
        """Return the seconds since its attempt began."""
        ...

    def eta(self, now: float) -> Eta | None:
        """Return how long until it is done; None: nothing to tell it by."""
        ...


class SeenWorker(Protocol):
    """One worker, as the estimators read it."""

    seen_at: float


class StatusCells(Protocol):
    """The status of each top-level task, in the order in which they began."""

    @property
    def cells(self) -> HasLength:
        """Return them, one element each."""
        ...


class RunAhead(Protocol):
    """A run, as the estimators read it: what is done, what is at work and what is known to come."""

    first_start: float | None
    before: int
    progress: float
    typical: float
    starts: float
    plan: SizePlan
    durations: Durations

    @property
    def open_ended(self) -> bool:
        """Return whether more may come than is known."""
        ...

    @property
    def expected(self) -> int:
        """Return how many tasks there are to be in all."""
        ...

    @property
    def counts(self) -> TaskCounts:
        """Return how many tasks are where."""
        ...

    @property
    def tasks(self) -> Mapping[int, LiveTask]:
        """Return the live tasks by their number."""
        ...

    @property
    def workers(self) -> Mapping[str, SeenWorker]:
        """Return the workers by their name."""
        ...

    @property
    def board(self) -> StatusCells:
        """Return the status of each top-level task."""
        ...


def run_eta(state: RunAhead, now: float) -> Eta | None:
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


def _eta(state: RunAhead, now: float, left: int, seconds: float) -> Eta | None:
    counts = state.counts
    age = max(0.0, counts.running * seconds - state.starts)
    if len(state.tasks) > LOOKED_AT:
        return AggregateEta(
            counts.ended - state.before, left, counts.running, state.progress, age, state.typical, seconds
        ).eta()
    busy = round((state.durations.seconds + age) / seconds) if seconds > 0.0 else 0
    if left == counts.running == 1 and (alone := _of_one(state, now)) is not None:
        return alone
    rest = _rest(state, now, left, max(1, counts.running, min(left, busy)))
    sized = _sized(state, now, rest)
    return crowd_eta(state.durations, rest) if sized is None else sized_eta(rest, sized)


def _of_one(state: RunAhead, now: float) -> Eta | None:
    """Return how long the one task still takes that is left, as it tells itself."""
    return next((live.eta(now) for live in state.tasks.values() if live.counted and not live.waiting), None)


def _rest(state: RunAhead, now: float, left: int, workers: int) -> RemainingWork:
    """Return what is left to do, task by task."""
    known: list[tuple[float, float]] = []
    ages: list[float] = []
    last = len(state.board.cells)
    first = last
    for task in state.tasks.values():
        if not task.counted or task.waiting:
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


def _late(state: RunAhead, now: float) -> list[float]:
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


def _sized(state: RunAhead, now: float, rest: RemainingWork) -> Sized | None:
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
