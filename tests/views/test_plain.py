from __future__ import annotations

import pytest
from tests.views.runs import NOON, after, end, first, middle, moment

from mainstage.events import RunStarted, StopRequested, TaskEnded, TaskMoved, TaskStarted, TextWritten
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.plain import PlainView, SilentView


def test_a_line_at_the_start_at_growing_intervals_and_at_the_end() -> None:
    view = PlainView()
    state = after(*first())
    said = {now: line for now in range(80) for line in view.rows(state, moment(float(now)))}
    assert said == {
        1: "12:00:01 hashing: started, 30 tasks",
        11: "12:00:11 hashing: 0 %, 0 of 30 done, 4 running",
        31: "12:00:31 hashing: 0 %, 0 of 30 done, 4 running",
        61: "12:01:01 hashing: 0 %, 0 of 30 done, 4 running",
    }


def test_a_line_tells_how_far_it_is() -> None:
    view = PlainView(interval=1.0, utc_offset_s=3600.0)
    state = after(*middle())
    view.rows(state, moment(1.0))
    assert view.rows(state, moment(10.0)) == ["13:00:10 hashing: 3 %, 0 of 30 done, 3 running, 1 failed, ETA 1-4 min"]
    after(StopRequested(11.0, "SIGTERM", 1), state=state)
    assert view.rows(state, moment(12.0))[0].startswith("13:00:12 hashing: stopping (SIGTERM), 3 %, ")


def test_the_end_is_the_summary_and_groups_hold_the_tracebacks() -> None:
    state = after(*end())
    summary = [
        "  slowest (others took 2 s): odd [/]名前␛[2J 11.9 s, lib/beta.bin 11.9 …",
        "12:00:14 ✗ hashing: 29 done, 1 failed in 14.0 s (29.0 MB, 700 rows)",
    ]
    assert PlainView().rows(state, moment(14.0, final=True)) == summary
    assert PlainView(groups=True).rows(state, moment(14.0, final=True)) == [
        "::group::✗ gamma: ValueError: bad row (input 'gamma.csv', at job.py:12 in load)",
        "│ Traceback (most recent call last):",
        '│   File "/srv/job.py", line 12, in load',
        "│     parse(x)",
        "│ ValueError: bad row",
        "::endgroup::",
        *summary,
    ]
    handled = moment(14.0, final=True)._replace(unretrieved=0)
    assert len(PlainView(groups=True).rows(state, handled)) == len(summary)
    assert PlainView(timestamps=False).rows(state, moment(14.0, final=True))[-1].startswith("✗ hashing: 29 done")


def test_a_failure_comes_with_its_place() -> None:
    state = after(*middle())
    assert PlainView().history_lines(middle()[-1], state, moment(10.0)) == [
        "✗ gamma: ValueError: bad row (input 'gamma.csv', at job.py:12 in load)"
    ]


def test_a_line_is_due_only_while_something_is_live_or_has_changed() -> None:
    view = PlainView()
    state = after(RunStarted(0.0, "job", NOON))
    assert view.due(state, 0.0, dirty=False) is None
    assert view.due(state, 0.0, dirty=True) == pytest.approx(0.5)
    after(TaskStarted(1.0, 1, 1, "w", "a", 10), state=state)
    view.rows(state, moment(1.0))
    assert view.due(state, 1.0, dirty=False) == pytest.approx(11.0)
    assert view.due(state, 1.0, dirty=True) == pytest.approx(11.0)
    after(TaskEnded(2.0, 1, 1, 10), state=state)
    assert view.due(state, 1.0, dirty=False) is None


def test_what_is_written_does_not_wait_for_the_interval_and_brings_no_line() -> None:
    view = PlainView()
    state = after(*first())
    view.rows(state, moment(1.0))
    assert view.history_lines(TextWritten(2.0, 2, 1, "w2", "stdout", "hi"), state, moment(2.0)) == ["lib/beta.bin │ hi"]
    assert view.due(state, 2.0, dirty=True) == pytest.approx(2.1)
    assert view.rows(state, moment(2.1)) == []
    assert view.due(state, 2.1, dirty=True) == pytest.approx(11.0)


def test_a_single_task_lends_its_name_and_amounts() -> None:
    view = PlainView(interval=1.0, timestamps=False)
    state = after(RunStarted(0.0, "", NOON), TaskStarted(0.0, 1, 1, "w", "big.iso", 1e9, "B"))
    assert view.rows(state, moment(1.0)) == ["big.iso: started"]
    after(TaskMoved(5.0, 1, 1, 4e8), state=state)
    assert view.rows(state, moment(5.0)) == ["big.iso: 40 %, 400.0 MB, 1 running, ETA 3-15 s"]


def test_no_colours_unless_asked_for_and_ascii_where_wanted() -> None:
    state = after(*middle())
    event = middle()[-1]
    assert "\x1b" not in "".join(PlainView().history_lines(event, state, moment(10.0)))
    assert "\x1b[" in "".join(PlainView(palette=Palette("16")).history_lines(event, state, moment(10.0)))
    assert PlainView(glyphs=Glyphs(unicode=False)).history_lines(event, state, moment(10.0))[0].startswith("x gamma: ")


def test_a_reader_of_screens_gets_names_as_they_are() -> None:
    glyphs = Glyphs(unicode=False, encoding="utf-8")
    state = after(RunStarted(0.0, "名前", NOON), TaskStarted(0.0, 1, 1, "w", "a"))
    assert PlainView(timestamps=False, glyphs=glyphs).rows(state, moment(1.0)) == ["名前: started"]


def test_the_silent_view_says_nothing() -> None:
    view = SilentView()
    state = after(*end())
    assert view.history_lines(middle()[-1], state, moment(1.0)) == []
    assert view.rows(state, moment(14.0, final=True)) == []
    view.due(state, 1.0, dirty=True)
