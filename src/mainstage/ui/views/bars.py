"""The default dashboard: a row for each running task, nested ones below their parent, and one for the whole run.

The view looks at a few tasks for each row that it has, so 10,000 live ones cost no more than 30. It keeps composed
rows, and ETAs and speeds for half a second; all else that it shows follows from the state and the moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.state.outliers import typical
from mainstage.ui.views import formatting
from mainstage.ui.views.column_widths import NO_ROW
from mainstage.ui.views.live import LiveView
from mainstage.ui.views.row_choice import RowChoice, choose_rows, is_single_track, room_for_rows, row_due_at
from mainstage.ui.views.rows import RowPainter
from mainstage.ui.views.run_row import RunRow
from mainstage.ui.views.selected_rows import BrowsedRows, look
from mainstage.ui.views.text import clip, crop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType
    from rich.progress import ProgressColumn

    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext, Size
    from mainstage.ui.views.columns import ColumnRows
    from mainstage.ui.views.palette import Glyphs, Palette
    from mainstage.ui.views.renderable import RenderablePanel

    Header = RenderableType | Callable[[RunState, float], RenderableType]

NARROWEST = 4
"""Columns below which not even a mark and a blank fit."""


class KeptRows(NamedTuple):
    """What the last picture was made of; the next one is too, up to `until`, where tasks only moved."""

    chosen: RowChoice
    with_run: bool
    size: Size
    until: float


class BarsView(LiveView):
    """A live dashboard.

    `columns` are Rich's progress columns (or format strings, as `rich.progress.Progress` takes them) for the rows of
    tasks; None: our own. `header` is any Rich renderable, or a function of (state, now) that returns one, above the
    rows. A column or header that raises is named once above, and left out from then on. `slowest` adds the slowest
    tasks to the last lines. What `browse` chooses is shown instead of what matters first.
    """

    def __init__(
        self,
        palette: Palette | None = None,
        glyphs: Glyphs | None = None,
        *,
        columns: Sequence[str | ProgressColumn] | None = None,
        header: Header | None = None,
        slowest: bool = False,
    ) -> None:
        super().__init__(palette, glyphs, slowest=slowest)
        self._painter = RowPainter(self._palette, self._glyphs)
        self._run = RunRow(self._palette, self._glyphs, self._painter)
        self._columns: ColumnRows | None = None
        self._panel: RenderablePanel | None = None
        self._browsed = BrowsedRows(self._palette, self._glyphs)
        self._kept: KeptRows | None = None
        if columns is not None:
            from mainstage.ui.views.columns import ColumnRows  # noqa: PLC0415  # loads rich.progress: only who asks pays

            self._columns = ColumnRows(columns, self._palette, self._glyphs)
        if header is not None:
            from mainstage.ui.views.renderable import RenderablePanel  # noqa: PLC0415  # loads rich.console: as above

            self._panel = RenderablePanel(header, self._palette, self._glyphs)

    # --- the picture ---

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return the rows for `moment`, or the summary if it is the final one."""
        columns, height = moment.size
        if moment.final:
            return self._last(state, moment)
        if not state.sources and not state.seen:
            return []
        kept, self._kept = self._kept, None
        self._painter.typical = typical(state)
        if kept is not None and moment.moved is not None and moment.now < kept.until and moment.size == kept.size:
            self._painter.reread(moment.moved, moment.now)
            self._kept = kept
            return self._tasks(kept.chosen, state, moment, with_run=kept.with_run)
        room = room_for_rows(height)
        lines = [] if self._panel is None else self._header(self._panel, state, moment)[: max(0, room - 2)]
        room -= len(lines)
        if self.browse.chosen:
            return lines + self._chosen(state, moment, room)
        alone = is_single_track(state) and state.stop is None
        chosen = choose_rows(state, moment.now, room if alone else room - 1)
        self.shown = [task.id for _, task in chosen.shown]
        until = min(self._painter.read(chosen.shown, moment.now), row_due_at(state, moment.now))
        lines += self._tasks(chosen, state, moment, with_run=not alone)
        if columns < NARROWEST:
            return [crop(line, max(1, columns - 1)) for line in lines]
        if self._panel is None and self._columns is None:
            self._kept = KeptRows(chosen, not alone, moment.size, until)
        return lines

    def _tasks(self, chosen: RowChoice, state: RunState, moment: FrameContext, *, with_run: bool) -> list[str]:
        columns, now = moment.size.columns, moment.now
        layout = self._painter.arrange(columns, self._run.widths(state, now) if with_run else NO_ROW)
        lines = None if self._columns is None else self._by_columns(self._columns, chosen, moment)
        if lines is None:
            lines = self._painter.compose(layout)
        if chosen.hidden:
            more = clip(f"  + {formatting.count(chosen.hidden)} more", max(0, columns - 1), self._glyphs.ellipsis)
            lines.append(self._palette.paint("mainstage.dim", more))
        if with_run:
            lines.append(self._run.line(state, layout))
        return lines

    def _chosen(self, state: RunState, moment: FrameContext, room: int) -> list[str]:
        """Return the rows of what `browse` chooses, and that of the run."""
        columns, now = moment.size.columns, moment.now
        window = look(state, self.browse, max(1, room - 1))
        chosen = RowChoice(window.live(), 0)
        self.shown = [task.id for _, task in chosen.shown]
        self._painter.read(chosen.shown, now)
        layout = self._painter.arrange(columns, self._run.widths(state, now))
        lines = None if self._columns is None else self._by_columns(self._columns, chosen, moment)
        if lines is None or len(lines) != len(chosen.shown):
            lines = self._painter.compose(layout)
        lines = self._browsed.compose(window, lines, self.browse, columns, max(1, room - 1))
        if room > 1:
            lines.append(self._run.line(state, layout))
        return [crop(line, max(1, columns - 1)) for line in lines] if columns < NARROWEST else lines

    # --- what users plug in ---

    def _by_columns(self, columns: ColumnRows, chosen: RowChoice, moment: FrameContext) -> list[str] | None:
        room = len(chosen.shown)
        try:
            lines = columns.lines(chosen.shown, moment.now, moment.size.columns, borrowed=moment.in_signal_handler)
        except Exception as error:  # noqa: BLE001  # a user's code: told once, and our own rows take over
            self._columns = None
            self._trouble("a column", error)
            return None
        return None if lines is None else lines[:room]

    def _header(self, panel: RenderablePanel, state: RunState, moment: FrameContext) -> list[str]:
        try:
            return panel.lines(state, moment.now, moment.size.columns, borrowed=moment.in_signal_handler)
        except Exception as error:  # noqa: BLE001  # as above
            self._panel = None
            self._trouble("the header", error)
            return []
