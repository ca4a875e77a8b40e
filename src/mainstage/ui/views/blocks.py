"""A view below blocks: pictures of other libraries that come and go while the run is live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mainstage.ui.views import Size
from mainstage.ui.views.row_choice import room_for_rows
from mainstage.ui.views.text import crop, one_line
from mainstage.ui.views.user_code import UserCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext, View
    from mainstage.ui.views.palette import Glyphs, Palette

LEAST = 3
"""Rows that are kept for the view below, where it has any."""
HEAD_START = 0.5
"""Seconds before the first picture, as of all live views."""
SHORTEST = 2
"""Rows that are left to the text where the view has none, and to blocks where there is hardly any room."""


class ForeignBlock(Protocol):
    """One of them; see `tasks/blocks.py`."""

    cut: str

    def lines(self, columns: int, *, borrowed: bool) -> Sequence[Sequence[Any]]:
        """Return its lines as segments."""
        ...

    def is_foreign(self) -> bool:
        """Return whether only code of the program's can make them."""
        ...


class ForeignBlocks(Protocol):
    """Those that are open."""

    columns: int
    changed: bool

    @property
    def open(self) -> Sequence[ForeignBlock]:
        """They themselves."""
        ...

    @property
    def interval(self) -> float | None:
        """Seconds between two frames that they want though nothing is known to have changed; None: none."""
        ...


class BlocksView:
    """`view` with `blocks` above it."""

    def __init__(self, view: View, blocks: ForeignBlocks, palette: Palette, glyphs: Glyphs) -> None:
        self.interval = view.interval
        self._view = view
        self._blocks = blocks
        self._palette = palette
        self._glyphs = glyphs
        self._codes: dict[int, UserCode] = {}
        """What limits the code of the program's in each open block, by its identity."""

    @property
    def shown_name(self) -> str:
        """What a message calls it: the view that the run was given."""
        return type(self._view).__name__

    @property
    def shown(self) -> Sequence[int]:
        """The view's."""
        return self._view.shown

    @property
    def wants_events(self) -> bool:
        """The view's."""
        return getattr(self._view, "wants_events", True)

    @property
    def animated(self) -> bool:
        """Whether frames are wanted though nothing happens."""
        return self._blocks.changed or self._blocks.interval is not None

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does."""
        return self._view.history_lines(event, state, moment)

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return the lines of the blocks, and below them the view's rows in the room that is left."""
        if moment.final or not self._blocks.open:
            self._blocks.changed = False
            self._codes.clear()
            return self._view.rows(state, moment)
        columns, height = moment.size
        if not (
            state.counts.seen or state.queued or state.sources or state.live_loops
        ):  # bars that are over are no work
            return self._lines(columns, max(1, height - SHORTEST), moment)
        room = room_for_rows(height)
        lines = self._lines(columns, max(1, min(SHORTEST, room - 1), room - LEAST), moment)
        size = Size(columns, max(1, height - len(lines)))
        return lines + self._view.rows(state, moment._replace(size=size))

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return what the view does, or sooner: when a block is to be shown anew."""
        due = self._view.due(state, drawn_at, dirty=dirty)
        wait = self.interval if self._blocks.changed else self._blocks.interval
        if wait is None:
            return due
        soon = max(drawn_at + wait, (drawn_at if state.started_at is None else state.started_at) + HEAD_START)
        return soon if due is None else min(due, soon)

    def _lines(self, columns: int, room: int, moment: FrameContext) -> list[str]:
        blocks = self._blocks
        cells = blocks.columns = max(1, columns - 1)
        blocks.changed = False  # before they are asked: what changes from here on is for the next frame
        lines: list[str] = []
        for block in blocks.open:
            found = self._painted(block, cells, moment)
            left = room - len(lines)
            if len(found) > left:
                found = [*found[: max(0, left - 1)], *([self._cut(block, cells)] if left > 0 else [])]
            lines += found
        return lines

    def _painted(self, block: ForeignBlock, cells: int, moment: FrameContext) -> list[str]:
        try:
            found = self._lines_of(block, cells, borrowed=moment.in_signal_handler)
        except Exception as error:  # noqa: BLE001  # a user's code: the others stay
            text = self._glyphs.name(one_line(f"a display raised {type(error).__name__}: {error}"))
            return [crop(self._palette.paint("mainstage.failed", text), cells)]
        from mainstage.ui.views.renderable import line_of  # noqa: PLC0415  # loads rich.console: only who has a block pays

        lines = [crop(line_of(segments, self._palette, self._glyphs), cells) for segments in found]
        return lines if any(lines) else []

    def _lines_of(self, block: ForeignBlock, cells: int, *, borrowed: bool) -> Sequence[Sequence[Any]]:
        if not borrowed or not block.is_foreign():
            return block.lines(cells, borrowed=borrowed)
        code = self._codes.setdefault(id(block), UserCode())
        last = block.lines(cells, borrowed=True)
        return code.call(lambda: block.lines(cells, borrowed=False), last, borrowed=True)

    def _cut(self, block: ForeignBlock, cells: int) -> str:
        return self._palette.paint("mainstage.dim", crop(block.cut.center(cells).rstrip(), cells))
