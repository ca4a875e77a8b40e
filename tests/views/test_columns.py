from __future__ import annotations

import io
import re
from copy import deepcopy
from math import ceil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import progress
from rich.console import Console
from rich.control import Control
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    DownloadColumn,
    FileSizeColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    RenderableColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TotalFileSizeColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text
from tests.views.runs import NOON, after, middle, moment, plain_bars

from mainstage.events import RunEnded, RunStarted, TaskEnded, TaskMoved, TaskStarted, TextWritten
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.columns import ColumnTask
from mainstage.ui.views.foreign import strip
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.renderable import lines_of
from mainstage.ui.views.text import width

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.ui.state.run import RunState
    from mainstage.ui.views.palette import Color


class Worker(ProgressColumn):
    """A column as users write them."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.description}@{task.fields['worker']} {task.id} {task.started} {task.visible}")


class Broken(ProgressColumn):
    """A column that works for a while."""

    def __init__(self, works_for: int = 0) -> None:
        super().__init__()
        self.left = works_for

    def render(self, task: Task) -> str:
        self.left -= 1
        if self.left < 0:
            raise KeyError(task.description)
        return "works"


def rows(
    *columns: str | ProgressColumn, state: RunState | None = None, cells: int = 100, now: float = 10.0
) -> list[str]:
    view = plain_bars(columns=columns)
    return view.rows(state or after(*middle()), moment(now, cells))


def test_the_columns_of_the_guide() -> None:
    given_columns = (
        TextColumn("[bold blue]{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
    )
    assert rows(*given_columns)[:4] == [
        "lib/alpha.bin   ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸         792000.0/1000000.0",
        "  verify        ━━━━━━━━━━━━━━━━━━━                      24/50.0",
        "lib/beta.bin    ━━━━━━━━━━━━━━━━━━━╸                     990000.0/2000000.0",
        "odd [/]名前␛[2J           ━━━━━━━━━━          ━━━━━━━━━━ 693/None",
    ]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("{task.percentage:>3.0f}%", [" 79%", " 48%", " 50%", "  0%"]),
        (MofNCompleteColumn(), [" 792000/1000000", "24/50", " 990000/2000000", "693/?"]),
        (TimeRemainingColumn(), ["0:00:03", "0:00:10", "0:00:11", ""]),
        (TimeRemainingColumn(compact=True), ["00:03", "00:10", "00:11", ""]),
        (TimeElapsedColumn(), ["0:00:09", "0:00:09", "0:00:09", "0:00:09"]),
        (TaskProgressColumn(), [" 79%", " 48%", " 50%", ""]),
        (TaskProgressColumn(show_speed=True), [" 79%", " 48%", " 50%", "70.0 it/s"]),
        (DownloadColumn(), ["0.8/1.0 MB", "24/50 bytes", "1.0/2.0 MB", "693/? bytes"]),
        (FileSizeColumn(), ["792.0 kB", "24 bytes", "990.0 kB", "693 bytes"]),
        (TotalFileSizeColumn(), ["1.0 MB", "50 bytes", "2.0 MB", ""]),
        (TransferSpeedColumn(), ["80.0 kB/s", "2 bytes/s", "100.0 kB/s", "70 bytes/s"]),
        (RenderableColumn("|"), ["|", "|", "|", "|"]),
        (SpinnerColumn("line"), ["-", "-", "-", "-"]),
        (
            Worker(),
            [
                "lib/alpha.bin@w1 1 True True",
                "  verify@w1 5 True True",
                "lib/beta.bin@w2 2 True True",
                "odd [/]名前␛[2J@w3 3 True True",
            ],
        ),
    ],
)
def test_each_of_richs_columns_and_a_users(column: str | ProgressColumn, expected: list[str]) -> None:
    assert [line.rstrip() for line in rows(column)[:4]] == expected


def test_the_columns_are_given_a_task_of_richs() -> None:
    state = after(RunStarted(0.0, "", NOON), TaskStarted(0.0, 1, 1, "w", "a", 10.0, "", None, (("city", "Łódź"),)))
    after(TaskMoved(5.0, 1, 1, 5), state=state)
    task = ColumnTask.of(state.tasks[1], 8.0, str)
    assert isinstance(task, Task)
    assert (task.id, task.description, task.total, task.completed, task.percentage) == (1, "a", 10.0, 5, 50.0)
    assert (task.elapsed, task.remaining, task.get_time(), task.finished, task.finished_time) == (
        8.0,
        5,
        8.0,
        False,
        None,
    )
    assert task.fields["city"] == "Łódź"
    assert task.speed == state.tasks[1].rate(8.0)
    eta = state.tasks[1].eta(8.0)
    assert eta is not None
    assert task.time_remaining == ceil(eta.likely) == 3
    after(TaskMoved(9.0, 1, 1, 10), state=state)
    task = ColumnTask.of(state.tasks[1], 9.5, str)
    assert (task.finished, task.finished_time, task.time_remaining) == (True, 9.0, 0.0)
    assert task.finished_speed is not None


def test_a_name_is_never_markup() -> None:
    names = ["[bold]x[/bold]", "[/]", "back\\", "[red"]
    state = after(RunStarted(0.0, "", NOON), *[TaskStarted(0.0, n, 1, "w", name) for n, name in enumerate(names)])
    for column in ("[bold]{task.description}", TextColumn("{task.description}", markup=False), TaskProgressColumn("x")):
        lines = [line.rstrip() for line in rows(column, state=state)[:4]]
        assert lines == (names if not isinstance(column, TaskProgressColumn) else ["", "", "", ""])


class Returning(ProgressColumn):
    """Columns that return plain strings, which Rich reads as markup."""

    def __init__(self, write: Callable[[Task], str]) -> None:
        super().__init__()
        self.write = write

    def render(self, task: Task) -> str:
        return self.write(task)


@pytest.mark.parametrize(
    "write",
    [
        lambda task: task.description,
        lambda task: f"[bold]{task.description:<9}[/bold]",
        lambda task: "[bold]%s[/bold]" % task.description,  # noqa: UP031  # users do
        lambda task: str(task.description),
        lambda task: task.fields["field"],
    ],
)
def test_a_name_is_no_markup_in_strings_either(write: Callable[[Task], str]) -> None:
    name = "[/]a[b]\\"
    state = after(RunStarted(0.0, "", NOON), TaskStarted(0.0, 1, 1, "w", name, fields=(("field", name),)))
    assert [line.rstrip() for line in rows(Returning(write), state=state)] == [name]


def test_a_name_is_itself_in_the_code_of_a_column() -> None:
    state = after(RunStarted(0.0, "", NOON), TaskStarted(0.0, 1, 1, "w", "a[1]"))
    assert rows(Returning(lambda task: str({"a[1]": "known"}.get(task.description))), state=state) == ["known"]


def test_a_column_that_raises_is_named_once_and_our_own_rows_take_over() -> None:
    state = after(*middle())
    view = plain_bars(columns=["{task.description}", Broken(4)])
    assert view.rows(state, moment(10.0))[1] == "  verify        works"
    after(TaskMoved(11.0, 1, 1, 9e5), state=state)
    assert view.rows(state, moment(11.0)) == plain_bars().rows(state, moment(11.0))
    said = TextWritten(11.0, None, 0, "", "stdout", "hi")
    assert view.history_lines(said, state, moment(11.0)) == [
        "mainstage: a column raised KeyError: 'lib/alpha.bin'; it is left out from here on",
        "hi",
    ]
    after(TaskMoved(12.0, 1, 1, 9.1e5), state=state)
    view.rows(state, moment(12.0))
    assert view.history_lines(said, state, moment(12.0)) == ["hi"]


def test_a_trouble_is_told_at_the_end_at_the_latest() -> None:
    state = after(RunStarted(0.0, "job", NOON), TaskStarted(0.0, 1, 1, "w", "a"))
    for final in (False, True):
        view = plain_bars(columns=[Broken()])
        view.rows(state, moment(1.0))
        told = (
            view.rows(state, moment(9.0, final=True))
            if final
            else view.history_lines(RunEnded(9.0), state, moment(9.0))
        )
        assert told[0].startswith("mainstage: a column raised KeyError: 'a'")


def test_a_borrowed_moment_runs_no_code_of_the_users() -> None:
    state = after(*middle())
    column = Broken(works_for=10**6)
    view = plain_bars(columns=["{task.description}", column], header=lambda _state, now: f"now {now}")
    before = view.rows(state, moment(10.0))
    assert before[0] == "now 10.0"
    after(TaskMoved(10.1, 1, 1, 9e5), TaskEnded(10.1, 2, 1, 2e6), state=state)
    calls = column.left
    drawn = view.rows(state, moment(10.1, borrowed=True))
    assert column.left == calls
    assert drawn[0] == "now 10.0"
    assert all(width(line) < 10 for line in view.rows(state, moment(10.2, 10, borrowed=True)))
    assert view.rows(state, moment(10.3))[0] == "now 10.3"
    assert column.left < calls


def test_a_borrowed_first_picture_has_our_own_rows() -> None:
    state = after(*middle())
    column = Broken()
    view = plain_bars(columns=[column])
    assert view.rows(state, moment(10.0, borrowed=True)) == plain_bars().rows(state, moment(10.0))


def test_columns_are_rendered_again_only_when_a_task_has_changed() -> None:
    state = after(*middle())
    column = Broken(works_for=10**6)
    view = plain_bars(columns=[column])
    view.rows(state, moment(10.05))
    calls = column.left
    view.rows(state, moment(10.06))
    assert column.left == calls
    view.rows(state, moment(11.2))
    assert column.left == calls - 4


def class_names(columns: list[str | ProgressColumn]) -> list[str]:
    return sorted(type(column).__name__ for column in columns)


ALL: list[str | ProgressColumn] = [
    RenderableColumn("[b]|[/b]"),
    SpinnerColumn(),
    TextColumn("[bold]{task.description}", justify="right"),
    BarColumn(bar_width=10),
    TimeElapsedColumn(),
    TaskProgressColumn(),
    FileSizeColumn(),
    TotalFileSizeColumn(),
    MofNCompleteColumn(separator=" of "),
    DownloadColumn(binary_units=True),
]
"""Those whose pictures Rich's own estimate of the speed has no part in."""
BY_SPEED: list[str | ProgressColumn] = [TimeRemainingColumn(), TransferSpeedColumn()]


