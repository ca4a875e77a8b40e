"""What dashboards are made of: pieces, each of which turns a scene into at most as many lines as it has room for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mainstage.ui.state.outliers import typical
from mainstage.ui.views import formatting
from mainstage.ui.views.column_widths import NO_ROW
from mainstage.ui.views.row_choice import NEVER, RowChoice, row_due_at
from mainstage.ui.views.rows import RowPainter
from mainstage.ui.views.selected_rows import BrowsedRows, look
from mainstage.ui.views.text import clip

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import TaskState
    from mainstage.ui.views.column_widths import ColumnWidths, Widths
    from mainstage.ui.views.palette import Glyphs, Palette
    from mainstage.ui.views.rows import Depth
    from mainstage.ui.views.selection import Selection


class WidgetContext(NamedTuple):
    """What a piece sees: `state` at `now`, on `columns` cells, the last one of which stays free, as `browse` says.

    `in_signal_handler` and `moved` are those of `FrameContext`, `run` are the widths of the row of the run below the
    rows. `left_out` names the pieces that have no room: the first one that has rows for tasks says so.
    """

    state: RunState
    now: float
    columns: int
    browse: Selection
    in_signal_handler: bool = False
    moved: Collection[int] | None = None
    left_out: tuple[str, ...] = ()
    run: Widths = NO_ROW


class Widget(Protocol):
    """A part of a dashboard, for one run.

    `name` is what it is called where it has no room. One that `shares` gets what room the others leave, and divides it
    with its like; the others get what they want, at most `most` rows. `shown` are the tasks it has rows for, `layout`
    the columns of these, where the row of the whole run is to stand below them.
    """

    name: str
    shares: bool
    most: int
    shown: Sequence[int]
    layout: ColumnWidths | None

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        """Return at most `room` lines, each of less than `scene.columns` cells."""
        ...

    def history_lines(self, event: Event, state: RunState) -> list[str] | None:
        """Return what `event` adds to the history, instead of what is usual; None: that."""
        ...

    def flush_held(self, state: RunState) -> list[str]:
        """Return what was held back from the history: this widget is not shown again."""
        ...


class RowCache(NamedTuple):
    """What the rows of tasks were chosen for; they stand up to `until`, where tasks only moved."""

    room: int
    columns: int
    browse: Selection
    left_out: tuple[str, ...]
    until: float


class TaskRows(ABC):
    """A widget with rows for tasks, chosen by the derived class: `choose`, and what it makes of the lines."""

    name = "tasks"
    shares = True

    def __init__(self, palette: Palette, glyphs: Glyphs, *, most: int | None = None) -> None:
        self.most = most or 10_000
        self.shown: Sequence[int] = ()
        self.layout: ColumnWidths | None = None
        self._palette = palette
        self._glyphs = glyphs
        self._painter = self._new_painter()
        self._browsed = BrowsedRows(palette, glyphs)
        self._kept: RowCache | None = None
        self._chosen = RowChoice([], 0)
        self._inner = 0
        """Rows for all but the line on the pieces that have none."""

    def _new_painter(self) -> RowPainter:
        return RowPainter(self._palette, self._glyphs)

    def history_lines(self, event: Event, state: RunState) -> list[str] | None:  # noqa: ARG002  # a piece's signature
        """Return None: the usual lines."""
        return None

    def flush_held(self, state: RunState) -> list[str]:  # noqa: ARG002  # a piece's signature
        """Return nothing: nothing is held back."""
        return []

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        """Return the rows; where tasks have only moved since the last ones, only theirs are made anew."""
        room = min(room, self.most)
        if room <= 0:
            self.shown, self.layout = (), None
            return []
        kept, self._kept = self._kept, None
        self._painter.typical = typical(scene.state)
        if scene.browse.chosen:
            return self._by_choice(scene, room)
        if (
            kept is not None
            and scene.moved is not None
            and scene.now < kept.until
            and (kept.room, kept.columns, kept.browse, kept.left_out)
            == (room, scene.columns, scene.browse, scene.left_out)
        ):
            self._painter.reread(scene.moved, scene.now)
            self._kept = kept
        else:
            self._inner, self._chosen = room, self.choose(scene, room)
            if scene.left_out and room > 1 and not self._chosen.hidden:  # a row for saying so
                self._inner, self._chosen = room - 1, self.choose(scene, room - 1)
            self.shown = [task.id for _, task in self._chosen.shown]
            rows = self.placed(scene, self._chosen.shown)
            until = min(self._painter.read(rows, scene.now), row_due_at(scene.state, scene.now))
            self._kept = RowCache(room, scene.columns, scene.browse, scene.left_out, min(until, self.until(scene)))
        return self.compose(scene, self._chosen, self._inner)[:room]

    def until(self, scene: WidgetContext) -> float:  # noqa: ARG002  # for those who derive
        """Return up to when what stands beside the rows holds."""
        return NEVER

    @abstractmethod
    def choose(self, scene: WidgetContext, room: int) -> RowChoice:
        """Return the tasks that get rows."""

    def placed(
        self,
        scene: WidgetContext,  # noqa: ARG002  # for those who derive
        shown: Sequence[tuple[int, TaskState]],
    ) -> Sequence[tuple[Depth, TaskState]]:
        """Return the tasks with what stands before their names."""
        return shown

    def compose(self, scene: WidgetContext, chosen: RowChoice, room: int) -> list[str]:  # noqa: ARG002  # for those who derive
        """Return the lines of what was chosen and read."""
        self.layout = self._painter.arrange(scene.columns, scene.run)
        return self._painter.compose(self.layout) + self.more(scene, chosen.hidden)

    def more(self, scene: WidgetContext, hidden: int, word: str = "more") -> list[str]:
        """Return the line that tells what has no room, if anything has none."""
        parts = [f"+ {formatting.count(hidden)} {word}"] if hidden else []
        cells = scene.columns - 1
        if scene.left_out:
            names = f"no room for {', '.join(scene.left_out)}"
            fits = sum(map(len, parts)) + len(names) + 4 <= cells
            parts.append(names if fits else f"{len(scene.left_out)} panels")
        text = ", ".join(parts)
        return [self.dim(f"  {text}" if len(text) + 2 <= cells else text, cells)] if parts else []

    def dim(self, text: str, cells: int) -> str:
        """Return `text`, unobtrusive, in at most `cells`."""
        return self._palette.paint("mainstage.dim", clip(text, max(0, cells), self._glyphs.ellipsis))

    def _by_choice(self, scene: WidgetContext, room: int) -> list[str]:
        """Return what keys have chosen: the list of tasks and failures, from where it is looked at."""
        window = look(scene.state, scene.browse, room)
        live = window.live()
        self.shown = [task.id for _, task in live]
        self.layout = self._read_chosen(scene, live)
        lines = self._painter.compose(self.layout)
        return self._browsed.compose(window, lines, scene.browse, scene.columns, room)[:room]

    def _read_chosen(self, scene: WidgetContext, live: list[tuple[int, TaskState]]) -> ColumnWidths:
        self._painter.read(live, scene.now)
        return self._painter.arrange(scene.columns, scene.run)
