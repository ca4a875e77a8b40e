"""Rich's progress columns as the rows of the live view, one of the program's own among them."""

from __future__ import annotations

import time

from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as Remaining
from rich.text import Text

import mainstage


class Mood(ProgressColumn):
    """A column as anybody writes one for Rich."""

    def render(self, task: Task) -> Text:
        """Return how it looks."""
        if 2 * task.completed < (task.total or 0):
            return Text("warming up", style="yellow")
        return Text("nearly there", style="green")


def bake(name: str) -> None:
    """Bake one."""
    for _ in mainstage.track(range(30 + 5 * len(name))):
        time.sleep(0.012)


def main() -> None:
    """Bake them all under columns of our choice."""
    columns = [
        SpinnerColumn(),
        TextColumn("[bold blue]{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Remaining(),
        Mood(),
    ]
    cakes = ["honey", "lemon", "poppy seed", "carrot", "plum", "walnut", "apple", "gingerbread"]
    with mainstage.Run("baking", max_workers=4, columns=columns) as run:
        futures = [run.options(description=cake).submit(bake, cake) for cake in cakes]
        run.wait(futures)
    print(f"{len(futures)} cakes")


if __name__ == "__main__":
    main()
