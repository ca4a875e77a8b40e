"""What a frame costs: ours and Rich's, interleaved, CPU time of the layout alone (Rich's with its write into a buffer).

`python bench/frame_cost.py` prints the medians and their ratios.
"""

from __future__ import annotations

import io
import statistics
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from mainstage.events import RunStarted, SourceOpened, TaskMoved, TaskStarted
from mainstage.state.model import RunState
from mainstage.state.reducer import reduce
from mainstage.views import Moment, Size
from mainstage.views.bars import BarsView

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 60
SIZE = Size(100, 45)  # gives 34 rows
TOTAL = 1e9


class Ours:
    """A run with `live` tasks of which the first `moved` move between two frames."""

    def __init__(self, live: int, moved: int) -> None:
        self.state = RunState()
        self.view = BarsView()
        self.moved = moved
        self.now = 0.0
        reduce(self.state, RunStarted(0.0, "bench", 0.0))
        reduce(self.state, SourceOpened(0.0, 1, live))
        for task in range(1, live + 1):
            reduce(self.state, TaskStarted(0.0, task, 1, "w", f"task number {task}.bin", TOTAL, "B"))
        self.now = 1.0

    def move(self) -> None:
        self.now += 0.1
        for task in range(1, self.moved + 1):
            reduce(self.state, TaskMoved(self.now, task, 1, self.now * 1e6 + task))

    def draw(self) -> None:
        self.view.rows(self.state, Moment(self.now, SIZE))


class Theirs:
    """The same tasks with the same columns in Rich's own display."""

    def __init__(self, live: int, moved: int) -> None:
        self.now = 0.0
        console = Console(file=io.StringIO(), force_terminal=True, width=SIZE.columns, height=SIZE.rows)
        columns = (
            TextColumn("{task.description}"),
            TaskProgressColumn(),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            TransferSpeedColumn(),
        )
        self.progress = Progress(*columns, console=console, auto_refresh=False, get_time=lambda: self.now)
        self.progress.start()
        self.tasks = [self.progress.add_task(f"task number {n}.bin", total=TOTAL) for n in range(live)][:moved]

    def move(self) -> None:
        self.now += 0.1
        for task in self.tasks:
            self.progress.update(task, completed=self.now * 1e6 + task)

    def draw(self) -> None:
        self.progress.refresh()


def cost(draw: Callable[[], None]) -> float:
    begun = time.process_time_ns()
    draw()
    return (time.process_time_ns() - begun) / 1e6


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median milliseconds of a frame by case."""
    cases: dict[str, Ours | Theirs] = {
        "ours, 30 live, 8 moved": Ours(30, 8),
        "ours, 30 live, 30 moved": Ours(30, 30),
        "ours, 10,000 live, 30 moved": Ours(10_000, 30),
        "rich, 30 live, 8 moved": Theirs(30, 8),
        "rich, 30 live, 30 moved": Theirs(30, 30),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            case.move()
            times[name].append(cost(case.draw))
    for case in cases.values():
        if isinstance(case, Theirs):
            case.progress.stop()
    return {name: statistics.median(values[3:]) for name, values in times.items()}


def main() -> None:
    found = measure()
    for name, milliseconds in found.items():
        print(f"{name:32} {milliseconds:9.3f} ms")
    for ours, theirs, target in (
        ("ours, 30 live, 8 moved", "rich, 30 live, 8 moved", 1 / 50),
        ("ours, 30 live, 30 moved", "rich, 30 live, 30 moved", 1 / 50),
        ("ours, 10,000 live, 30 moved", "ours, 30 live, 30 moved", 1.5),
    ):
        ratio = found[ours] / found[theirs]
        print(f"{ours} / {theirs}: {ratio:.4f} (at most {target:g}) {'ok' if ratio <= target else 'short'}")


if __name__ == "__main__":
    main()
