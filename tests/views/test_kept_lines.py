"""What stays with a picture where nothing scrolls."""

from __future__ import annotations

from mainstage.errors import describe_error
from mainstage.events import RunStarted, TaskFailed, TaskStarted, TextWritten
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import FrameContext, Size
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.kept_lines import MOST, KeepingView


def run_of(number: int, view: KeepingView) -> list[str]:
    """Return the lines of text of a run in which so many tasks fail, each by an error of a kind of its own."""
    state, text = RunState(), []
    reduce(state, RunStarted(0.0, "run", 0.0))
    for task in range(1, number + 1):
        for event in (
            TaskStarted(1.0, task, 1, "w", f"task {task}"),
            TextWritten(1.0, task, 1, "w", "stdout", f"text {task}"),
            TaskFailed(
                1.0, task, 1, 0.1, describe_error(ValueError(task))._replace(type=f"E{task}", traceback="where")
            ),
        ):
            reduce(state, event)
            text += view.history_lines(event, state, FrameContext(1.0, Size(80, 24)))
    view.rows(state, FrameContext(1.0, Size(80, 24)))
    return text


def test_failures_stay_with_their_tracebacks_and_text_is_text() -> None:
    view = KeepingView(BarsView(), lambda *_: True)
    text = run_of(2, view)
    assert [line.rpartition("text")[2] for line in text] == [" 1", " 2"]
    assert [one.traceback for one in view.kept] == ["where", "where"]
    assert "task 1" in view.kept[0].line


def test_more_than_are_kept_are_text() -> None:
    view = KeepingView(BarsView(), lambda *_: True)
    text = run_of(MOST + 3, view)
    assert len(view.kept) == MOST
    assert sum(f"E{MOST + 3}" in line for line in text) == 1


def test_a_run_that_is_worth_no_line_keeps_none_until_it_is() -> None:
    worth = False
    view = KeepingView(BarsView(), lambda *_: worth)
    run_of(1, view)
    assert view.kept == []
    worth = True
    run_of(0, view)
    assert len(view.kept) == 1
