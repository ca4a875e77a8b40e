"""Runs to look at: events reduced to a state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.events import (
    ErrorReport,
    RunEnded,
    RunStarted,
    SourceClosed,
    SourceOpened,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskStarted,
)
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import FrameContext, Size
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.palette import Glyphs, Palette

if TYPE_CHECKING:
    from mainstage.events import Event

NOON = 1_800_014_400.0  # 12:00:00 UTC
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/job.py", line 12, in load\n    parse(x)\nValueError: bad row'
)
BAD_ROW = ErrorReport("ValueError", "bad row", TRACEBACK)


def after(*events: Event, state: RunState | None = None) -> RunState:
    """Return the state after `events`; none of them may be an impossible one."""
    state = state or RunState()
    for event in events:
        reduce(state, event)
    assert not state.anomalies.count, list(state.anomalies.last)
    return state


def moment(
    now: float, columns: int = 80, rows: int = 24, *, final: bool = False, borrowed: bool = False
) -> FrameContext:
    return FrameContext(now, Size(columns, rows), final, borrowed)


def plain_bars(*, unicode: bool = True, **options: object) -> BarsView:
    return BarsView(Palette("none"), Glyphs(unicode=unicode), **options)  # type: ignore[arg-type]


def picture(state: RunState, now: float, columns: int = 80, rows: int = 24, *, final: bool = False) -> str:
    """Return the rows of a fresh view as one text, as they would stand on a terminal without colours."""
    return "\n".join(line.rstrip() for line in plain_bars().rows(state, moment(now, columns, rows, final=final)))


def first() -> list[Event]:
    """The run has begun, nothing has moved."""
    return [
        RunStarted(0.0, "hashing", NOON),
        SourceOpened(0.0, 1, 30),
        TaskStarted(0.1, 1, 1, "w1", "lib/alpha.bin", 1e6, "B"),
        TaskStarted(0.1, 2, 1, "w2", "lib/beta.bin", 2e6, "B"),
        TaskStarted(0.1, 3, 1, "w3", "odd [/]名前\x1b[2J", None, "rows"),
        TaskStarted(0.1, 4, 1, "w4", "gamma", 100.0),
    ]


def middle() -> list[Event]:
    """Ten seconds in: one task has a child, one has failed, one says what it does."""
    events: list[Event] = first()
    events.append(TaskStarted(0.2, 5, 1, "w1", "verify", 50.0, parent=1))
    for step in range(1, 100):
        at = 0.1 + step / 10
        events += [TaskMoved(at, 1, 1, 8e3 * step), TaskMoved(at, 2, 1, 1e4 * step), TaskMoved(at, 3, 1, 7 * step)]
        events.append(TaskMoved(at, 5, 1, step // 4))
    events.append(TaskChanged(10.0, 2, 1, status="reading the tail"))
    events.append(TaskFailed(10.0, 4, 1, 10, BAD_ROW, "'gamma.csv'"))
    return events


def end() -> list[Event]:
    """All is over: 28 more tasks ended well."""
    events: list[Event] = middle()
    events += [
        TaskEnded(12.0, 5, 1, 50),
        TaskEnded(12.0, 1, 1, 1e6),
        TaskEnded(12.0, 2, 1, 2e6),
        TaskEnded(12.0, 3, 1, 700),
    ]
    for task in range(6, 32):
        events.append(TaskStarted(12.0, task, 1, "w1", f"file {task}", 1e6, "B"))
        events.append(TaskEnded(13.0 + task / 100, task, 1, 1e6))
    events += [SourceClosed(14.0, 1, 30), RunEnded(14.0)]
    return events
