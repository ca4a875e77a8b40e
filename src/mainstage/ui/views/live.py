"""What all live views share: the lines for the history, the troubles of users' code, the last lines, the times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.events import RunEnded
from mainstage.ui.views.history import History
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.row_choice import NEVER, row_due_at
from mainstage.ui.views.selection import Selection
from mainstage.ui.views.summary import Summary
from mainstage.ui.views.text import crop, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext

HEAD_START = 0.5
"""Seconds before the first picture: a short run does not flash."""
CLOCK = 1.0
"""Seconds between two pictures when only the clocks on it change."""


class LiveView:
    """A view for a terminal that is drawn on. `slowest` adds the slowest tasks to the last lines."""

    interval = 0.1
    wants_events = False
    """Whether it needs the events of each short call; else their sums do."""

    def __init__(self, palette: Palette | None = None, glyphs: Glyphs | None = None, *, slowest: bool = False) -> None:
        self._palette = palette or Palette()
        self._glyphs = glyphs or Glyphs()
        self._history = History(self._palette, self._glyphs)
        self.summary = Summary(self._palette, self._glyphs, slowest=slowest)
        self._troubles: list[str] = []
        self.browse = Selection()
        """What is chosen to be looked at; whoever reads keys sets it before a picture."""
        self.shown: Sequence[int] = ()

    def add_places(self) -> None:
        """Add to the line of each failure where in the source it came from."""
        self._history.places = True

    # --- the history ---

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:  # noqa: ARG002  # the port's signature
        """Return the lines that `event` adds to the history: failures, retries, text, whole and unwrapped."""
        lines = self._history.lines(event, state)
        if self._troubles and (lines or isinstance(event, RunEnded) or not state.tasks):
            return self._told() + lines
        return lines

    def _told(self) -> list[str]:
        troubles, self._troubles = self._troubles, []
        return [self._palette.paint("mainstage.prefix", "mainstage: ") + text for text in troubles]

    def _last(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return the last lines of the run."""
        columns = moment.size.columns
        told = [crop(line, columns) for line in self._told()]
        return told + self.summary.lines(state, moment.now, columns, moment)

    def _trouble(self, what: str, error: Exception) -> None:
        try:
            text = one_line(str(error))
        except Exception:  # noqa: BLE001  # the error's own class may be a user's too
            text = ""
        name = self._glyphs.name(f"{type(error).__name__}: {text}" if text else type(error).__name__)
        self._troubles.append(f"{what} raised {name}; it is left out from here on")

    # --- time ---

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return when the next picture is wanted: 0.1 s after the last if something changed, 1 s if only clocks did."""
        if dirty:
            when = drawn_at + self.interval
        elif state.active:
            grown = row_due_at(state, drawn_at)
            when = drawn_at + CLOCK if grown == NEVER else max(drawn_at + self.interval, grown)
        else:
            return None
        return when if state.started_at is None else max(when, state.started_at + HEAD_START)
