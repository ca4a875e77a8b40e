"""Lines that stay with the picture, in a place where nothing scrolls: failures to be unfolded, bars that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mainstage.events import CallFailed, TaskEnded, TaskFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext, View

MOST = 50
"""Lines that are kept; more of them are text."""


class KeptLine(NamedTuple):
    """A line that stays with the picture, and the traceback that it can be unfolded for, "" for none."""

    line: str
    traceback: str


class KeepingView:
    """`view`, with the lines of its failures and of bars that ended in `kept` and not among those of text.

    A run that is not yet `worth` a line keeps none: they are there with the first picture after.
    """

    def __init__(self, view: View, worth: Callable[[RunState, FrameContext], bool]) -> None:
        self.interval = view.interval
        self.shown: Sequence[int] = view.shown
        self.wants_events: bool = getattr(view, "wants_events", True)
        self.kept: list[KeptLine] = []
        self._early: list[KeptLine] = []
        self._view = view
        self._worth = worth

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does, but for what is kept."""
        lines = self._view.history_lines(event, state, moment)
        if not lines or not isinstance(event, (TaskEnded, TaskFailed, CallFailed)):
            return lines
        traceback = event.error.traceback if isinstance(event, (TaskFailed, CallFailed)) else ""
        room = max(0, MOST - len(self.kept) - len(self._early))
        self._early += [KeptLine(line, traceback) for line in lines[:room]]
        return lines[room:]

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does."""
        rows = self._view.rows(state, moment)
        self.shown = self._view.shown
        if self._early and self._worth(state, moment):
            self.kept += self._early
            self._early.clear()
        return rows

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return what the view does."""
        return self._view.due(state, drawn_at, dirty=dirty)
