"""Tasks with what is nested in them, drawn as branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.views import formatting
from mainstage.ui.views.dashboard_pieces import TaskRows
from mainstage.ui.views.row_choice import RowChoice, top_level, with_nested

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mainstage.ui.state.task import TaskState
    from mainstage.ui.views.dashboard_pieces import WidgetContext
    from mainstage.ui.views.palette import Glyphs
    from mainstage.ui.views.rows import Depth

WANTED = 8
"""Rows that the tasks nested in one other want, at most, where there are more top-level tasks than rows."""


class TreeRows(TaskRows):
    """The tree of live tasks; one whose branches have no room for all tells how many there are more."""

    name = "tree"

    def choose(self, scene: WidgetContext, room: int) -> RowChoice:
        """Choose top-level tasks and what is nested in them: where both want room, each gets half."""
        state, now = scene.state, scene.now
        crowded = len(state.tasks) > room > 1
        room -= crowded
        top = top_level(state, now, room)
        wanted = sum(min(WANTED, len(state.children.get(task.id, ()))) for task in top)
        top = top[: max(room // 2, room - wanted, 1)]
        shown = list(with_nested(state, top, now, room, merge=False))
        return RowChoice(shown, len(state.tasks) - len(shown) if crowded else 0)

    def placed(self, scene: WidgetContext, shown: Sequence[tuple[int, TaskState]]) -> Sequence[tuple[Depth, TaskState]]:
        """Return the tasks with their branches, and how many more are nested in each."""
        drawn = {task.id for _, task in shown}
        placed: list[tuple[Depth, TaskState]] = []
        for (_, task), before in zip(shown, branches([depth for depth, _ in shown], self._glyphs), strict=True):
            nested = scene.state.children.get(task.id, ())
            hidden = len(nested) - sum(1 for one in drawn if one in nested) if nested else 0
            after = f" (+{formatting.count(hidden)})" if hidden else ""
            placed.append(((before, after), task))
        return placed


def branches(depths: Sequence[int], glyphs: Glyphs) -> Iterator[str]:
    """Yield what is drawn before each name of a list in which what is nested stands below its parent."""
    drawn: list[str] = []
    going_on: set[int] = set()  # depths at which another one follows further down
    for depth in reversed(depths):
        going_on = {one for one in going_on if one <= depth}
        stems = "".join(glyphs.stem if level in going_on else "   " for level in range(1, depth))
        own = glyphs.branch if depth in going_on else glyphs.last_branch
        drawn.append(f"{stems}{own}" if depth else "")
        going_on.add(depth)
    return reversed(drawn)
