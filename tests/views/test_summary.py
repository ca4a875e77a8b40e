from __future__ import annotations

import pytest
from tests.views.runs import BAD_ROW, NOON, after, moment, plain_bars

from mainstage.events import (
    ErrorReport,
    RunEnded,
    RunStarted,
    SourceClosed,
    SourceOpened,
    StopRequested,
    TaskCancelled,
    TaskEnded,
    TaskFailed,
    TaskStarted,
)
from mainstage.ui.views.history import History
from mainstage.ui.views.layouts import factory
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.plain import PlainView
from mainstage.ui.views.selection import Selection
from mainstage.ui.views.summary import Summary
from mainstage.ui.views.text import width

PLAIN = Summary(Palette("none"), Glyphs())


def lines(*events: object, now: float = 12.0, columns: int = 80) -> list[str]:
    return PLAIN.lines(after(*events), now, columns)  # type: ignore[arg-type]


def tasks(count: int, unit: str = "", seconds: float = 0.01) -> list[object]:
    made: list[object] = []
    for n in range(1, count + 1):
        made += [TaskStarted(1.0, n, 1, "w", f"task {n}", None, unit), TaskEnded(1.0 + seconds * n, n, 1, 1e6)]
    return made


def test_a_success_is_one_line() -> None:
    assert lines(RunStarted(0.0, "copying", NOON), *tasks(1234, "B"), RunEnded(12.0)) == [
        "✓ copying: 1,234 done in 12.0 s (1.2 GB)"
    ]


def test_a_run_of_one_task_tells_its_items() -> None:
    assert lines(RunStarted(0.0, "", NOON), *tasks(1, "rows"), RunEnded(10.0)) == [
        "✓ task 1: 1,000,000 rows in 10.0 s (100,000 rows/s)"
    ]


def test_an_interrupted_run_tells_what_is_left() -> None:
    stopped = (RunStarted(0.0, "job", NOON), SourceOpened(0.0, 1, 20), *tasks(2), TaskStarted(2.0, 9, 1, "w", "x"))
    assert lines(
        *stopped, StopRequested(3.0, "Ctrl-C", 1), TaskCancelled(3.0, 9, 1, 0), SourceClosed(3.0, 1, 3), RunEnded(4.0)
    ) == ["✗ job: stopped by Ctrl-C: 2 done, 1 cancelled, 17 left in 4.0 s"]


def test_a_loop_that_was_left_early_gets_no_tick() -> None:
    began = (RunStarted(0.0, "job", NOON), SourceOpened(0.0, 1, 20), *tasks(2))
    assert lines(*began, SourceClosed(3.0, 1, 3), RunEnded(4.0)) == ["■ job: 2 done, 1 left in 4.0 s"]


def failures(count: int, kind: str = "OSError", first: int = 1) -> list[object]:
    made: list[object] = []
    for n in range(first, first + count):
        made += [TaskStarted(1.0, n, 1, "w", f"task {n}"), TaskFailed(2.0, n, 1, 0, ErrorReport(kind, ""))]
    return made


def test_failures_are_told_as_they_come_and_counted_at_the_end() -> None:
    found = lines(RunStarted(0.0, "job", NOON), *failures(13), RunEnded(3.0))
    assert found == ["✗ job: 0 done, 13 failed in 3.0 s"]


def test_from_the_twentieth_of_one_kind_on_failures_are_counted() -> None:
    view, state, told = plain_bars(), after(RunStarted(0.0, "job", NOON)), []
    for event in [*failures(45), *failures(1, "KeyError", first=46)]:
        after(event, state=state)  # type: ignore[arg-type]
        told += view.history_lines(event, state, moment(2.0))  # type: ignore[arg-type]
    assert told[:19] == [f"✗ task {n}: OSError" for n in range(1, 20)]
    assert told[19:] == [
        "✗ OSError: 20 failures so far; more of them are only counted",
        "✗ OSError: 40 failures so far; more of them are only counted",
        "✗ task 46: KeyError",
    ]
    assert PLAIN.lines(state, 3.0) == ["  failed: 45 OSError, 1 KeyError", "✗ job: 0 done, 46 failed in 3.0 s"]


@pytest.mark.parametrize(("unretrieved", "mark"), [(None, "✗"), (1, "✗"), (0, "■")])
def test_the_last_line_has_a_cross_only_for_failures_that_the_program_did_not_handle(
    unretrieved: int | None, mark: str
) -> None:
    state = after(RunStarted(0.0, "job", NOON), *failures(2), RunEnded(3.0))  # type: ignore[arg-type]
    final = moment(3.0, final=True)._replace(unretrieved=unretrieved)
    for view in (PlainView(timestamps=False), plain_bars()):
        assert view.rows(state, final)[-1].startswith(f"{mark} job: ")
    well = after(RunStarted(0.0, "job", NOON), *tasks(1), RunEnded(3.0))  # type: ignore[arg-type]
    assert plain_bars().rows(well, final)[-1].startswith("✓ job: ")


