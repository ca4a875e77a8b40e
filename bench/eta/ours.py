"""What we tell: the samples go in as events, and what the row of the run would show comes out, in whole seconds."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from bench.eta.score import Error, error, moments
from mainstage.events import RunStarted, SourceForeseen, SourceOpened, TaskEnded, TaskMoved, TaskStarted
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import formatting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.eta.runs import Run, Sample
    from mainstage.events import Event


def event(sample: Sample) -> Event:
    at, kind, task, value, worker = sample
    if kind == "start":
        return TaskStarted(at, task, 1, f"worker-{worker}", "", value, "B")
    if kind == "move":
        return TaskMoved(at, task, 1, value or 0.0)
    return TaskEnded(at, task, 1, 0.0)


def told(run: Run) -> Iterator[tuple[float, float | None]]:
    """Yield (moment, seconds left) for each moment at which all are asked; rounded up, as it is shown."""
    state = RunState()
    reduce(state, RunStarted(0.0, "", 0.0))
    reduce(state, SourceOpened(0.0, 0, run.expected))
    reduce(state, SourceForeseen(0.0, 0, run.workers, tuple(enumerate(run.sizes))))
    place = 0
    for at in moments(run):
        while place < len(run.samples) and run.samples[place].at <= at:
            reduce(state, event(run.samples[place]))
            place += 1
        eta = state.eta(at)
        yield at, ceil(eta.likely) if eta is not None and formatting.eta_range(*eta) else None


def of_us(run: Run) -> Error:
    return error(run, told(run))
