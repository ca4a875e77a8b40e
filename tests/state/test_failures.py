"""Of very many failures the first and the last stay, and of each kind; all of them are counted."""

from __future__ import annotations

from collections import Counter

from mainstage.events import ErrorReport, RunStarted, TaskFailed, TaskReopened, TaskStarted
from mainstage.ui.state.failures import KINDS, LONGEST_TEXT, LONGEST_TRACEBACK, MOST, OTHER
from mainstage.ui.state.reducer import REOPENABLE, reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views.history import History
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.selected_rows import BrowsedRows, look
from mainstage.ui.views.selection import Selection
from mainstage.ui.views.summary import Summary

MANY = 3 * MOST


def failed(state: RunState, task: int, kind: str = "ValueError", text: str = "no", tb: str = "") -> TaskFailed:
    reduce(state, TaskStarted(1.0, task, 1, "thread-1", f"item {task}"))
    event = TaskFailed(2.0, task, 1, 0, ErrorReport(kind, text, tb or f"{kind}: {text}"))
    reduce(state, event)
    return event


def run_of(kinds: list[str]) -> RunState:
    state = RunState()
    reduce(state, RunStarted(0.0, "many", 0.0))
    for task, kind in enumerate(kinds, 1):
        failed(state, task, kind)
    assert state.anomalies.count == 0
    return state


def test_as_many_as_stay_all_stay() -> None:
    state = run_of(["ValueError"] * 2 * MOST)
    assert list(state.failures) == list(range(1, 2 * MOST + 1))


def test_of_more_the_first_and_the_last_stay_in_their_order() -> None:
    state = run_of(["ValueError"] * MANY)
    assert list(state.failures) == [*range(1, MOST + 1), *range(MANY - MOST + 1, MANY + 1)]
    assert (state.counts.failed, state.failures.kinds) == (MANY, {"ValueError": MANY})


def test_the_first_and_the_last_of_a_rare_kind_stay_although_they_were_in_the_middle() -> None:
    kinds = ["ValueError"] * 3 * MOST
    rare = [MOST + 10, MOST + 20, MOST + 30]
    for at in rare:
        kinds[at] = "KeyError"
    state = run_of(kinds)
    assert [task - 1 for task, one in state.failures.items() if one.error.type == "KeyError"] == [rare[0], rare[-1]]
    assert list(state.failures) == sorted(state.failures)
    assert state.failures.kinds == Counter(kinds)


def test_kinds_beyond_a_number_are_counted_together() -> None:
    kinds = [f"Error{n}" for n in range(KINDS + 2 * MOST)]
    state = run_of(kinds)
    assert len(state.failures.kinds) == KINDS + 1
    assert state.failures.kinds[OTHER] == 2 * MOST
    assert len(state.failures) <= 2 * (MOST + KINDS + 1)


def test_a_failure_that_goes_on_after_all_is_taken_back_whether_it_stayed_or_not() -> None:
    kinds = ["ValueError"] * MANY
    kinds[MOST + 5] = kinds[MOST + 6] = kinds[MANY - 1] = "KeyError"
    state = run_of(kinds)
    for task in (MANY, MANY - 1, MANY - MOST - 1):  # the last of its kind; one that stayed; one that did not
        reduce(state, TaskReopened(3.0, task, 1))
    assert state.anomalies.count == 0
    assert state.failures.kinds == {"ValueError": MANY - 5, "KeyError": 2}
    assert state.counts.failed == MANY - 3
    assert MANY not in state.failures
    for task in range(MANY + 1, MANY + 1 + 2 * MOST):
        failed(state, task)
    assert [one.task for one in state.failures.values() if one.error.type == "KeyError"] == [MOST + 6]


def test_long_text_stays_by_its_ends_and_is_shown_whole_when_it_comes() -> None:
    state = run_of([])
    text, tb = "a" * LONGEST_TEXT + "z" * LONGEST_TEXT, "b" * LONGEST_TRACEBACK + "y"
    failed(state, 1, "ValueError", text, tb)
    error = state.failures[1].error
    assert error.text.startswith("aaa")
    assert error.text.endswith("zzz")
    assert f"[{LONGEST_TEXT} characters left out]" in error.text
    assert len(error.text) < LONGEST_TEXT + 50
    assert error.traceback.endswith("y")
    assert "[1 characters left out]" in error.traceback
    place = failed(state, 2, tb=f'{tb}\n  File "/job.py", line 12, in load\n{tb}')
    lines = History(Palette("none"), Glyphs(), places=True).lines(place, state)
    assert lines[-1].endswith("(at job.py:12 in load)")


def test_so_many_failed_tasks_may_go_on_and_older_ones_come_late() -> None:
    state = run_of(["ValueError"] * (REOPENABLE + 1))
    assert len(state.reopenable) == REOPENABLE
    reduce(state, TaskReopened(3.0, 1, 1))
    assert (state.stale, state.counts.failed, state.anomalies.count) == (1, REOPENABLE + 1, 0)


def test_what_did_not_stay_is_counted_wherever_failures_are_told() -> None:
    kinds = ["ValueError"] * MANY
    kinds[MOST + 1] = kinds[MOST + 2] = kinds[MOST + 3] = "WorkerLost"
    state = run_of(kinds)
    last = Summary(Palette("none"), Glyphs()).lines(state, 3.0)
    assert last[0] == f"  failed: {MANY - 3:,} ValueError, 3 WorkerLost"
    assert f"{MANY:,} failed (3 lost)" in last[-1]
    window = look(state, Selection(), 10)
    assert window.gone == MANY - len(state.failures)
    rows = BrowsedRows(Palette("none"), Glyphs()).compose(window, [], Selection(), 100, 10)
    assert rows[-1].endswith(f"{window.gone} failures that only the log has")