def test_every_line_survives_a_narrower_terminal() -> None:
    error = BAD_ROW._replace(text="long " * 40, traceback=BAD_ROW.traceback.replace("/srv", "/srv/very" * 20))
    state = (
        RunStarted(0.0, "a title that goes on and on and says nothing much at all in the end", NOON),
        TaskStarted(1.0, 1, 1, "w", "name " * 30),
        TaskFailed(2.0, 1, 1, 0, error, "input " * 40),
        *tasks(0),
        RunEnded(3.0),
    )
    for columns in (10, 40, 80, 200):
        assert all(width(line) <= min(72, columns - 1) for line in lines(*state, columns=columns))


def test_a_short_success_without_a_title_says_nothing() -> None:
    assert lines(RunStarted(0.0, "", NOON), *tasks(3), RunEnded(0.4)) == []
    assert lines(RunStarted(0.0, "", NOON), *tasks(3), RunEnded(1.4)) == ["✓ 3 done in 1.4 s"]
    assert lines(RunStarted(0.0, "titled", NOON), *tasks(3), RunEnded(0.4)) == ["✓ titled: 3 done in 0.4 s"]
    assert lines(RunStarted(0.0, "titled", NOON), RunEnded(9.0)) == []


def test_the_slowest_tasks_are_told_where_asked_for() -> None:
    state = after(RunStarted(0.0, "job", NOON), *tasks(7, seconds=2.0), RunEnded(20.0))  # type: ignore[arg-type]
    assert Summary(Palette("none"), Glyphs(), slowest=True).lines(state, 20.0)[:2] == [
        "    14.0 s  task 7",
        "    12.0 s  task 6",
    ]


def test_the_log_is_a_link() -> None:
    summary = Summary(Palette("none", files="file://host"), Glyphs())
    summary.log, summary.log_file = "run.log", "/srv/run.log"
    state = after(
        RunStarted(0.0, "job", NOON), TaskStarted(1.0, 1, 1, "w", "a"), TaskFailed(2.0, 1, 1, 0, BAD_ROW, "7")
    )
    assert summary.lines(state, 3.0)[0] == "  \x1b]8;;file://host/srv/run.log\x1b\\log: run.log\x1b]8;;\x1b\\"


def test_tasks_that_took_far_longer_are_told_beside_what_is_usual() -> None:
    long = (TaskStarted(1.0, 99, 1, "w", "odd one"), TaskEnded(10.0, 99, 1, 0))
    found = lines(RunStarted(0.0, "job", NOON), *tasks(40, seconds=0.002), *long, RunEnded(12.0))
    assert found[0] == "  slowest (others took 0.5 s): odd one 9.0 s"


def test_a_task_whose_worker_died_is_told_apart_from_one_that_failed() -> None:
    lost = ErrorReport("WorkerLost", "worker 7 was killed by SIGKILL while running 'a'")
    state = after(
        RunStarted(0.0, "job", NOON),
        TaskStarted(1.0, 1, 1, "w", "a"),
        TaskFailed(2.0, 1, 1, 0, lost),
        TaskStarted(1.0, 2, 1, "w", "b"),
        TaskFailed(2.0, 2, 1, 0, BAD_ROW),
        RunEnded(3.0),
    )
    assert PLAIN.lines(state, 3.0) == ["✗ job: 0 done, 2 failed (1 lost) in 3.0 s"]
    assert History(Palette("none"), Glyphs()).failure(state.failures[1]).startswith("↯ a: WorkerLost")
    view = factory("bars")(Palette("none"), Glyphs(unicode=False))
    view.browse = Selection(selected=2)  # type: ignore[attr-defined]  # every layout has it
    rows = view.rows(state, moment(3.0))
    assert [row[:4] for row in rows[:2]] == ["* b:", "% a:"]


@pytest.mark.parametrize(("status", "mark"), [(0, "✓"), (1, "✗"), (-15, "✗"), (None, "✗")])
def test_the_last_line_of_a_program_says_how_it_exits_whatever_became_of_its_tasks(
    status: int | None, mark: str
) -> None:
    started, failed = TaskStarted(1.0, 1, 1, "w", "one"), TaskFailed(2.0, 1, 1, 0, ErrorReport("OSError", "gone"))
    state = after(RunStarted(0.0, "job.py", NOON), started, failed, RunEnded(3.0))
    final = moment(3.0, final=True)._replace(status=status)
    for view in (PlainView(), plain_bars()):
        (*_, last) = view.rows(state, final)
        assert f"{mark} job.py: 0 done, 1 failed" in last
