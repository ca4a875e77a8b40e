"""Views for places that cannot be drawn on: lines that stay as they are, and nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.events import TaskEnded
from mainstage.ui.views import formatting
from mainstage.ui.views.foreign import strip
from mainstage.ui.views.history import History
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.runner import END_GROUP, group
from mainstage.ui.views.summary import Summary
from mainstage.ui.views.text import clip, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import Failure
    from mainstage.ui.views import FrameContext

HEAD_START = 0.5
"""Seconds before the line that tells of the start: a short run says only how it ended."""
INTERVAL = 30.0
"""Seconds between two lines, at most."""
FIRST_GAP = 10.0
"""Seconds from there to the next line; each gap is twice the one before, up to the interval."""
SOON = 0.1
"""Seconds that lines for the history wait for more of them."""
LONGEST_NAME = 40
NEVER = float("-inf")


class PlainView:
    """A useful line now and then: "12:00:30 title: 40 %, 3 running, 1 failed, ETA 2 min".

    `interval` is the most seconds between two lines; `timestamps` the time of day before each, `utc_offset_s` seconds
    from UTC. `groups` folds each failure's traceback into a group at the end, as GitHub's logs show them. No SGR
    sequences of ours unless a `palette` asks for them; those of the program stay.
    """

    wants_events = False

    def __init__(
        self,
        *,
        interval: float = INTERVAL,
        timestamps: bool = True,
        utc_offset_s: float = 0.0,
        palette: Palette | None = None,
        glyphs: Glyphs | None = None,
        groups: bool = False,
    ) -> None:
        self.interval = interval
        palette = palette or Palette("none")
        self._glyphs = glyphs or Glyphs()
        self._history = History(palette, self._glyphs, places=True)
        self.summary = Summary(palette, self._glyphs)
        self._timestamps = timestamps
        self._utc_offset_s = utc_offset_s
        self._groups = groups
        self._written = False
        """True while lines for the history wait for the next picture."""
        self.shown: Sequence[int] = ()
        self._next = NEVER
        """When the next line is to be said; NEVER: the line of the start has not been."""
        self._gap = min(FIRST_GAP, interval)

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:  # noqa: ARG002  # the port's signature
        """Return the lines that `event` adds: a failure with its place in the source, retries, text."""
        lines = self._history.lines(event, state)
        if not lines:
            return lines
        self._written = True
        if type(event) is TaskEnded:  # a loop's line, as the last one of a run is
            return [self._stamp(state, event.at) + line for line in lines]
        return lines

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return the line that is due, if one is; at the end the summary."""
        self._written = False
        now = moment.now
        if moment.final:
            lines = self.summary.lines(state, now, end=moment)
            return [
                *self._group_lines(state, moment),
                *lines[:-1],
                *(self._stamp(state, now) + line for line in lines[-1:]),
            ]
        if state.started_at is None or now < self._line_at(state):
            return []
        first = self._next == NEVER
        self._next = now + self._gap
        self._gap = min(self._gap * 2, self.interval)
        return [self._stamp(state, now) + (self.start(state) if first else self.line(state, now))]

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return when the next line is to be said; None while nothing is live and nothing has changed."""
        if self._written:
            return drawn_at + SOON
        if state.started_at is None or not (dirty or state.active):
            return None
        return max(self._line_at(state), drawn_at + SOON)

    def _line_at(self, state: RunState) -> float:
        return (state.started_at or 0.0) + HEAD_START if self._next == NEVER else self._next

    def _stamp(self, state: RunState, now: float) -> str:
        if not self._timestamps:
            return ""
        wall = state.wall + (now - (state.started_at if state.started_at is not None else now))
        return f"{formatting.time_of_day(wall, self._utc_offset_s)} "

    def start(self, state: RunState) -> str:
        """Return the line of the start."""
        unknown = state.open_ended or state.live_loop is not None or state.expected < 2  # noqa: PLR2004
        expected = "" if unknown else f", {formatting.count(state.expected)} tasks"
        return f"{self._name(state)}: started{expected}"

    def line(self, state: RunState, now: float) -> str:
        """Return the line that tells how far it is."""
        counts = state.counts
        parts = []
        if state.stop is not None:
            parts.append(f"stopping ({self._glyphs.name(one_line(state.stop.cause))})")
        loop = state.live_loop
        fraction = state.fraction if loop is not None or state.expected == 1 else state.ended_fraction
        if fraction is not None:
            parts.append(f"{formatting.hundredths(fraction)} %")
        if loop is not None:
            parts.append(formatting.part(loop.completed, loop.total, self._glyphs.name(loop.unit)).strip())
        elif counts.ended or state.expected != 1:
            total = "" if state.open_ended else f" of {formatting.count(state.expected)}"
            before = f" ({formatting.count(state.before)} before)" if state.before else ""
            parts.append(f"{formatting.count(counts.done)}{total} done{before}")
        elif state.live_units:
            parts.append(
                ", ".join(formatting.amount(n, self._glyphs.name(unit)) for unit, n in state.live_units.items())
            )
        parts += [
            f"{formatting.count(n)} {word}"
            for n, word in (
                (counts.running, "running"),
                (counts.waiting, "waiting for a retry"),
                (counts.failed, "failed"),
                (counts.cancelled, "cancelled"),
            )
            if n
        ]
        left = state.eta(now)
        if left and left.likely:
            parts.append(formatting.spoken_range(*left))
        return f"{self._name(state)}: {', '.join(part for part in parts if part)}"

    def _name(self, state: RunState) -> str:
        name = state.title
        if not name and (state.expected == 1 or state.live_loop is not None):
            name = next((task.description for task in state.tasks.values()), "")
        return clip(self._glyphs.name(one_line(name)), LONGEST_NAME, self._glyphs.ellipsis) or "run"

    def _group_lines(self, state: RunState, end: FrameContext) -> list[str]:
        """Return the tracebacks that stand nowhere else: the program has retrieved the others, or ends by them."""
        if not self._groups or end.unretrieved == 0:
            return []
        lines = [
            line for failure in state.failures.values() if failure.error.traceback for line in self._group(failure)
        ]
        gone = state.counts.failed - len(state.failures)
        return [*lines, f"{formatting.count(gone)} more failures: the log has their tracebacks"] if gone else lines

    def _group(self, failure: Failure) -> list[str]:
        head = self._history.failure(failure)
        lines = [f"{self._glyphs.bar} {strip(self._glyphs.line(line))}" for line in failure.error.traceback.split("\n")]
        return [group(head), *lines, END_GROUP]


class SilentView:
    """Shows nothing, and is never due."""

    interval = 3600.0
    wants_events = False
    shown: Sequence[int] = ()

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:  # noqa: ARG002  # the port's signature
        """Return nothing."""
        return []

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:  # noqa: ARG002  # as above
        """Return nothing."""
        return []

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> None:  # as above
        """Return None: never."""
