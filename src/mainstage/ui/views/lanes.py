"""A row for each worker: what it does now, since when, and how busy it was."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.views import formatting
from mainstage.ui.views.dashboard_pieces import TaskRows
from mainstage.ui.views.row_choice import LOOK, RowChoice
from mainstage.ui.views.text import fit, tail, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.ui.state.task import TaskState
    from mainstage.ui.state.workers import WorkerState
    from mainstage.ui.views.dashboard_pieces import WidgetContext
    from mainstage.ui.views.palette import Glyphs, Palette

LONGEST_NAME, SHORTEST_NAME = 20, 4
BUSY, SINCE = 4, 6
"""Cells of a share of time, and of a time."""
WITH_BUSY, WITH_SINCE = 56, 40
"""Columns from which on these are told."""
TITLED = 8
"""Rows from which on one is spent on the names of the columns."""


class LaneRow(NamedTuple):
    """A row: a worker and its first task, or one more task of it, or a worker without any."""

    worker: WorkerState
    task: TaskState | None
    first: bool


class LaneRows(TaskRows):
    """The lanes, in the order in which the workers came."""

    name = "lanes"

    def __init__(self, palette: Palette, glyphs: Glyphs, *, most: int | None = None) -> None:
        super().__init__(palette, glyphs, most=most)
        self._lanes: list[LaneRow] = []
        self._heads: list[str] = []
        self._head_cells = ""
        """The names of the columns that heads have: as wide as these; "" where there is no room for any."""
        self._titles = ""
        self._made_for: tuple[int, int] | None = None
        """Columns and second that the heads were made for; None: they are to be made."""

    def choose(self, scene: WidgetContext, room: int) -> RowChoice:
        """Choose the workers for `room` rows, busy ones first; what room is left shows more of their tasks."""
        workers = scene.state.workers
        self._made_for = None
        room -= room >= TITLED
        near = list(islice(workers.values(), LOOK * room))
        if len(workers) > room:
            room -= room > 1
            chosen = sorted(near, key=lambda worker: not worker.tasks)[:room]
            near = [worker for worker in near if worker in chosen]
        self._lanes = list(_lanes(near, room))
        shown = [(0 if lane.first else 1, lane.task) for lane in self._lanes if lane.task is not None]
        return RowChoice(shown, len(workers) - len(near))

    def until(self, scene: WidgetContext) -> float:
        """Return when the next second begins: heads tell times."""
        return int(scene.now) + 1.0

    def compose(self, scene: WidgetContext, chosen: RowChoice, room: int) -> list[str]:
        """Return a line for each lane: its head, and the row of its task."""
        if self._made_for != (scene.columns, int(scene.now)):
            self._make_heads(scene)
        layout = self._painter.arrange(max(1, scene.columns - len(self._head_cells)))
        self._painter.ages = not self._head_cells or scene.columns < WITH_SINCE
        rows = iter(self._painter.compose(layout))
        lines = [self._titles] if room >= TITLED else []
        for lane, head in zip(self._lanes, self._heads, strict=True):
            lines.append(head if lane.task is None else head + next(rows))
        return lines + self.more(scene, chosen.hidden, "more workers")

    def _make_heads(self, scene: WidgetContext) -> None:
        self._made_for = (scene.columns, int(scene.now))
        names = [self._glyphs.name(lane.worker.name) or "?" for lane in self._lanes]
        longest = min(LONGEST_NAME, max(SHORTEST_NAME, scene.columns // 5))
        size = min(longest, max([len("worker"), *map(width, names)]))
        names = [self._told_apart(name, size) for name in names]
        title = fit("worker", size, self._glyphs.ellipsis) + " "
        if scene.columns >= WITH_BUSY:
            title += "busy".rjust(BUSY) + " "
        if scene.columns >= WITH_SINCE:
            title += "for".rjust(SINCE) + " "
        self._head_cells = title if scene.columns > 2 * size else ""
        self._titles = self._palette.paint("mainstage.dim", self._head_cells + "  task")
        self._heads = [self._head(lane, name, size, scene) for lane, name in zip(self._lanes, names, strict=True)]

    def _told_apart(self, name: str, size: int) -> str:
        """Return the end of a name that is too long: workers are numbered."""
        if width(name) <= size:
            return name
        return self._glyphs.ellipsis + tail(name, size - len(self._glyphs.ellipsis))

    def _head(self, lane: LaneRow, name: str, size: int, scene: WidgetContext) -> str:
        if not lane.first:
            return " " * len(self._head_cells)
        if not self._head_cells:
            return "" if lane.task is not None else self.dim(f"{self._glyphs.idle} {name}", scene.columns - 1)
        worker, now = lane.worker, scene.now
        since = worker.changed_at if lane.task is None else lane.task.started_at
        head = self._palette.paint("mainstage.prefix", fit(name, size, self._glyphs.ellipsis)) + " "
        if scene.columns >= WITH_BUSY:
            head += formatting.percent(worker.busy(now)).rjust(BUSY) + " "
        if scene.columns >= WITH_SINCE:
            head += formatting.age(now - since).rjust(SINCE) + " "
        if lane.task is not None:
            return head
        text = f"{self._glyphs.idle} idle, {formatting.count(worker.done)} done"
        return head + self.dim(text, scene.columns - 1 - len(self._head_cells))


def _lanes(workers: list[WorkerState], room: int) -> Iterator[LaneRow]:
    spare = room - len(workers)
    for worker in workers:
        tasks = islice(worker.tasks.values(), 1 + max(0, spare))
        first = next(tasks, None)
        yield LaneRow(worker, first, first=True)
        for task in tasks:
            spare -= 1
            yield LaneRow(worker, task, first=False)
