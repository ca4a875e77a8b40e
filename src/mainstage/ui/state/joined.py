"""Two runs told as one, once both are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.state.run import SLOWEST

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState


def add_earlier(state: RunState, earlier: RunState) -> None:
    """Add to `state`, which is over, what the last lines are to tell of `earlier`, which ended before it began.

    Its seconds are added too, those between the two are not.
    """
    for ours, theirs in (
        (state.counts, earlier.counts),
        (state.nested, earlier.nested),
        (state.loops, earlier.loops),
    ):
        for name in ours.__slots__:
            setattr(ours, name, getattr(ours, name) + getattr(theirs, name))
    for units, others in ((state.units, earlier.units), (state.live_units, earlier.live_units)):
        for unit, items in others.items():
            units[unit] = units.get(unit, 0) + items
    for kind, number in earlier.failures.kinds.items():
        state.failures.kinds[kind] = state.failures.kinds.get(kind, 0) + number
    state.slowest = sorted((*earlier.slowest, *state.slowest), reverse=True)[:SLOWEST]
    state.known += earlier.known
    state.unhanded += earlier.unhanded
    state.stop = state.stop or earlier.stop
    lasted = earlier.elapsed(0.0 if earlier.ended_at is None else earlier.ended_at)
    if state.started_at is not None:
        state.started_at -= lasted
        state.wall -= lasted
