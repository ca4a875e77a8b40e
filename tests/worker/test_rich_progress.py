from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest
import rich
import rich.progress
from rich.console import Console
from tests.worker.captured import captured

from mainstage.errors import Cancelled
from mainstage.events import TaskChanged, TaskEnded, TaskStarted
from mainstage.rich import Progress, Task, TaskID, track
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.captured import Stage


@pytest.fixture(autouse=True)
def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have Rich take any stream for a terminal, and one console a test."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(rich, "_console", None)
    return iter(())


def starts(stage: Stage) -> list[TaskStarted]:
    return [event for event in stage.events() if isinstance(event, TaskStarted)]


def ends(stage: Stage) -> dict[str, float]:
    names = {event.task: event.description for event in starts(stage)}
    return {names[event.task]: event.completed for event in stage.events() if isinstance(event, TaskEnded)}


def refreshers() -> list[threading.Thread]:
    kinds = ("_RefreshThread", "_TrackThread")
    return [thread for thread in threading.enumerate() if type(thread).__name__ in kinds]


def test_tasks_are_rows_of_the_run_and_nothing_else_draws() -> None:
    with captured() as stage:
        with Progress() as progress:
            first = progress.add_task("[red]first[/]", total=10)
            second = progress.add_task("second", total=None)
            progress.update(first, advance=4, status="warm")
            progress.advance(second, 3)
            progress.update(first, completed=9, description="[bold]1st")
            assert refreshers() == []
        assert stage.passed() == ""
    assert [(event.description, event.total, event.loop) for event in starts(stage)] == [
        ("first", 10, "line"),
        ("second", None, "line"),
    ]
    assert ends(stage) == {"first": 9, "second": 3}
    changes = [(e.description, e.status) for e in stage.events() if isinstance(e, TaskChanged)]
    assert changes == [("first", "warm"), ("1st", "warm")]


def test_a_row_that_is_taken_out_leaves_no_line_and_the_rest_of_a_transient_one_leave_none() -> None:
    with captured() as stage, Progress() as progress:
        progress.remove_task(progress.add_task("gone"))
        progress.update(progress.add_task("hidden"), visible=False)
    leaving = [dict(e.fields) for e in stage.events() if isinstance(e, TaskChanged)]
    assert leaving == [{"leave": False}, {"leave": False}]
    with captured() as stage, Progress(transient=True) as progress:
        progress.add_task("transient")
    assert [event.loop for event in starts(stage)] == ["quiet"]


def test_a_task_of_many_threads_counts_exactly() -> None:
    with captured() as stage, Progress() as progress:
        number = progress.add_task("shared", total=4000)

        def work() -> None:
            for _ in range(1000):
                progress.advance(number)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (task,) = progress.tasks
        assert task.completed == 4000
        assert task.finished
        assert progress.finished
    assert ends(stage) == {"shared": 4000}


def test_in_a_worker_rows_are_nested_in_its_task_and_told_to_stop_with_it() -> None:
    def work() -> None:
        task = ambient.get()
        assert task is not None
        with Progress() as progress:
            number = progress.add_task("inner")
            progress.advance(number)
            task.resolve().request_cancel()
            progress._rows[number].task.arm()  # as the owner does when it has read the position
            progress.advance(number)

    with captured() as stage, pytest.raises(Cancelled):
        stage.run(work)
    outer, inner = starts(stage)
    assert (inner.description, inner.parent, inner.loop) == ("inner", outer.task, "")


def test_a_loop_counts_what_is_done_and_no_item_that_is_in_the_body() -> None:
    with captured() as stage:
        for item in track(range(50), "whole"):
            assert item < 50
        for item in track(range(50), "left"):
            if item == 20:
                break
        with Progress() as progress:
            number = progress.add_task("of a task", total=None)
            for item in progress.track([1, 2, 3], task_id=number):
                assert progress.tasks[0].completed == item - 1
            assert progress.tasks[0].completed == 3
    assert ends(stage) == {"whole": 50, "left": 20, "of a task": 3}


def test_totals_that_are_no_whole_numbers_end_their_tasks_exactly() -> None:
    progress = Progress(console=Console(file=io.StringIO()))
    number = progress.add_task("half", total=0.5)
    progress.advance(number, 0.25)
    assert not progress.tasks[0].finished
    progress.update(number, advance=0.25)
    assert progress.tasks[0].finished


def test_on_a_console_of_its_own_the_thread_that_reports_draws() -> None:
    out = io.StringIO()
    with captured() as stage, Progress(console=Console(file=out, force_terminal=True, width=60)) as progress:
        number = progress.add_task("own", total=2)
        progress.advance(number, 2)
        assert refreshers() == []
    assert "own" in out.getvalue()
    assert "100%" in out.getvalue()
    assert starts(stage) == []


def test_tasks_that_a_subclass_puts_in_are_counted_by_rich() -> None:
    class Infinite(Progress):
        def add_task(self, description: str, *_: Any, **__: Any) -> TaskID:
            number = self._task_index
            self._tasks[number] = Task(number, description, 5, 0, _get_time=self.get_time, _lock=self._lock)
            self._task_index = TaskID(number + 1)
            return number

    with captured() as stage, Infinite() as progress:
        number = progress.add_task("theirs")
        progress.advance(number, 2)
        progress.update(number, advance=1)
        assert progress.tasks[0].completed == 3
    assert ends(stage) == {"theirs": 3}


def test_it_is_a_progress_of_rich_and_does_not_travel() -> None:
    progress = Progress()
    assert isinstance(progress, rich.progress.Progress)
    with pytest.raises(TypeError, match="does not travel"):
        progress.__reduce__()


def test_a_row_ends_at_the_time_at_which_its_task_was_finished() -> None:
    with captured() as stage:
        with Progress() as progress:
            done, half = progress.add_task("done", total=1), progress.add_task("half", total=2)
            progress.advance(done)
            progress.advance(half)
            finished = progress.tasks[done]
            assert finished.start_time is not None
            finished.start_time -= 100.0  # as if it had been finished long ago
        ends = [event.at for event in stage.events() if isinstance(event, TaskEnded)]
    assert 99.0 < ends[1] - ends[0] < 101.0
