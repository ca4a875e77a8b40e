"""Dashboards of your own: pieces one below the other, and any Rich renderable among them.

    mainstage.Run(layout=Dashboard(Header(), Bars(max_rows=8), Metrics("loss"), Failures(5), Logs(6)))

The row of the whole run stands below them all. Pieces with rows for tasks share what room the others leave; a piece
that has none is named in the picture. Each piece is also a Rich renderable, so it can stand in a `rich.layout.Layout`,
a table or a panel; and a function of the state that returns a renderable is a piece.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from rich.layout import Layout
from rich.text import Text

from mainstage.ui.state.run import RunState
from mainstage.ui.views.composed import ComposedView
from mainstage.ui.views.grid import GridRows
from mainstage.ui.views.lanes import LaneRows
from mainstage.ui.views.nodes import NodeRows
from mainstage.ui.views.panels import (
    CUSTOM_ROWS,
    BarRows,
    CustomPiece,
    FailuresPiece,
    HeaderPiece,
    LogsPiece,
    MetricsPiece,
)
from mainstage.ui.views.steps import StepRows
from mainstage.ui.views.tree import TreeRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from mainstage.ui.views import View
    from mainstage.ui.views.dashboard_pieces import TaskRows, Widget, WidgetContext
    from mainstage.ui.views.palette import Glyphs, Palette

    Part: TypeAlias = (
        "WidgetSpec | RenderableType | Callable[[RunState], RenderableType]"
        " | Callable[[RunState, float], RenderableType]"
    )

__all__ = [
    "Bars",
    "Dashboard",
    "Failures",
    "Grid",
    "Header",
    "Lanes",
    "Logs",
    "Metrics",
    "Nodes",
    "Panel",
    "RunState",
    "Steps",
    "Tree",
]


MOST_ROWS = 10_000


class WidgetOptions(NamedTuple):
    """What pieces inside a renderable are drawn with while it is drawn."""

    scene: WidgetContext
    palette: Palette
    glyphs: Glyphs
    pieces: dict[int, Widget]
    """Those that were opened for this run, by the identity of their specification."""


_stage: ContextVar[WidgetOptions | None] = ContextVar("mainstage_stage", default=None)


class WidgetSpec(ABC):
    """A piece as a dashboard names it: what it is made with in each run."""

    @abstractmethod
    def open(self, palette: Palette, glyphs: Glyphs) -> Widget:
        """Return the piece for one run."""

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the piece, within a dashboard that is being drawn."""
        stage = _stage.get()
        if stage is None:
            yield Text(f"{type(self).__name__} is drawn within a live Dashboard")
            return
        if id(self) not in stage.pieces:
            stage.pieces[id(self)] = self.open(stage.palette, stage.glyphs)
        piece = stage.pieces[id(self)]
        room = min(piece.most, options.height or options.max_height)
        scene = stage.scene._replace(columns=options.max_width + 1, moved=None)
        for line in piece.lines(scene, room):
            yield Text.from_ansi(line, no_wrap=True, overflow="crop")


class _Tasks(WidgetSpec):
    _piece: Callable[..., TaskRows]

    def __init__(self, *, max_rows: int | None = None) -> None:
        """Take at most `max_rows` rows; None: what the other pieces leave."""
        self.max_rows = max_rows

    def open(self, palette: Palette, glyphs: Glyphs) -> Widget:
        return self._piece(palette, glyphs, most=self.max_rows)


class Bars(_Tasks):
    """A row for each running task."""

    _piece = BarRows


class Lanes(_Tasks):
    """A row for each worker."""

    _piece = LaneRows


class Nodes(_Tasks):
    """A row for each machine of a cluster."""

    _piece = NodeRows


class Tree(_Tasks):
    """Running tasks with what is nested in them."""

    _piece = TreeRows


class Steps(_Tasks):
    """Running tasks, each with its last lines of output; they scroll up when it fails."""

    _piece = StepRows


