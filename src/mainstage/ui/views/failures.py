"""Failures kept beside the picture, each with its traceback, for a place where a line can be unfolded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mainstage.events import TaskFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext, View

MOST = 50
"""Failures that are kept, of all kinds; more of them are counted in the last line of the run."""


class FailureNote(NamedTuple):
    """A failure: its one line, and its traceback, "" where the line only counts."""

    line: str
    traceback: str


class FailureView:
    """`view`, with its failures in `notes` and not among the lines of text."""

    def __init__(self, view: View) -> None:
        self.interval = view.interval
        self.shown: Sequence[int] = view.shown
        self.wants_events: bool = getattr(view, "wants_events", True)
        self.notes: list[FailureNote] = []
        self._view = view

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does, but for failures."""
        lines = self._view.history_lines(event, state, moment)
        if not isinstance(event, TaskFailed):
            return lines
        for line in lines[: MOST - len(self.notes)]:
            self.notes.append(FailureNote(line, event.error.traceback))
        return []

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does."""
        rows = self._view.rows(state, moment)
        self.shown = self._view.shown
        return rows

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return what the view does."""
        return self._view.due(state, drawn_at, dirty=dirty)
