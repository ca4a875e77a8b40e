"""A column of yours raises: it is left out. A view of yours raises: the plain view takes over. Both are said once.

The work knows nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import ProgressColumn, TextColumn

import mainstage
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.palette import Glyphs, Palette

if TYPE_CHECKING:
    from rich.progress import Task
    from rich.text import Text

    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext


class BrokenColumn(ProgressColumn):
    """Does not work."""

    def render(self, task: Task) -> Text:
        """Fail."""
        raise ZeroDivisionError(f"no rate at {task.completed:g} items")


class BrokenView(BarsView):
    """Works until something has been done."""

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Fail in the middle of the run."""
        if state.counts.done:
            raise LookupError("where am I?")
        return super().rows(state, moment)


def work(n: int) -> int:
    """Take a while."""
    for _ in mainstage.track(range(20)):
        mainstage.current_task().sleep(0.02)
    return n


def main() -> None:
    """Work under displays that break."""
    columns = [TextColumn("{task.description}"), BrokenColumn()]
    with mainstage.Run("with a broken column", max_workers=4, columns=columns) as run:
        results = list(run.map(work, range(12)))
    with mainstage.Run("with a broken view", max_workers=4, view=BrokenView(Palette("none"), Glyphs())) as run:
        results += run.map(work, range(12))
    assert results == [*range(12), *range(12)]
    print("all there:", len(results))


if __name__ == "__main__":
    main()
