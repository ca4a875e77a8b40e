"""Whole pictures of every layout, as text: what tests/views/golden holds.

`python -m tests.views.pictures` writes the files anew: look at what changed before you keep it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.views.runs import BAD_ROW, end, first, middle, moment

from mainstage.dashboard import Bars, Dashboard, Failures, Header, Logs, Metrics
from mainstage.events import MetricReported, TaskFailed, TaskMoved, TaskRetried, TaskStarted, TextWritten
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views.layouts import LAYOUTS, factory
from mainstage.ui.views.palette import Glyphs, Palette

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.views import View
    from mainstage.ui.views.layouts import Layout

GOLDEN = Path(__file__).parent / "golden"
SIZES = ((200, 60), (120, 40), (80, 24), (40, 12), (20, 5), (80, 1))
DASHBOARD = Dashboard(Header(), Bars(max_rows=6), Metrics("loss"), Failures(3), Logs(3))
NAMES: dict[str, str | Layout] = {**{name: name for name in LAYOUTS}, "dashboard": DASHBOARD}


def written() -> list[Event]:
    """What workers wrote and measured by the middle of the run, and an attempt that failed."""
    texts = [TextWritten(9.0 + n / 10, 2, 1, "w2", "log", f"part {n} of \x1b[1mbeta\x1b[0m [/b]") for n in range(3)]
    losses = [MetricReported(9.5, 1, 1, "loss", 1.0 / (n + 1)) for n in range(9)]
    again: list[Event] = [
        TaskStarted(9.0, 40, 1, "w4", "delta", 40.0),
        TaskRetried(9.6, 40, 1, 3, BAD_ROW, 30.0),
        TaskStarted(9.7, 41, 1, "w5", "epsilon", 10.0, "", 3),
        TaskMoved(9.8, 41, 1, 5),
    ]
    return [*texts, TextWritten(9.9, None, 0, "main", "stdout", "said by the program"), *losses, *again]


def frames() -> list[tuple[str, float, list[Event]]]:
    """Name, time and new events of each picture."""
    begun, half = first(), middle()
    half_on = [event for event in half[len(begun) :] if not isinstance(event, TaskFailed)]
    failed = [event for event in half if isinstance(event, TaskFailed)]
    return [
        ("first", 0.6, begun),
        ("middle", 10.0, [*half_on, *written(), *failed]),
        ("final", 14.0, [*end()[len(half) :]]),
    ]


def new_view(layout: str | Layout, *, unicode: bool = True) -> View:
    return factory(layout)(Palette("none"), Glyphs(unicode=unicode))


def picture(layout: str | Layout, columns: int, rows: int) -> str:
    """Return the three pictures of one size, and what the layout adds to the history before the last one."""
    state, view = RunState(), new_view(layout)
    parts: list[str] = []
    for name, now, events in frames():
        said: list[str] = []
        for event in events:
            reduce(state, event)
            said += view.history_lines(event, state, moment(event.at, columns, rows))
        shown = view.rows(state, moment(now, columns, rows, final=name == "final"))
        parts += [f"== {columns}x{rows} {name}", *_told(said, columns), *(line.rstrip() for line in shown)]
    assert not state.anomalies.count, list(state.anomalies.last)
    return "\n".join(parts) + "\n"


def _told(said: Sequence[str], columns: int) -> list[str]:
    return [f"^ {line}" for line in said] if columns == SIZES[2][0] else []


def page(name: str) -> str:
    return "\n".join(picture(NAMES[name], *size) for size in SIZES)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in NAMES:
        (GOLDEN / f"{each}.txt").write_text(page(each), encoding="utf-8")
