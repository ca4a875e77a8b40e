"""Dashboards of pieces, of users' functions and of Rich's layouts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from rich.layout import Layout
from rich.panel import Panel as RichPanel
from rich.text import Text
from tests.views.pictures import frames
from tests.views.runs import NOON, after, middle, moment

from mainstage.dashboard import Bars, Dashboard, Failures, Grid, Header, Lanes, Logs, Metrics, Panel, RunState
from mainstage.events import MetricReported, RunEnded, RunStarted, SourceOpened, TaskStarted
from mainstage.ui.state.reducer import reduce
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.spark import sparkline
from mainstage.ui.views.user_code import OverTime, UserCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.ui.views import View


def view_of(*parts: object) -> View:
    return Dashboard(*parts).view(Palette("none"), Glyphs())  # type: ignore[arg-type]  # any of what it takes


def half() -> RunState:
    state = RunState()
    for _, _, events in frames()[:2]:
        for event in events:
            reduce(state, event)
    return state


def rows(view: View, columns: int = 80, height: int = 40) -> list[str]:
    return [line.rstrip() for line in view.rows(half(), moment(10.0, columns, height))]


def test_a_function_of_the_state_or_of_state_and_time_is_a_panel() -> None:
    def peaks(state: RunState) -> str:
        return f"[b]{state.counts.running}[/b] run"

    def clock(_state: RunState, now: float) -> Text:
        return Text(f"at {now}")

    assert rows(view_of(peaks, clock, Text("still")))[:3] == ["3 run", "at 10.0", "still"]


def test_a_panel_that_raises_is_named_once_and_the_others_stay() -> None:
    def broken(_state: RunState) -> str:
        raise ValueError("no panel")

    view = view_of(Header(), broken)
    first = rows(view)
    assert first == rows(view)
    assert first[0].startswith("hashing  10 s  1/30")
    state = after(*middle())
    said = view.history_lines(RunEnded(11.0), state, moment(11.0))
    assert said == ["mainstage: the panel 'broken' raised ValueError: no panel; it is left out from here on"]


def test_a_users_panel_does_not_run_while_the_moment_is_borrowed() -> None:
    calls: list[float] = []

    def counted(_state: RunState, now: float) -> str:
        calls.append(now)
        return f"at {now}"

    view, state = view_of(counted), half()
    assert view.rows(state, moment(10.0))[0] == "at 10.0"
    assert view.rows(state, moment(11.0, borrowed=True))[0] == "at 10.0"
    assert view.rows(state, moment(12.0))[0] == "at 12.0"
    assert calls == [10.0, 12.0]


def test_it_runs_where_something_can_interrupt_it_and_not_again_once_that_was_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience = [True, False, True]

    @contextlib.contextmanager
    def limit(_: float) -> Iterator[None]:
        if not patience.pop(0):
            raise OverTime
        yield

    monkeypatch.setattr(UserCode, "limit", limit)
    view, state = view_of(lambda _, now: f"at {now}"), half()
    shown = [view.rows(state, moment(now, borrowed=True))[0] for now in (10.0, 11.0, 12.0)]
    assert shown == ["at 10.0"] * 3
    assert patience == [True]
    assert view.rows(state, moment(13.0))[0] == "at 13.0"


def test_pieces_stand_side_by_side_in_a_layout_of_richs() -> None:
    screen = Layout()
    screen.split_row(Layout(RichPanel(Bars(), title="tasks"), ratio=2), Layout(RichPanel(Metrics("loss"), title="m")))
    view = view_of(Header(), screen)
    lines = rows(view, 100, 20)
    assert lines[1].startswith("╭─")
    assert "tasks" in lines[1]
    assert "▸ lib/alpha.bin" in lines[2]
    assert "loss" in lines[2]
    assert len(lines) == 15
    assert set(view.shown) >= {1, 2, 3}


def test_a_piece_outside_of_a_dashboard_says_where_it_belongs() -> None:
    from mainstage.ui.views.renderable import lines_of  # noqa: PLC0415  # only here

    assert lines_of(Lanes(), 60, Palette("none")) == ["Lanes is drawn within a live Dashboard"]


def test_what_has_no_room_is_named_or_counted() -> None:
    parts = (Header(), Bars(), Metrics(), Failures(), Logs())
    assert rows(view_of(*parts), 80, 7)[0].startswith("hashing  10 s  1/30")
    assert rows(view_of(*parts), 80, 7)[3] == "  + 4 more, no room for metrics, failures, logs"
    assert rows(view_of(*parts), 20, 5)[1] == "+ 5 more, 4 panels"


def test_pieces_that_share_divide_what_is_left() -> None:
    lines = rows(view_of(Lanes(max_rows=3), Grid(max_rows=2), Bars()), 80, 40)
    assert lines[2] == "  + 3 more workers"
    assert lines[3].startswith("▸▸▸✗")
    assert lines[4].startswith("▸ 3 running")
    assert lines[5].startswith("▸ lib/alpha.bin")


def test_a_dashboard_serves_several_runs_and_an_empty_one_is_refused() -> None:
    dashboard = Dashboard(Bars(), Logs(2))
    first = dashboard.view(Palette("none"), Glyphs())
    second = dashboard.view(Palette("none"), Glyphs())
    assert first is not second
    assert rows(first) == rows(second)
    with pytest.raises(ValueError, match="at least one piece"):
        Dashboard()


def test_metrics_tell_the_last_least_mean_and_greatest_value_and_the_course() -> None:
    values = [MetricReported(1.0, 1, 1, name, value) for name, value in
              [("loss", 4.0), ("loss", 1.0), ("acc", 0.5), ("loss", 2.5), ("odd", float("nan"))]]  # fmt: skip
    state = after(RunStarted(0.0, "r", NOON), SourceOpened(0.0, 9, 9), TaskStarted(0.0, 1, 1, "w", "t"), *values)
    lines = view_of(Metrics()).rows(state, moment(2.0, 80))
    assert [line.split()[:2] for line in lines[1:3]] == [["acc", "0.5"], ["odd", "?"]]
    assert lines[0].split() == ["loss", "2.5", "█▁▅", "min", "1", "mean", "2.5", "max", "4"]


@pytest.mark.parametrize(
    ("points", "cells", "line"),
    [([1, 2], 9, "▁█"), ([5, 5, 5], 9, "▁▁▁"), ([1], 9, ""), ([1, 2], 3, ""), (list(range(16)), 8, "▁▂▃▄▅▆▇█")],
)
def test_a_course_in_one_row(points: list[float], cells: int, line: str) -> None:
    assert sparkline(points, cells) == line
    assert sparkline(points, cells, unicode=False).isascii()


def test_a_panel_may_have_a_height_and_a_name() -> None:
    lines: Callable[[RunState], str] = lambda _state: "a\nb\nc\nd"  # noqa: E731  # short
    assert rows(view_of(Panel(lines, max_rows=2, name="letters")))[:3][:2] == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (60, "loss  0.75  ▁▇▅▁▇▅▃█▅▃▆▇▃▆▄▅▆▄▇▃▄▇▅  min 0  mean 0.5  max 1"),
        (44, "loss  0.75  ▄▁▄▄█▂▆  min 0  mean 0.5  max 1"),
        (32, "loss  0.75  ▅▁▇▃█  min 0  max 1"),
        (24, "loss  0.75  ▅▂█▃▆▁█▃▃▅█"),
        (13, "loss  0.75"),
    ],
)
def test_a_metric_says_less_where_there_is_less_room(columns: int, said: str) -> None:
    state = after(RunStarted(0.0, "", NOON), TaskStarted(0.0, 1, 1, "w", "a"))
    for turn in range(40):
        after(MetricReported(1.0, 1, 1, "loss", turn * 7 % 5 / 4), state=state)
    line = view_of(Metrics()).rows(state, moment(2.0, columns))[0]
    assert line == said
