"""What a run leaves behind that was too short to be opened: the lines of its end, without a display."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from mainstage.events import RunStarted
from mainstage.ui.display.detect import choose_target
from mainstage.ui.display.stream import PLAIN_SIZE, StreamDisplay
from mainstage.ui.setup import build_ui
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import FrameContext
from mainstage.ui.views.history import History
from mainstage.ui.views.palette import Color, Glyphs, Palette
from mainstage.ui.views.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event

PATIENT_ROOM = 73
"""Cells that a last line takes at most, as at the end of any run."""


def write_end(title: str, wall: float, events: Sequence[Event]) -> None:
    """Write what a run of that title and `events`, which end with its end, would have left on the screen.

    `wall` is its start in seconds since the epoch. Raises `DisplayError` for a view that does not exist.
    """
    if sys.stderr is None:
        return
    place = choose_target(os.environ, sys.stdout, sys.stderr)
    if place.view in ("silent", "json"):
        return
    state = RunState()
    lines: list[str] = []
    if place.view == "plain":
        view = build_ui("plain").view
        for event in (RunStarted(events[0].at, title, wall), *events):
            reduce(state, event)
            lines += view.history_lines(event, state, FrameContext(event.at, PLAIN_SIZE))
        lines += view.rows(state, FrameContext(events[-1].at, PLAIN_SIZE, final=True))
    else:
        history, summary = _writers(place.color, place.unicode)
        for event in (RunStarted(events[0].at, title, wall), *events):
            reduce(state, event)
            lines += history.lines(event, state)
        lines += summary.lines(state, events[-1].at, PATIENT_ROOM)
    if lines:
        display = StreamDisplay(place.stream, runner=place.runner)
        display.close(lines, [])


@lru_cache(maxsize=4)
def _writers(color: Color, unicode: bool) -> tuple[History, Summary]:  # noqa: FBT001  # of a target
    palette, glyphs = Palette(color), Glyphs(unicode=unicode)
    return History(palette, glyphs), Summary(palette, glyphs)
