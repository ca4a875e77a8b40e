"""What holds for every run, however odd its names, numbers and the size of its screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st
from tests.views.runs import NOON, moment

from mainstage.events import (
    ErrorReport,
    RunEnded,
    RunStarted,
    SourceOpened,
    StopRequested,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskRetried,
    TaskStarted,
    TextWritten,
)
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.foreign import strip
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.plain import PlainView
from mainstage.ui.views.text import width

if TYPE_CHECKING:
    from mainstage.events import Event
    from mainstage.ui.views import View
    from mainstage.ui.views.palette import Color

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MORE = re.compile(r"  \+ (\d+) more")
ODD = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x1FFFF)
    | st.sampled_from("\x1b[2J;mA\r\n\t\x9b[/bold]{}名\u200d👩\u0301"),
    max_size=30,
)
NUMBERS = st.floats(0, 1e12) | st.integers(0, 10**9)
TIMES = st.floats(0, 100)
TASKS = st.integers(1, 12)


def events() -> st.SearchStrategy[list[Event]]:
    error = st.builds(ErrorReport, ODD, ODD, ODD)
    parents = st.none() | TASKS
    return st.lists(
        st.builds(
            TaskStarted,
            TIMES,
            TASKS,
            st.integers(1, 2),
            ODD,
            ODD,
            st.none() | NUMBERS,
            st.sampled_from(["", "B", "名"]),
            parents,
        )
        | st.builds(TaskMoved, TIMES, TASKS, st.just(1), NUMBERS)
        | st.builds(TaskChanged, TIMES, TASKS, st.just(1), st.none() | ODD, st.none() | NUMBERS, st.none() | ODD)
        | st.builds(TaskEnded, TIMES, TASKS, st.just(1), NUMBERS)
        | st.builds(TaskFailed, TIMES, TASKS, st.just(1), NUMBERS, error, ODD)
        | st.builds(TaskRetried, TIMES, TASKS, st.just(1), NUMBERS, error, st.floats(0, 99), ODD)
        | st.builds(TaskCancelled, TIMES, TASKS, st.just(1), NUMBERS)
        | st.builds(TextWritten, TIMES, st.none() | TASKS, st.just(1), ODD, st.sampled_from(["log", "mainstage"]), ODD)
        | st.builds(StopRequested, TIMES, ODD, st.integers(1, 3))
        | st.builds(SourceOpened, TIMES, st.integers(1, 3), st.none() | st.integers(0, 1000)),
        max_size=40,
    )


@example([TaskStarted(0.0, 1, 2, "", "", 0.0)], "", 55, 1, 0.0, False, False)  # a dropped column before a status
@given(events(), ODD, st.integers(1, 120), st.integers(1, 40), TIMES, st.booleans(), st.booleans())
def test_rows_fit_hold_no_controls_and_add_up(
    happened: list[Event], title: str, columns: int, height: int, now: float, unicode: bool, final: bool
) -> None:
    state = RunState()
    colors: tuple[Color, ...] = ("none", "truecolor")
    views = [BarsView(Palette(color), Glyphs(unicode=unicode)) for color in colors]
    plain = PlainView(glyphs=Glyphs(unicode=unicode))
    every: list[View] = [*views, plain]
    for event in [RunStarted(0.0, title, NOON), *happened, *([RunEnded(now)] if final else [])]:
        reduce(state, event)
        for either in every:
            for line in either.history_lines(event, state, moment(now, columns, height)):
                assert not CONTROL.search(strip(line))
                assert unicode or strip(line).isascii()
    rows = [view.rows(state, moment(now, columns, height, final=final)) for view in views]
    assert rows[0] == [strip(line) for line in rows[1]]
    for line in rows[0]:
        assert width(line) < max(columns, 2)
        assert not CONTROL.search(line)
        assert unicode or line.isascii()
    if not final:
        assert len(rows[0]) <= max(1, height - 1)
        more = [int(found[1]) for line in rows[0] if (found := MORE.fullmatch(line))]
        if more and not state.stop:
            assert more[0] + len(rows[0]) - 2 == len(state.tasks)
    for line in plain.rows(state, moment(now, columns, height, final=final)):
        assert not CONTROL.search(line)
    for either in every:
        either.due(state, now, dirty=True)
        either.due(state, now, dirty=False)


@given(events(), TIMES)
def test_a_view_that_drew_before_draws_the_same_as_a_fresh_one(happened: list[Event], now: float) -> None:
    state = RunState()
    used = BarsView(Palette("none"))
    reduce(state, RunStarted(0.0, "run", NOON))
    for event in happened:
        reduce(state, event)
        used.rows(state, moment(now - 1.0))
    assert used.rows(state, moment(now)) == BarsView(Palette("none")).rows(state, moment(now))
