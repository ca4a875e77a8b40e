"""What a run leaves behind that was too short to be opened: the lines of its end, without a display.

A lone loop's line, the one of most such runs, is made without state and view: the first would wait 0.1 s for these.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.events import RunStarted, TaskEnded, TaskStarted
from mainstage.ui.display import ansi
from mainstage.ui.display.detect import choose_target
from mainstage.ui.display.stream import PLAIN_SIZE, StreamDisplay
from mainstage.ui.state.task import LoopEnd
from mainstage.ui.views.loops import LoopLines
from mainstage.ui.views.palette import Color, Glyphs, Palette

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.display.detect import DisplayTarget

COLUMNS = 73
"""The width to lay the last line out for, as at the end of any run."""
LONE = 3
"""Events of a run that had one loop: its start, its end, and that of the run."""


class Known(NamedTuple):
    """The target that was chosen last, and what it was chosen by."""

    stdout: object
    stderr: object
    env: Any
    target: DisplayTarget


_known: Known | None = None


def write_end(title: str, wall: float, events: Sequence[Event]) -> None:
    """Write what a run of that title and `events`, which end with its end, would have left on the screen.

    `wall` is its start in seconds since the epoch. Raises `DisplayError` for a view that does not exist.
    """
    if sys.stderr is None:
        return
    target = _target()
    if target.view in ("silent", "json"):
        return
    if target.view == "plain":
        lines = _plain_lines(title, wall, events)
    else:
        lines = _lone_line(events, target) or _lines(title, wall, events, target)
    if lines:
        _write(lines, target)


def _target() -> DisplayTarget:
    """Return where to write to, chosen anew where the streams or the environment are others."""
    global _known  # noqa: PLW0603  # of the process, as these are
    env = getattr(os.environ, "_data", None)  # as the system has it: to compare it costs less than one look-up
    known = _known
    if known is None or known.stdout is not sys.stdout or known.stderr is not sys.stderr or known.env != env:
        target = choose_target(os.environ, sys.stdout, sys.stderr)
        _known = known = Known(sys.stdout, sys.stderr, None if env is None else dict(env), target)
    return known.target


def _lone_line(events: Sequence[Event], target: DisplayTarget) -> list[str]:
    """Return the line of a run that had but one loop, which came to its end; none for any other run."""
    if len(events) != LONE or not isinstance(events[0], TaskStarted) or not isinstance(events[1], TaskEnded):
        return []
    start, end = events[0], events[1]
    if start.loop != "line" or end.left or not start.description:
        return []
    seconds = end.at - start.at
    told = LoopEnd(
        start.task, start.description, end.completed, start.total, start.unit, seconds, left=False, kind=start.loop
    )
    loops = _loop_lines(target.color, target.unicode)
    return [loops.line(start.description, loops.told(told), left=False)]


def _lines(title: str, wall: float, events: Sequence[Event], target: DisplayTarget) -> list[str]:
    from mainstage.ui.state.reducer import reduce  # noqa: PLC0415  # see above, here and below
    from mainstage.ui.state.run import RunState  # noqa: PLC0415
    from mainstage.ui.views.history import History  # noqa: PLC0415
    from mainstage.ui.views.summary import Summary  # noqa: PLC0415

    look = _look(target.color, target.unicode)
    history, summary, state = History(*look), Summary(*look), RunState()
    lines: list[str] = []
    for event in (RunStarted(events[0].at, title, wall), *events):
        reduce(state, event)
        lines += history.lines(event, state)
    return lines + summary.lines(state, events[-1].at, COLUMNS)


def _plain_lines(title: str, wall: float, events: Sequence[Event]) -> list[str]:
    from mainstage.ui.setup import build_ui  # noqa: PLC0415
    from mainstage.ui.state.reducer import reduce  # noqa: PLC0415
    from mainstage.ui.state.run import RunState  # noqa: PLC0415
    from mainstage.ui.views import FrameContext  # noqa: PLC0415

    view = build_ui("plain").view
    state = RunState()
    lines: list[str] = []
    for event in (RunStarted(events[0].at, title, wall), *events):
        reduce(state, event)
        lines += view.history_lines(event, state, FrameContext(event.at, PLAIN_SIZE))
    return lines + view.rows(state, FrameContext(events[-1].at, PLAIN_SIZE, final=True))


@lru_cache(maxsize=4)
def _look(color: Color, unicode: bool) -> tuple[Palette, Glyphs]:  # noqa: FBT001  # of a target
    return Palette(color), Glyphs(unicode=unicode)


@lru_cache(maxsize=4)
def _loop_lines(color: Color, unicode: bool) -> LoopLines:  # noqa: FBT001  # as above
    return LoopLines(*_look(color, unicode))


def _write(lines: Sequence[str], target: DisplayTarget) -> None:
    """Write the lines to the stream, as the program itself would."""
    if target.view in ("live", "notebook"):
        text = "".join(f"{line}\n" for line in ansi.lines(lines))
        try:
            target.stream.write(text)
            target.stream.flush()
        except (OSError, ValueError):  # gone, or of an encoding that cannot say it
            pass
        else:
            return
    StreamDisplay(target.stream, runner=target.runner).close(lines, [])
