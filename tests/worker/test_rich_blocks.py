"""Displays of Rich's own, drawn above the rows of a run."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest
import rich
from rich.console import Console, Group
from rich.layout import Layout
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.spinner import Spinner
from rich.status import Status
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from tests.worker.captured import captured

import mainstage.rich
from mainstage.events import TaskStarted
from mainstage.tasks.blocks import OpenBlocks
from mainstage.tasks.integrations.rich_blocks import has_own_look, locks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType
    from rich.progress import Task
    from tests.worker.captured import Stage


@pytest.fixture(autouse=True)
def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have Rich take any stream for a terminal, and one console a test."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(rich, "_console", None)
    return iter(())


class Clocked:
    """A renderable of the program's."""

    def __init__(self, lock: threading.Lock | None = None) -> None:
        self.lock = lock or threading.Lock()
        self.drawn = 0

    def __rich__(self) -> str:
        with self.lock:
            self.drawn += 1
            return f"drawn {self.drawn}"


class Column(ProgressColumn):
    """A column of the program's."""

    def render(self, task: Task) -> Text:
        return Text(f"<{task.completed:g}>")


class Boxed(Progress):
    """A look of the program's."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield Panel(self.make_tasks_table(self.tasks))


def table(*cells: Any) -> Table:
    made = Table("a")
    for cell in cells:
        made.add_row(cell)
    return made


def drawing(stage: Stage) -> OpenBlocks:
    """Have the run of `stage` draw, in 60 columns; return what it draws."""
    assert stage.capture is not None
    stage.capture.blocks = OpenBlocks()
    stage.capture.blocks.columns = 60
    return stage.capture.blocks


def shown(blocks: OpenBlocks, *, borrowed: bool = False) -> str:
    lines = [line for block in blocks.open for line in block.lines(60, borrowed=borrowed)]
    return "\n".join("".join(segment[0] for segment in line).rstrip() for line in lines)


def names(stage: Stage) -> list[str]:
    return [event.description for event in stage.events() if isinstance(event, TaskStarted)]


@pytest.mark.parametrize(
    "own",
    [
        lambda: "text",
        lambda: Panel(Progress()),
        lambda: Group(Progress(SpinnerColumn(), TimeElapsedColumn()), "text"),
        lambda: Spinner("dots", text=Text("waiting")),
        lambda: table("1", Panel("2")),
        lambda: Layout(Panel("whole")),
        lambda: Markdown("# head"),
        lambda: Syntax("a = 1", "python"),
        lambda: Panel(mainstage.rich.Progress()),
    ],
)
def test_what_is_made_of_richs_own_is_known(own: Callable[[], Any]) -> None:
    assert locks_of(own()) is not None


@pytest.mark.parametrize(
    "foreign",
    [
        Clocked,
        lambda: Panel(Clocked()),
        lambda: table("1", Clocked()),
        lambda: Group(Progress(Column())),
        lambda: Panel(Boxed()),
        lambda: table(*map(str, range(5000)), *(Text(str(number)) for number in range(5000))),
        lambda: lambda: "made by a function",
    ],
)
def test_what_runs_code_of_the_program_is_known_too(foreign: Callable[[], Any]) -> None:
    assert locks_of(foreign()) is None


def test_a_field_that_is_no_plain_value_may_run_code_of_the_program() -> None:
    progress = Progress(TextColumn("{task.fields[what]}"))
    progress.add_task("a", what=3)
    assert locks_of(Panel(progress)) is not None
    progress.add_task("b", what=Clocked())
    assert locks_of(Panel(progress)) is None


def test_the_look_of_rich_is_told_from_all_others() -> None:
    wide = Console(file=io.StringIO(), width=50)
    assert not has_own_look(Progress())
    assert not has_own_look(mainstage.rich.Progress(*Progress.get_default_columns()))
    for other in (
        Progress(SpinnerColumn()),
        Progress(expand=True),
        Progress(console=wide),
        Progress(TextColumn("{task.description}"), BarColumn(bar_width=None)),
        Boxed(),
    ):
        assert has_own_look(other)
    replaced: Any = Progress()
    replaced.get_renderable = lambda: "mine"
    assert has_own_look(replaced)


def test_a_live_of_rich_is_drawn_by_its_own_thread_and_leaves_its_last_picture_once() -> None:
    with captured() as stage:
        blocks = drawing(stage)
        with Live("first", auto_refresh=False) as live:
            assert shown(blocks) == "first"
            live.update("second")
            assert shown(blocks) == "first"
            live.refresh()
            assert shown(blocks) == "second"
            live.console.print("above")
        assert blocks.open == ()
        assert stage.passed() == ""
        with Live("third", refresh_per_second=1000):
            thread = next(one for one in threading.enumerate() if type(one).__name__ == "_RefreshThread")
        thread.join(10)
        assert not thread.is_alive()
    assert stage.lines(None, "stdout") == ["above", "second", "third"]


def test_a_status_of_rich_is_drawn_and_leaves_nothing() -> None:
    with captured() as stage:
        blocks = drawing(stage)
        with Status("waiting") as status:
            status.update("going on", spinner="line")
            assert "going on" in shown(blocks)
        assert blocks.open == ()
    assert stage.texts() == []


def test_a_progress_with_a_look_of_its_own_is_a_block_and_its_tasks_are_no_rows() -> None:
    with captured() as stage:
        blocks = drawing(stage)
        for progress in (Boxed(), Progress("{task.description}", Column())):
            with progress:
                number = progress.add_task("part", total=4)
                progress.update(number, advance=3, refresh=True)
                assert "part" in shown(blocks)
            assert blocks.open == ()
        with Progress() as progress:
            progress.add_task("a row")
            assert blocks.open == ()
    assert names(stage) == ["a row"]
    assert [line for line in stage.lines(None, "stdout") if "part" in line][1] == "part <3>"


def test_ours_is_drawn_with_each_frame_by_the_owner() -> None:
    with captured() as stage:
        blocks, before = drawing(stage), set(threading.enumerate())
        with mainstage.rich.Progress("{task.description}", Column()) as progress:
            number = progress.add_task("part")
            progress.advance(number, 7)
            assert shown(blocks) == "part <7>"
        with mainstage.rich.Live(Panel("a"), refresh_per_second=2):
            assert blocks.interval == 0.5
            assert "a" in shown(blocks)
        with mainstage.rich.Status("waiting"):
            assert "waiting" in shown(blocks, borrowed=True)
        assert set(threading.enumerate()) <= before
    assert names(stage) == []


def test_in_a_signal_handler_no_code_of_the_program_runs_and_no_lock_is_waited_for() -> None:
    lock = threading.Lock()
    clocked = Clocked(lock)
    with captured() as stage:
        blocks = drawing(stage)
        with mainstage.rich.Live(Panel(clocked)) as live:
            assert "drawn 1" in shown(blocks)
            with lock:
                assert "drawn 1" in shown(blocks, borrowed=True)
            live.update(Text("plain"))
            assert shown(blocks, borrowed=True) == "plain"
            held, done = threading.Event(), threading.Event()

            def hold() -> None:
                with live._lock:
                    held.set()
                    done.wait(10)

            thread = threading.Thread(target=hold)
            thread.start()
            held.wait(10)
            live._renderable = Text("later")
            assert shown(blocks, borrowed=True) == "plain"
            done.set()
            thread.join()
            assert shown(blocks, borrowed=True) == "later"


def test_a_look_of_the_programs_is_drawn_by_those_who_report_while_the_owner_is_away() -> None:
    with captured() as stage:
        blocks = drawing(stage)
        with mainstage.rich.Progress("{task.description}", Column(), refresh_per_second=1000) as progress:
            number = progress.add_task("part")
            progress._display._next_draw = 0.0
            progress.advance(number, 5)
            assert shown(blocks, borrowed=True) == "part <5>"


def test_a_display_that_outlives_the_run_ends_with_it() -> None:
    with captured() as stage:
        drawing(stage)
        progress = mainstage.rich.Progress()
        progress.start()
        progress.add_task("left open")
        live = mainstage.rich.Live("the last picture")
        live.start()
    assert not live.is_started
    assert not progress.live.is_started
    assert stage.lines(None, "stdout") == ["the last picture"]
    progress.stop()
