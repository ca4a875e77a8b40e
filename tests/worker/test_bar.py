"""The handle that `track` returns: with an iterable, and without one."""

from __future__ import annotations

import asyncio
import io
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from tests.views.runs import plain_bars

import mainstage
from mainstage.events import TaskChanged, TaskEnded, TaskMoved, TaskStarted, TextWritten
from mainstage.tasks import current_task, task, track
from mainstage.testing import ManualClock, RecordingDisplay, collect_events

if TYPE_CHECKING:
    from mainstage.events import Event


def starts(events: list[Event]) -> list[tuple[str, float | None, int | None, str]]:
    return [(e.description, e.total, e.parent, e.loop) for e in events if isinstance(e, TaskStarted)]


def ends(events: list[Event]) -> list[tuple[float, bool]]:
    return [(e.completed, e.left) for e in events if isinstance(e, TaskEnded)]


def loosely(function: Any) -> Any:
    """Return `function` for calls that type checkers refuse."""
    return function


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> RecordingDisplay:
    """Give the display of the runs that bars open for themselves."""
    shown, clock = RecordingDisplay(), ManualClock()
    own_run = import_module("mainstage.run.run").own_run

    def recorded(title: str) -> Any:
        return own_run(title, display=shown, clock=clock, view=plain_bars())

    monkeypatch.setattr(import_module("mainstage.tasks.bar"), "open_run", recorded)
    return shown


def test_a_bar_without_an_iterable_is_moved_by_the_program() -> None:
    with collect_events() as events, track(total=60, description="x", unit="B", fields={"host": "a"}) as bar:
        bar.advance()
        bar.advance(2)
        assert (bar.completed, bar.total, bar.description) == (3, 60, "x")
        bar.set(description="y", status="warm", total=70, completed=70, fields={"host": "b"})
        assert (bar.completed, bar.total, bar.description) == (70, 70, "y")
        bar.log("a line")
        bar.metric("loss", 0.5)
    assert starts(events) == [("x", 60, None, "loop")]
    assert ends(events) == [(70, False)]
    assert [(e.description, e.status, e.fields) for e in events if isinstance(e, TaskChanged)] == [
        ("y", "warm", (("host", "b"),))
    ]
    assert [e.text for e in events if isinstance(e, TextWritten)] == ["a line"]


def test_it_is_closed_without_a_block_and_once() -> None:
    with collect_events() as events:
        bar = track(total=3)
        bar.advance(3)
        bar.close()
        bar.close()
        bar.advance()
        assert bar.completed >= 3
    assert ends(events) == [(3, False)]


@pytest.mark.parametrize(
    ("total", "done", "left"), [(3, 2, True), (3, 3, False), (None, 2, False), (float("inf"), 2, False)]
)
def test_one_that_is_closed_before_its_total_was_left(total: float | None, done: int, left: bool) -> None:
    with collect_events() as events, track(total=total) as bar:
        bar.advance(done)
    assert ends(events) == [(done, left)]


def test_an_error_in_the_block_leaves_it() -> None:
    def work() -> None:
        with track() as bar:
            bar.advance()
            raise KeyError

    with collect_events() as events, pytest.raises(KeyError):
        work()
    assert ends(events) == [(1, True)]


def test_it_counts_what_is_read_of_a_file_and_what_was_done_before() -> None:
    with collect_events() as events, track(total=10, unit="B", initial=4) as bar:
        assert bar.completed == 4
        bar.wrap_file(io.BytesIO(b"123456")).read()
    assert [e.fields for e in events if isinstance(e, TaskChanged)] == [(("mainstage.initial", 4),)]
    assert ends(events) == [(10, False)]
    assert isinstance(events[-1], TaskEnded)


def test_the_handle_of_a_loop_speaks_of_its_task() -> None:
    with collect_events() as events:
        for x in (bar := track("abc", "Letters")):
            bar.set(status=x)
            assert current_task().description == bar.description == "Letters"
            assert bar.total == 3
    assert [e.status for e in events if isinstance(e, TaskChanged)] == ["a", "b", "c"]
    assert starts(events) == [("Letters", 3, None, "loop")]
    assert ends(events) == [(3, False)]


def test_what_is_set_before_the_loop_holds_when_it_begins() -> None:
    with collect_events() as events:
        bar = track("ab", "before")
        bar.set(description="after", status="soon")
        list(bar)
    assert [(e.description, e.status) for e in events if isinstance(e, TaskChanged)] == [("after", "soon")]


def test_what_is_written_in_the_body_of_a_loop_is_nested_in_it_and_nothing_after_it() -> None:
    with collect_events() as events:
        for _ in track("a", "outer"):
            list(track("b", "inner"))
            with task("work"), track(total=1, description="bar"):
                pass
        list(track("c", "later"))
    outer = next(e.task for e in events if isinstance(e, TaskStarted))
    assert [(name, parent) for name, _, parent, _ in starts(events)][:2] == [("outer", None), ("inner", outer)]
    assert starts(events)[-1] == ("later", 1, None, "loop")


