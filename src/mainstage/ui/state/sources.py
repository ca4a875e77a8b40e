"""A part of the reducer: what events of the run itself and of its sources change. `reduce` alone calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.state import aggregates
from mainstage.ui.state.run import Source
from mainstage.ui.state.validate import check_number, check_position, check_sizes, check_text, check_whole, invalid

if TYPE_CHECKING:
    from mainstage.events import (
        RunEnded,
        RunStarted,
        SourceClosed,
        SourceForeseen,
        SourceOpened,
        SourceResumed,
        StopRequested,
    )
    from mainstage.ui.state.run import RunState


def run_started(state: RunState, event: RunStarted) -> None:
    """Begin the run."""
    if state.started_at is not None:
        invalid("the run has begun already")
    check_text(event.title)
    wall = check_number(event.wall)
    state.started_at = check_number(event.at)
    state.title = event.title
    state.wall = wall


def run_ended(state: RunState, event: RunEnded) -> None:
    """End the run."""
    if state.ended_at is not None:
        invalid("the run is over already")
    state.ended_at = check_number(event.at)


def stop_requested(state: RunState, event: StopRequested) -> None:
    """Keep the request to stop, if none goes further."""
    check_number(event.at)
    check_text(event.cause)
    check_whole(event.stage)
    if state.stop is None or event.stage >= state.stop.stage:
        state.stop = event


def source_opened(state: RunState, event: SourceOpened) -> None:
    """Expect the items of a source."""
    source, total = event.source, event.total
    check_whole(source)
    check_number(event.at)
    if source in state.sources or source in state.sources_over:
        invalid(f"source {source} was opened already")
    if total is not None:
        check_whole(total)
        check_position(total)
    state.sources[source] = Source(total)
    if total is None:
        state.uncounted += 1
    else:
        state.known += total


def source_closed(state: RunState, event: SourceClosed) -> None:
    """Expect no more of a source than it has handed out."""
    source, handed = event.source, event.handed
    if source not in state.sources:
        invalid(f"source {source} is not open")
    check_number(event.at)
    check_whole(handed)
    check_position(handed)
    total = state.sources.pop(source).total
    state.sources_over.add(source)
    if total is None:
        state.uncounted -= 1
    state.known += handed - (total or 0)
    state.unhanded += max(0, (total or 0) - handed)


def source_foreseen(state: RunState, event: SourceForeseen) -> None:
    """Plan with what is known of items that are still to come."""
    check_number(event.at)
    check_whole(event.source)
    if event.workers is not None:
        check_whole(event.workers)
    aggregates.set_sizes(state, check_sizes(event.sizes))
    state.plan.workers = max(state.plan.workers, event.workers or 0)


def source_resumed(state: RunState, event: SourceResumed) -> None:
    """Count items that an earlier run has done, and not as a speed of this one."""
    check_number(event.at)
    for number in (event.source, event.number, event.failed):
        check_whole(number)
        check_position(number)
    if event.failed > event.number:
        invalid(f"{event.failed} failures among {event.number} items")
    counts = state.counts
    counts.done += event.number - event.failed
    counts.failed += event.failed
    state.before += event.number
    state.board.add_many(event.number)
    state.plan.skip(event.number)
    state.pace.rebase(counts.ended)
