"""The last lines of a run: what took long, and one line on what was done.

They stay in the history, so they are short enough to survive a later resize of the terminal.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mainstage.ui.state.outliers import FAR, SHORTEST, typical
from mainstage.ui.views import formatting
from mainstage.ui.views.history import MANY
from mainstage.ui.views.loops import LoopLines
from mainstage.ui.views.palette import is_lost
from mainstage.ui.views.text import clip, crop, one_line, width

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext
    from mainstage.ui.views.palette import Glyphs, Palette

WIDEST = 72
"""Cells that a line takes at most."""
SAID = 48
"""Cells from which on the tasks that took the longest are named."""
KINDS = 5
"""Kinds of failures that are counted one by one, at most."""
OUTLIERS = 3
"""Tasks that took far longer than the others are named, at most."""
SHORT = 0.5
"""A run without a title that went well in less says nothing: neither has it drawn anything."""


class Summary:
    """Says how a run ended; its failures were shown as they came. `slowest` adds the slowest tasks."""

    def __init__(self, palette: Palette, glyphs: Glyphs, *, slowest: bool = False) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self._slowest = slowest
        self._loops = LoopLines(palette, glyphs)
        self.log = ""
        """Where all output and failures are written to, as it is to be told; "" nowhere."""
        self.log_file = ""
        """Its absolute path."""

    def lines(
        self, state: RunState, now: float, columns: int = WIDEST + 1, end: FrameContext | None = None
    ) -> list[str]:
        """Return the last lines, the result as the last of them, each within `columns` - 1 cells.

        `end` has the exit status of the program that is shown, which counts then and not what became of its tasks, and
        how many failures the program has not retrieved.
        """
        if state.of_loop or not (state.counts.seen or (state.stop is not None and not state.loops.seen)):
            status = None if end is None else end.status
            return self._loops.run(state, now, max(1, min(WIDEST, columns - 1)), status=status)
        if not state.title and state.elapsed(now) < SHORT and not state.counts.failed and state.stop is None:
            return []
        room = max(1, min(WIDEST, columns - 1))
        lines = [*self._kinds(state, room), *self._slow(state, room), *self._log(room)]
        return [crop(line, room) for line in (*lines, self.result(state, now, room, end=end))]

    def _kinds(self, state: RunState, room: int) -> list[str]:
        """Return how many failures there were of each kind, where some were not shown one by one."""
        kinds = sorted(state.failures.kinds.items(), key=lambda one: -one[1])
        if not kinds or kinds[0][1] <= MANY:
            return []
        told = [f"{formatting.count(number)} {self._glyphs.name(one_line(kind)) or 'others'}" for kind, number in kinds]
        text = clip(f"  failed: {', '.join(told[:KINDS])}", room, self._glyphs.ellipsis)
        return [self._palette.paint("mainstage.dim", text)]

    def _slow(self, state: RunState, room: int) -> list[str]:
        if not self._slowest:
            return self._outliers(state, room)
        if state.counts.done < 2:  # noqa: PLR2004  # one task is no comparison
            return []
        glyphs = self._glyphs
        texts = [
            f"  {formatting.duration_text(seconds):>8}  {glyphs.name(one_line(name))}"
            for seconds, name in state.slowest
        ]
        return [self._palette.paint("mainstage.dim", clip(text, room, glyphs.ellipsis)) for text in texts]

    def _outliers(self, state: RunState, room: int) -> list[str]:
        """Return a line on the tasks that took far longer than the others, if there were any."""
        usual = typical(state)
        far = [(seconds, name) for seconds, name in state.slowest if usual and seconds > max(SHORTEST, FAR * usual)]
        if not far or room < SAID:
            return []
        told = [
            f"{self._glyphs.name(one_line(name))} {formatting.duration_text(seconds)}"
            for seconds, name in far[:OUTLIERS]
        ]
        others = formatting.in_words(usual) if usual >= 1 else formatting.duration_text(usual)
        text = f"  slowest (others took {others}): {', '.join(told)}"
        return [self._palette.paint("mainstage.dim", clip(text, room, self._glyphs.ellipsis))]

    def _log(self, room: int) -> list[str]:
        if not self.log:
            return []
        text = clip(f"log: {self._glyphs.name(one_line(self.log))}", room - 2, self._glyphs.ellipsis)
        return [f"  {self._palette.paint('mainstage.dim', self._palette.link(text, self.log_file))}"]

    def result(self, state: RunState, now: float, room: int = WIDEST, *, end: FrameContext | None = None) -> str:
        """Return the one line on how the run ended."""
        name = self._glyphs.name(one_line(state.title or self._only_task(state)))
        name = clip(name, max(8, room - 44), self._glyphs.ellipsis)
        text = f"{name}: {self._numbers(state, now)}" if name else self._numbers(state, now)
        return f"{self._mark(state, end)} {self._shorten(text, room - 2)}"

    def _mark(self, state: RunState, end: FrameContext | None) -> str:
        """Return a cross only for failures that the program has not handled; neither cross nor tick for the others.

        Nor for what a loop that was left early has not begun.
        """
        failed = state.counts.failed
        status, unretrieved = (None, None) if end is None else (end.status, end.unretrieved)
        if status is None:
            bad = state.stop is not None or (failed if unretrieved is None else min(failed, unretrieved)) > 0
        else:
            bad, failed = status != 0, 0
        if bad:
            return self._palette.paint("mainstage.failed", self._glyphs.failed)
        if failed or (status is None and state.expected > state.counts.ended):
            return self._palette.paint("mainstage.dim", self._glyphs.cell)
        return self._palette.paint("mainstage.done", self._glyphs.done)

    def _shorten(self, text: str, room: int) -> str:
        while width(text) > room and text.endswith(")"):  # the last of what is in brackets first
            bracket = text.rindex(" (")
            more = text.rfind(", ", bracket)
            text = f"{text[:more]})" if more > 0 else text[:bracket]
        return clip(text, room, self._glyphs.ellipsis)

    def _only_task(self, state: RunState) -> str:
        return state.slowest[0][1] if state.counts.seen == 1 and state.slowest else ""

    def _numbers(self, state: RunState, now: float) -> str:
        counts = state.counts
        elapsed = state.elapsed(now)
        left = max(0, state.expected - counts.ended)
        alone = counts.seen == 1 and counts.done == 1
        amounts = {unit: n for unit in (*state.units, *state.live_units) if (n := state.items(unit))}
        text = self._amounts(amounts) if alone and amounts else f"{formatting.count(counts.done)} done"
        if state.before:
            text += f", {formatting.count(state.before)} of them before"
        lost = sum(number for kind, number in state.failures.kinds.items() if is_lost(kind))
        failed = f"failed ({formatting.count(lost)} lost)" if lost else "failed"
        for n, word in ((counts.failed, failed), (counts.cancelled, "cancelled"), (left, "left")):
            if n:
                text += f", {formatting.count(n)} {word}"
        if state.stop is not None:
            text = f"stopped by {self._glyphs.name(one_line(state.stop.cause))}: {text}"
        text += f" in {formatting.duration_text(elapsed)}"
        if elapsed <= 0 or not counts.done:
            return text
        if alone:
            unit, n = max(amounts.items(), key=lambda item: item[1], default=("", 1.0))
            return f"{text} ({formatting.rate(n / elapsed, unit)})"
        sizes = {unit: n for unit, n in amounts.items() if unit}
        return f"{text} ({self._amounts(sizes)})" if sizes else text

    def _amounts(self, amounts: dict[str, float]) -> str:
        return ", ".join(formatting.amount(n, self._glyphs.name(unit)) for unit, n in islice(amounts.items(), 2))
