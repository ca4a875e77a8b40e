"""The last lines of a run: what failed, and one line on what was done.

They stay in the history, so they are short enough to survive a later resize of the terminal.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mainstage.ui.state.outliers import FAR, SHORTEST, typical
from mainstage.ui.views import formatting
from mainstage.ui.views.exception_tree import tree_of
from mainstage.ui.views.history import History, file_of, input_of, place_of, short_place
from mainstage.ui.views.palette import is_lost
from mainstage.ui.views.text import clip, crop, one_line, width

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import Failure
    from mainstage.ui.views.palette import Glyphs, Palette

WIDEST = 72
"""Cells that a line takes at most."""
LISTED = 10
"""Failures that are listed one by one."""
SAID = 48
"""Cells from which on the tasks that took the longest are named."""
OUTLIERS = 3
"""Tasks that took far longer than the others are named, at most."""
SHORT = 0.5
"""A run without a title that went well in less says nothing: neither has it drawn anything."""


class Summary:
    """Says how a run ended. `slowest` adds the slowest tasks, `places` where in the source each failure came from."""

    def __init__(self, palette: Palette, glyphs: Glyphs, *, slowest: bool = False, places: bool = True) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self._slowest = slowest
        self._places = places
        self._history = History(palette, glyphs)
        self.lists_failures = True
        """Whether the failures, which were told as they came, are listed once more."""
        self.log = ""
        """Where all output and failures are written to, as it is to be told; "" nowhere."""
        self.log_file = ""
        """Its absolute path."""

    def lines(self, state: RunState, now: float, columns: int = WIDEST + 1, *, status: int | None = None) -> list[str]:
        """Return the last lines, the result as the last of them, each within `columns` - 1 cells.

        `status`: with which the program exits that is shown; its end counts then, and not what became of its tasks.
        """
        if not state.counts.seen and state.stop is None:
            return []
        if not state.title and state.elapsed(now) < SHORT and not state.counts.failed and state.stop is None:
            return []
        room = max(1, min(WIDEST, columns - 1))
        about = [*self._slow(state, room), *self._log(room)]
        failures = self.failures(state, room) if self.lists_failures else []
        lines = [*failures, *about, self.result(state, now, room, status=status)]
        return [crop(line, room) for line in lines]

    def failures(self, state: RunState, room: int = WIDEST) -> list[str]:
        """Return the failures, the first ones one by one."""
        lines: list[str] = []
        for failure in islice(state.failures.values(), LISTED):
            lines += self._failure(failure, room)
        more = state.counts.failed - LISTED
        if more > 0:
            lines.append(clip(f"  + {formatting.count(more)} more failures", room, self._glyphs.ellipsis))
        return lines

    def _failure(self, failure: Failure, room: int) -> list[str]:
        glyphs = self._glyphs
        name = clip(glyphs.name(one_line(failure.description)) or f"task {failure.task}", room // 2, glyphs.ellipsis)
        head = f"  {glyphs.mark(failure.error)} {name}: "
        if width(head) >= room:
            return [clip(head, room, glyphs.ellipsis)]
        error = self._history.error(failure.error, room - width(head))
        lines = [head + self._palette.paint("mainstage.failed", error)]
        given = input_of(failure)
        about = [f"input {glyphs.name(given)}"] if given else []
        about += tree_of(failure.error, glyphs, room - 4)
        lines += [self._about(text, room) for text in about]
        place = place_of(failure.error) if self._places else ""
        if place:
            lines.append(self._about(f"at {glyphs.name(short_place(place, room - 7))}", room, file_of(failure.error)))
        return lines

    def _about(self, text: str, room: int, file: str = "") -> str:
        text = self._palette.link(clip(text, room - 4, self._glyphs.ellipsis), file)
        return f"    {self._palette.paint('mainstage.dim', text)}"

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

    def result(self, state: RunState, now: float, room: int = WIDEST, *, status: int | None = None) -> str:
        """Return the one line on how the run ended."""
        counts = state.counts
        bad = counts.failed > 0 or state.stop is not None if status is None else status != 0
        name = self._glyphs.name(one_line(state.title or self._only_task(state)))
        name = clip(name, max(8, room - 44), self._glyphs.ellipsis)
        text = f"{name}: {self._numbers(state, now)}" if name else self._numbers(state, now)
        mark = self._glyphs.failed if bad else self._glyphs.done
        painted = self._palette.paint("mainstage.failed" if bad else "mainstage.done", mark)
        return f"{painted} {self._shorten(text, room - 2)}"

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
        more = f", {self._amounts(sizes)}" if sizes else ""
        return f"{text} ({formatting.rate(counts.done / elapsed)}{more})"

    def _amounts(self, amounts: dict[str, float]) -> str:
        return ", ".join(formatting.amount(n, self._glyphs.name(unit)) for unit, n in islice(amounts.items(), 2))
