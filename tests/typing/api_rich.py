"""What type checkers know of `mainstage.rich`: what they know of Rich. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TextIO, assert_type

import rich.live

import mainstage.rich
from mainstage.rich import BarColumn, Live, Progress, Status, Task, TaskID, TextColumn, track

if TYPE_CHECKING:
    from collections.abc import Iterable

    import rich.progress
    from rich.table import Table


def takes_richs(progress: rich.progress.Progress, live: rich.live.Live) -> None:
    progress.refresh()
    live.refresh()


class Boxed(Progress):
    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        table = super().make_tasks_table(tasks)
        table.title = f"{len(self.tasks)} tasks"
        return table


def displays() -> None:
    with Progress(TextColumn("{task.description}"), BarColumn(), transient=True) as progress, Live("text") as live:
        takes_richs(progress, live)
        number = progress.add_task("part", total=None, size=3)
        assert_type(number, TaskID)
        progress.update(number, advance=1, description="whole", size=4)
        progress.advance(number, 0.5)
        assert_type(progress.tasks[0].speed, float | None)
        progress.advance("part")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        for word in progress.track(["a", "b"], task_id=number):
            assert_type(word, str)
    with Boxed(expand=True), Status("waiting", spinner="dots"):
        pass


def functions() -> None:
    for count in track(range(3), "counting", transient=True):
        assert_type(count, int)
    with mainstage.rich.open("data.bin", "rb") as binary, mainstage.rich.open("data.txt") as text:
        assert_type(binary, BinaryIO)
        assert_type(text, TextIO)
        with mainstage.rich.wrap_file(binary, 10, description="again") as wrapped:
            assert_type(wrapped, BinaryIO)
