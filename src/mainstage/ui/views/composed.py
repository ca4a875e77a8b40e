"""A live view made of pieces, one below the other, and the row of the whole run under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.views.column_widths import NO_ROW, arrange
from mainstage.ui.views.dashboard_pieces import WidgetContext
from mainstage.ui.views.live import LiveView
from mainstage.ui.views.row_choice import is_single_track, room_for_rows
from mainstage.ui.views.rows import RowPainter
from mainstage.ui.views.run_row import RunRow
from mainstage.ui.views.text import crop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext
    from mainstage.ui.views.dashboard_pieces import Widget
    from mainstage.ui.views.palette import Glyphs, Palette

NARROWEST = 4
"""Columns below which not even a mark and a blank fit."""
NOTHING: list[str] = []
LEAST = 3
"""Rows, if not a third of all, that are kept for the pieces that share what room there is."""


class ComposedView(LiveView):
    """A live dashboard of `pieces`. One that raises is named once above, and left out from then on."""

    def __init__(self, pieces: Sequence[Widget], palette: Palette, glyphs: Glyphs, *, slowest: bool = False) -> None:
        super().__init__(palette, glyphs, slowest=slowest)
        self._pieces = list(pieces)
        self._run = RunRow(self._palette, self._glyphs, RowPainter(self._palette, self._glyphs))

    @property
    def wants_events(self) -> bool:  # type: ignore[override]  # not the same for each
        """Whether a piece needs the events of each short call."""
        return any(getattr(piece, "wants_events", False) for piece in self._pieces)

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return the lines that `event` adds to the history: a piece may have its own."""
        said = [lines for piece in self._pieces if (lines := piece.history_lines(event, state)) is not None]
        if not said:
            return super().history_lines(event, state, moment)
        return self._told() + said[0] if self._troubles and said[0] else said[0]

    def flush_held(self, state: RunState) -> list[str]:
        """Return what the pieces held back from the history; another layout is looked at from here on."""
        return [line for piece in self._pieces for line in piece.flush_held(state)]

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return the rows for `moment`, or the summary if it is the final one."""
        columns, height = moment.size
        if moment.final:
            return self.flush_held(state) + self._last(state, moment)
        if not state.sources and not state.seen:
            return []
        room = room_for_rows(height)
        with_run = not is_single_track(state) or state.stop is not None or self.browse.chosen
        run = self._run.widths(state, moment.now) if with_run else NO_ROW
        scene = WidgetContext(state, moment.now, columns, self.browse, moment.in_signal_handler, moment.moved, run=run)
        lines = self._lines(scene, room - with_run)
        if with_run:
            lines.append(self._run_line(scene))
        shown = [piece.shown for piece in self._pieces]
        self.shown = shown[0] if len(shown) == 1 else [task for some in shown for task in some]
        return lines if columns >= NARROWEST else [crop(line, max(1, columns - 1)) for line in lines]

    def _run_line(self, scene: WidgetContext) -> str:
        layout = next((piece.layout for piece in reversed(self._pieces) if piece.layout is not None), None)
        if layout is None:
            layout = arrange(scene.columns, (), scene.run)
        return self._run.line(scene.state, layout)

    def _lines(self, scene: WidgetContext, room: int) -> list[str]:
        if len(self._pieces) == 1:
            return self._of(self._pieces[0], scene, room)
        found, room = self._wanted(scene, room)
        sharing = [piece for piece in self._pieces if piece.shares]
        without = tuple(piece.name for piece in self._pieces if found.get(id(piece), NOTHING) is None)
        scene = scene._replace(left_out=without)
        lines: list[str] = []
        for piece in list(self._pieces):
            if piece.shares:
                block = self._of(piece, scene, -(-room // len(sharing)))
                scene = scene._replace(left_out=())
                sharing.pop()
                room -= len(block)
            else:
                block = found.get(id(piece)) or []
            lines += block
        return lines

    def _wanted(self, scene: WidgetContext, room: int) -> tuple[dict[int, list[str] | None], int]:
        """Return the lines of the pieces that do not share, by their identity, None: no room; and what room is left."""
        least = max(LEAST, room // 3) if any(piece.shares for piece in self._pieces) else 0
        found: dict[int, list[str] | None] = {}
        for piece in list(self._pieces):
            if piece.shares:
                continue
            most = min(piece.most, room - least)
            if most <= 0:
                found[id(piece)] = None
                continue
            block = self._of(piece, scene, most)
            found[id(piece)] = block
            room -= len(block)
        return found, room

    def _of(self, piece: Widget, scene: WidgetContext, room: int) -> list[str]:
        try:
            return piece.lines(scene, room)[: max(0, room)]
        except Exception as error:  # noqa: BLE001  # a user's code: told once, the others stay
            self._pieces.remove(piece)
            self._trouble(f"the panel {piece.name!r}", error)
            return []