class Grid(_Tasks):
    """A cell for each task."""

    _piece = GridRows


class Header(WidgetSpec):
    """One line: title, time, counts, workers."""

    def open(self, palette: Palette, glyphs: Glyphs) -> Widget:
        """Return the piece for one run."""
        return HeaderPiece(palette, glyphs, most=1)


class Metrics(WidgetSpec):
    """A line for each of the metrics `names` (none: for all), at most `max_rows`."""

    def __init__(self, *names: str, max_rows: int = 6) -> None:
        self.names = names
        self.max_rows = max_rows

    def open(self, palette: Palette, glyphs: Glyphs) -> Widget:
        """Return the piece for one run."""
        return MetricsPiece(palette, glyphs, names=self.names, most=self.max_rows)


class Failures(WidgetSpec):
    """The last `count` failures, with their input and the place they came from."""

    def __init__(self, count: int = 5) -> None:
        self.count = count

    def open(self, palette: Palette, glyphs: Glyphs) -> Widget:
        """Return the piece for one run."""
        return FailuresPiece(palette, glyphs, count=self.count)


class Logs(WidgetSpec):
    """The last `count` lines that were written; they are in the history above as well."""

    def __init__(self, count: int = 6) -> None:
        self.count = count

    def open(self, palette: Palette, glyphs: Glyphs) -> Widget:
        """Return the piece for one run."""
        return LogsPiece(palette, glyphs, count=self.count)


class Panel(WidgetSpec):
    """Any Rich renderable, or a function that returns one; `name` is what it is called.

    It gets at most `max_rows` rows: ten unless told, and all that the other pieces leave if it is a Rich layout.
    The function takes the state of the run (read it, do not change it), or state and time in seconds, and is called on
    the thread that draws, at most ten times a second: it should be quick.
    """

    def __init__(
        self,
        source: RenderableType | Callable[..., RenderableType],
        *,
        max_rows: int | None = None,
        name: str = "",
    ) -> None:
        self.source = source
        self.max_rows = max_rows
        self.name = name or getattr(source, "__name__", "") or type(source).__name__

    def open(self, palette: Palette, glyphs: Glyphs) -> Widget:
        """Return the piece for one run."""
        fills = isinstance(self.source, Layout)
        most = self.max_rows or (MOST_ROWS if fills else CUSTOM_ROWS)
        piece = _Custom(palette, glyphs, name=self.name, render=_render(self.source), most=most)
        piece.shares = fills
        return piece


class _Custom(CustomPiece):
    """A user's renderable that may have pieces inside."""

    def __init__(self, palette: Palette, glyphs: Glyphs, **options: Any) -> None:
        super().__init__(palette, glyphs, **options)
        self._pieces: dict[int, Widget] = {}

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        token = _stage.set(WidgetOptions(scene, self._palette, self._glyphs, self._pieces))
        try:
            return super().lines(scene, room)
        finally:
            _stage.reset(token)
            self.shown = [task for piece in self._pieces.values() for task in piece.shown]


def _render(source: Any) -> Callable[[WidgetContext], RenderableType]:
    if not callable(source):
        return lambda _scene: source
    if len(inspect.signature(source).parameters) == 1:
        return lambda scene: source(scene.state)
    return lambda scene: source(scene.state, scene.now)


class Dashboard:
    """A layout made of `parts`, top to bottom: pieces, functions of the state, Rich renderables.

    One may serve several runs, one after the other.
    """

    def __init__(self, *parts: Part) -> None:
        if not parts:
            raise ValueError("a Dashboard needs at least one piece: Dashboard(Bars())")
        self.parts: Sequence[WidgetSpec] = [part if isinstance(part, WidgetSpec) else Panel(part) for part in parts]

    def view(self, palette: Palette, glyphs: Glyphs) -> View:
        """Return a new view in these colours and characters."""
        return ComposedView([part.open(palette, glyphs) for part in self.parts], palette, glyphs)