class Slow(ProgressColumn):
    """A user's, that is not to be asked too often before anything is done, in a column with wishes."""

    max_refresh = 5.0

    def __init__(self) -> None:
        super().__init__(Column(justify="right", width=9, no_wrap=True, style="bold"))
        self.asked = 0

    def render(self, task: Task) -> Text:
        self.asked += 1
        return Text(f"{task.description[:3]} {self.asked}")


def test_all_of_richs_columns_are_tried() -> None:
    classes = {
        name for name, one in vars(progress).items() if isinstance(one, type) and issubclass(one, ProgressColumn)
    }
    assert class_names(ALL + BY_SPEED) == sorted(classes - {"ProgressColumn"})


@pytest.mark.parametrize("columns", [*([one] for one in ALL), ALL], ids=lambda columns: " ".join(class_names(columns)))
def test_a_picture_of_richs_columns_is_richs_own(columns: list[str | ProgressColumn]) -> None:
    now = 3.5
    state = after(RunStarted(0.0, "", NOON))
    console = Console(
        width=119,
        color_system=None,
        force_terminal=True,
        file=io.StringIO(),
        no_color=True,
        legacy_windows=False,
    )
    theirs = Progress(*deepcopy(columns), console=console, auto_refresh=False, get_time=lambda: now)
    for number, (name, total, done) in enumerate([("plum", 80.0, 20), ("a [b]", 5e6, 3e6), ("done", 7.0, 7)], 1):
        after(TaskStarted(0.0, number, 1, "w", name, total), TaskMoved(3.0, number, 1, done), state=state)
        theirs.add_task(name.replace("[", r"\["), total=total)
        their = theirs.tasks[-1]
        their.start_time, their.completed = 0.0, done
        if done == total:
            their.finished_time = 3.0
    table = theirs.make_tasks_table(theirs.tasks)
    expected = ["".join(segment.text for segment in line).rstrip() for line in console.render_lines(table)]
    assert [line.rstrip() for line in rows(*columns, state=state, cells=120, now=now)[:3]] == expected