def test_a_loop_that_was_left_is_no_longer_the_one_around() -> None:
    with collect_events() as events:
        waiting = iter(track("ab", "first"))
        next(waiting)
        for _ in track("ab", "second"):
            break
        assert current_task().description == "first"
        del waiting
        with track(total=1, description="third"):
            pass
    assert [(name, parent is None) for name, _, parent, _ in starts(events)][-1] == ("third", True)
    assert ends(events)[:2] == [(0, True), (0, True)]


def test_two_bars_side_by_side_are_siblings(display: RecordingDisplay) -> None:
    with track(total=2, description="x") as x, track(total=3, description="y") as y:
        x.advance(2)
        y.advance(3)
    assert mainstage.run.run.current_run() is None
    assert display.rows == ["✓ x: 2 in 0.0 s"]


def test_the_run_that_a_bar_opened_lives_as_long_as_the_last_bar(display: RecordingDisplay) -> None:
    x = track(total=1, description="x")
    y = track(total=1, description="y")
    x.advance()
    x.close()
    assert display.final is None
    y.close()
    assert display.rows == ["✓ x: 1 in 0.0 s"]


def test_a_bar_that_nobody_closed_ends_with_its_last_reference(display: RecordingDisplay) -> None:
    bar = track(total=2, description="x")
    bar.advance()
    del bar
    assert display.rows == ["■ x: stopped at 1 of 2"]


def test_nested_loops_and_maps_say_at_the_end_what_the_outer_loop_did(display: RecordingDisplay) -> None:
    for _ in track(range(3), "Epochs"):
        list(track(range(5), "Epoch"))
        list(mainstage.map(str, range(12)))
    assert [*display.history, *display.rows] == ["✓ Epochs: 3 in 0.0 s"]


def test_a_map_below_a_loop_counts_each_item_once(display: RecordingDisplay) -> None:
    assert len(list(track(mainstage.map(str, range(30)), "Fetching", total=30))) == 30
    assert display.rows == ["✓ Fetching: 30 in 0.0 s"]


@pytest.mark.parametrize("leave", [False, None, True])
def test_leave_says_whether_a_line_stays(display: RecordingDisplay, leave: bool | None) -> None:
    list(track("ab", "Letters", leave=leave))
    assert [*display.history, *display.rows] == ([] if leave is False else ["✓ Letters: 2 in 0.0 s"])


def test_disabled_it_is_the_plain_loop() -> None:
    with collect_events() as events:
        assert list(track("ab", disable=True)) == ["a", "b"]
        with track(total=3, disable=True) as bar:
            bar.advance()
        assert list(track("ab", disable=None)) == ["a", "b"]  # no terminal here
    assert starts(events) == []


def test_in_a_bare_thread_without_a_run_it_is_silent() -> None:
    said: list[object] = []

    def work() -> None:
        with track(total=3) as bar:
            bar.advance()
            bar.set(status="x")
            said.append(list(track("ab")))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == [["a", "b"]]


def test_in_a_coroutine_it_is_an_async_block_too() -> None:
    async def main() -> None:
        async with track(total=2, description="x") as bar:
            bar.advance(2)

    with collect_events() as events:
        asyncio.run(main())
    assert ends(events) == [(2, False)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: loosely(track)("ab", desc="x"), r"track\(\) takes no keyword 'desc': use description="),
        (lambda: loosely(track)("ab", ncols=60), "'ncols': rows follow the width"),
        (lambda: loosely(track)("ab", postfix="x"), "'postfix': use status="),
        (lambda: loosely(track)("ab", totl=3), r"'totl': did you mean total=\?"),
        (lambda: loosely(track)("ab", host=3), r"'host': a field of your own goes into fields=\{'host': ...\}"),
        (lambda: loosely(track)(5), r"range\(5\), or track\(total=5\)"),
        (lambda: loosely(task)("x", leave=True), r"task\(\) takes no keyword 'leave': use track\(leave=...\)"),
        (lambda: loosely(current_task().set)(desc="x"), r"set\(\) takes no keyword 'desc': use description="),
        (lambda: loosely(track("ab").set)(update=1), r"set\(\) takes no keyword 'update'"),
        (lambda: loosely(track)("ab", fields=3), "fields= takes a dict"),
    ],
)
def test_wrong_keywords_are_told_by_the_right_ones(call: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call()


def test_a_position_that_jumps_is_told() -> None:
    with collect_events() as events, track(total=10) as bar:
        bar.set(completed=4)
    assert [e.completed for e in events if isinstance(e, TaskMoved | TaskEnded)][-1] == 4
