from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import rich
import rich.live
import rich.progress
import rich.status
from rich.console import Console
from rich.progress import Progress
from tests.worker.captured import captured

from mainstage import current_task
from mainstage.errors import Cancelled
from mainstage.events import TaskChanged, TaskEnded, TaskStarted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType
    from tests.worker.captured import Stage


@pytest.fixture(autouse=True)
def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have Rich take any stream for a terminal, and one console a test."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(rich, "_console", None)
    return iter(())


def ended(stage: Stage, description: str) -> float:
    (number,) = [e.task for e in stage.events() if isinstance(e, TaskStarted) and e.description == description]
    (count,) = [e.completed for e in stage.events() if isinstance(e, TaskEnded) and e.task == number]
    return count


def test_a_print_of_rich_keeps_its_colours() -> None:
    with captured() as stage:
        stage.run(lambda: rich.print("[red]hello[/]"))
    (line,) = stage.lines(7, "stdout")
    assert "\x1b[31mhello" in line


def test_a_console_that_holds_the_old_stream_is_captured_too() -> None:
    with captured() as stage:
        assert stage.capture is not None
        console = Console(file=stage.stderr, width=80)
        stage.run(lambda: console.print("hello"))
        assert console.file is sys.stderr
    assert stage.lines(7, "stderr") == ["hello"]
    assert console.file is stage.stderr


def test_a_console_with_a_file_of_its_own_writes_there() -> None:
    out = io.StringIO()
    with captured() as stage:
        stage.run(lambda: Console(file=out).print("hello"))
    assert out.getvalue() == "hello\n"
    assert stage.texts() == []


def test_displays_in_output_that_the_program_redirects_are_text() -> None:
    buffer = io.StringIO()
    with captured() as stage:
        with contextlib.redirect_stdout(buffer):
            assert list(rich.progress.track(range(3), "kept", console=Console(width=80))) == [0, 1, 2]
            with rich.live.Live("a live one", console=Console(width=80)):
                pass
        assert list(rich.progress.track(range(3), "shown")) == [0, 1, 2]
    assert "kept" in buffer.getvalue()
    assert "100%" in buffer.getvalue()
    assert "a live one" in buffer.getvalue()
    assert [e.description for e in stage.events() if isinstance(e, TaskStarted)] == ["shown"]


def test_the_rows_of_a_progress_are_tasks_in_the_one_that_opened_it() -> None:
    def work() -> None:
        with Progress() as progress:
            first = progress.add_task("[red]first[/]", total=10)
            second = progress.add_task("second", total=None)
            progress.update(first, advance=4, status="warm")
            progress.advance(second, 3)
            progress.update(first, completed=9, description="[bold]1st")
            progress.remove_task(second)

    with captured() as stage:
        stage.run(work)
    starts = [(e.description, e.total, e.parent) for e in stage.events() if isinstance(e, TaskStarted)][1:]
    assert starts == [("first", 10, 7), ("second", None, 7)]
    assert ended(stage, "first") == 9
    assert ended(stage, "second") == 3
    changes = [(e.description, e.status) for e in stage.events() if isinstance(e, TaskChanged)]
    assert changes == [("first", "warm"), ("1st", "warm")]
    assert stage.passed() == ""
    assert stage.texts() == []


def test_no_thread_of_rich_draws() -> None:
    with captured() as stage, Progress() as progress:
        progress.add_task("a")
        assert not [thread for thread in threading.enumerate() if type(thread).__name__ == "_RefreshThread"]
    assert stage.passed() == ""


def test_a_worker_does_not_pay_for_pictures_that_nobody_sees() -> None:
    class Costly(Progress):
        drawn = 0

        def get_renderables(self) -> Iterable[RenderableType]:
            Costly.drawn += 1
            return ()

    with captured() as stage:
        progress = Costly()
        made = Costly.drawn
        with progress:
            progress.update(progress.add_task("a"), advance=1, refresh=True)
            progress.refresh()
    assert Costly.drawn == made
    assert ended(stage, "a") == 1


def test_tasks_added_before_the_start_and_shown_later_count() -> None:
    def work() -> None:
        progress = Progress()
        early = progress.add_task("early", total=4)
        hidden = progress.add_task("hidden", total=4, visible=False)
        progress.advance(early, 1)
        with progress:
            progress.update(hidden, visible=True, advance=2)
            progress.advance(early, 3)

    with captured() as stage:
        stage.run(work)
    assert (ended(stage, "early"), ended(stage, "hidden")) == (4, 2)


def test_a_track_of_rich_counts_exactly_and_is_told_to_stop() -> None:
    def whole() -> None:
        assert list(rich.progress.track(range(50), "whole")) == list(range(50))

    def cut() -> None:
        for item in rich.progress.track(range(50), "cut"):
            if item == 20:
                current_task().request_cancel("enough")

    with captured() as stage:
        stage.run(whole)
        with pytest.raises(Cancelled, match="enough"):
            stage.run(cut, 8)
    assert ended(stage, "whole") == 50


def test_a_live_display_prints_its_last_picture_once() -> None:
    def work() -> None:
        with rich.live.Live("first", refresh_per_second=50) as display:
            display.update("second", refresh=True)
            display.update("last", refresh=True)
        with rich.live.Live("gone", transient=True):
            pass

    with captured() as stage:
        stage.run(work)
    assert stage.lines(7) == ["last"]
    assert stage.passed() == ""


def test_a_status_leaves_nothing_but_what_is_printed_within_it() -> None:
    def work() -> None:
        with rich.get_console().status("working"):
            rich.print("done")

    with captured() as stage:
        stage.run(work)
    assert stage.lines(7) == ["done"]


def test_a_display_that_outlives_the_run_ends_with_it() -> None:
    with captured() as stage:
        progress = Progress()
        progress.start()
        number = progress.add_task("late", total=5)
        progress.advance(number, 2)
        assert stage.capture is not None
        stage.capture.stop()
        progress.advance(number, 3)
        progress.stop()
        assert "late" not in stage.passed()
    assert ended(stage, "late") == 2


def test_a_renderable_that_fails_at_the_end_of_the_run_keeps_nothing_from_being_given_back() -> None:
    class Broken:
        def __rich__(self) -> str:
            raise RuntimeError("no")

    with captured() as stage:
        rich.live.Live(Broken()).start()
        late = Progress()
        late.start()
        late.add_task("late")
        assert stage.capture is not None
        stage.capture.stop()
        assert sys.stdout is stage.stdout
    assert ended(stage, "late") == 0


def test_a_progress_on_a_stream_that_is_not_owned_draws_there() -> None:
    def work() -> None:
        with Progress(auto_refresh=False) as progress:
            progress.add_task("drawn")

    with captured(owned=("stderr",)) as stage:
        stage.run(work)
        assert "drawn" in stage.passed()


def test_everything_is_put_back() -> None:
    owners: list[Any] = [rich.live.Live, Progress, Console]
    before = [dict(vars(owner)) for owner in owners]
    with captured():
        assert [dict(vars(owner)) for owner in owners] != before
    assert [dict(vars(owner)) for owner in owners] == before


LATER = """
import sys
from tests.worker.captured import captured
for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
    del sys.modules[name]
with captured() as stage:
    from rich.progress import track
    stage.run(lambda: list(track(range(8), "later")))
from mainstage.events import TaskEnded
assert stage.texts() == [], stage.texts()
sys.exit([event.completed for event in stage.events() if isinstance(event, TaskEnded)] != [8, 0])
"""


def test_a_rich_that_is_imported_during_the_run_is_found() -> None:
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