def test_a_users_column_has_its_width_and_is_asked_as_seldom_as_it_wants() -> None:
    state = after(
        RunStarted(0.0, "", NOON), *[TaskStarted(0.0, n, 1, "w", name) for n, name in enumerate(["ab", "cde"])]
    )
    slow = Slow()
    view = plain_bars(columns=[slow, "|{task.fields[worker]}"])
    for now, asked in [(1.0, 2), (3.0, 2), (5.5, 2), (6.5, 4), (8.0, 4)]:
        lines = view.rows(state, moment(now))
        assert slow.asked == asked
        assert [line.rstrip() for line in lines[:2]] == [f"     ab {asked - 1} |w", f"    cde {asked} |w"]
    after(TaskMoved(8.5, 0, 1, 1), state=state)
    view.rows(state, moment(8.5))
    assert slow.asked == 5


COLORS: list[Color] = ["none", "truecolor"]


@given(st.integers(1, 200), st.sampled_from(COLORS), st.booleans())
def test_rows_of_columns_fit_too(cells: int, color: Color, unicode: bool) -> None:
    columns: list[str | ProgressColumn] = ["[bold]{task.description}", BarColumn(), DownloadColumn(), SpinnerColumn()]
    view = BarsView(Palette(color), Glyphs(unicode=unicode), columns=columns)
    lines = view.rows(after(*middle()), moment(10.0, cells, 10))
    assert len(lines) <= 8
    assert all(width(line) < max(2, cells) for line in lines)
    assert not re.search("[\x00-\x1f\x7f-\x9f]", "".join(strip(line) for line in lines))


def test_a_header_is_any_renderable_and_one_that_raises_is_left_out() -> None:
    state = after(*middle())
    lines = plain_bars(header=Panel("[bold]hello")).rows(state, moment(10.0, 20, 24))
    assert lines[:3] == ["╭─────────────────╮", "│ hello           │", "╰─────────────────╯"]

    def fails(_state: RunState, _now: float) -> str:
        raise ValueError("no header")

    fails_silently: Callable[[RunState, float], str] = fails
    view = plain_bars(header=fails_silently)
    assert view.rows(state, moment(10.0)) == plain_bars().rows(state, moment(10.0))
    assert view.history_lines(RunEnded(11.0), state, moment(11.0)) == [
        "mainstage: the header raised ValueError: no header; it is left out from here on"
    ]


def test_a_renderable_becomes_lines_with_colours_and_no_links() -> None:
    assert lines_of("[red]x[/red] [link=http://a]y[/link]", 10, Palette("16")) == ["\x1b[31mx\x1b[0m y"]
    assert lines_of("[red]x", 10, Palette("none")) == ["x"]
    assert lines_of(Control.clear(), 20, Palette("none")) == [""]
    assert lines_of(Text("a\x1b[2Jb\x07"), 20, Palette("none")) == ["a␛[2Jb"]
