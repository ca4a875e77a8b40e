"""What the loops of the main thread leave behind: one line each, on how far they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.views import formatting
from mainstage.ui.views.text import clip, one_line

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import LoopEnd
    from mainstage.ui.views.palette import Glyphs, Palette

WIDEST = 72
"""Cells that a line takes at most."""


class LoopLines:
    """Says how loops ended."""

    def __init__(self, palette: Palette, glyphs: Glyphs) -> None:
        self._palette = palette
        self._glyphs = glyphs

    def ended(self, task: int, state: RunState) -> list[str]:
        """Return the line of the loop `task`, which ended last, if it asked for one."""
        end = state.loop_ended
        if end is None or end.task != task or end.kind != "line":
            return []
        return [self.line(end.description, self.told(end, stopped=state.stop is not None), left=end.left)]

    def run(self, state: RunState, now: float, room: int, *, status: int | None = None) -> list[str]:
        """Return the last line of a run that is its loop's, or has had nothing but loops; none where all is said."""
        end, failed = state.first_loop_ended, state.counts.failed
        if end is None or (state.of_loop and end.kind != "loop"):
            return []
        name = end.description if state.of_loop else state.title
        last = state.loop_ended
        if state.of_loop or (last is not None and last.task == end.task):  # all others were within it
            text = self.told(end, stopped=state.stop is not None)
        else:
            text = f"{formatting.count(state.loops.done)} loops in {formatting.duration_text(state.elapsed(now))}"
        if failed:
            text += f", {formatting.count(failed)} failed"
        neutral = end.left or bool(failed) or state.stop is not None
        return [self.line(name, text, left=neutral, room=room, failed=bool(status))]

    def told(self, end: LoopEnd, *, stopped: bool = False) -> str:
        """Return how far a loop came: "3 in 1.2 s", "stopped at 50 of 100"; `stopped`: so was the run."""
        unit = self._glyphs.name(end.unit)
        done = formatting.amount(end.completed, unit)
        if not end.left:
            took = formatting.duration_text(end.seconds)
            return f"{done} in {took}" if end.completed or end.total is not None else f"done in {took}"
        word = "interrupted" if stopped or end.interrupted else "stopped"
        return f"{word} at {done}" if end.total is None else f"{word} at {self._part(end, unit)}"

    def _part(self, end: LoopEnd, unit: str) -> str:
        total = formatting.amount(end.total or 0, unit)
        done = formatting.amount(end.completed, unit if unit in ("B", "iB") else "")
        return f"{done} of {total}"

    def line(self, name: str, text: str, *, left: bool, room: int = WIDEST, failed: bool = False) -> str:
        """Return the line: a tick for a loop that came to its end, and a sign that is neither tick nor cross.

        `failed`: the program that is shown ended with a failure.
        """
        glyphs, paint = self._glyphs, self._palette.paint
        if failed:
            mark = paint("mainstage.failed", glyphs.failed)
        else:
            mark = paint("mainstage.dim", glyphs.cell) if left else paint("mainstage.done", glyphs.done)
        name = clip(glyphs.name(one_line(name)), max(8, room - 44), glyphs.ellipsis)
        return f"{mark} {clip(f'{name}: {text}' if name else text, room - 2, glyphs.ellipsis)}"
