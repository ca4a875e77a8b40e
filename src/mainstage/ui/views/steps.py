"""Running tasks as steps: the last lines of its own output stand under each.

A step that ends well is folded into one line of the history, one that fails is shown there with its whole output: until
then it is held here. Of a step that writes a lot, what is past `HELD` texts goes up at once, so nothing is clipped and
memory is bounded.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mainstage.events import ItemsEnded, TaskCancelled, TaskEnded, TaskFailed, TaskStarted, TextWritten
from mainstage.ui.views import formatting
from mainstage.ui.views.dashboard_pieces import TaskRows
from mainstage.ui.views.history import History
from mainstage.ui.views.row_choice import RowChoice, top_level
from mainstage.ui.views.text import clip, crop, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import TaskState
    from mainstage.ui.views.dashboard_pieces import WidgetContext
    from mainstage.ui.views.palette import Glyphs, Palette

HELD = 1000
"""Texts (a line, or a few written at once) that are held back of each step, at most."""
TAIL = 6
"""Lines that stand under a step, at most."""
BRIEF = 0.5
"""A step that ended well in fewer seconds, and wrote nothing, is not worth a line."""
LONGEST_NAME = 60


class Step:
    """One that runs: what is to be said of it when it ends."""

    __slots__ = ("description", "held", "lines", "started_at")

    def __init__(self, description: str, started_at: float) -> None:
        self.description = description
        self.started_at = started_at
        self.held: deque[TextWritten] = deque()
        self.lines = 0
        """Lines that it wrote."""


class StepRows(TaskRows):
    """The steps, each with the tail of its output."""

    name = "steps"
    wants_events = True

    def __init__(self, palette: Palette, glyphs: Glyphs, *, most: int | None = None) -> None:
        super().__init__(palette, glyphs, most=most)
        self._history = History(palette, glyphs)
        self._steps: dict[int, Step] = {}

    # --- the history ---

    def history_lines(self, event: Event, state: RunState) -> list[str] | None:
        """Return what is to be said at once: nothing of what a step writes, all of it when it fails."""
        said: list[str] | None = None
        match event:
            case TaskStarted() if event.parent is None:
                said = self._begin(event)
            case TextWritten() if event.task is not None:
                said = self._hold(event, state)
            case TaskEnded():
                said = self._fold(event.task, event.at)
            case TaskCancelled():
                said = self._fold(event.task, event.at, cancelled=True)
            case ItemsEnded():
                said = [line for task, _, ended in event.items for line in self._fold(task, ended)]
            case TaskFailed() if event.task in self._steps:
                said = self._unfold(event, state)
        return said

    def flush_held(self, state: RunState) -> list[str]:
        """Return all that is held back, as it would have been said."""
        lines = [
            line for step in self._steps.values() for text in step.held for line in self._history.lines(text, state)
        ]
        self._steps.clear()
        return lines

    def _hold(self, event: TextWritten, state: RunState) -> list[str] | None:
        step = self._steps.get(self._root(event.task, state))
        if step is None:
            return None
        step.lines += event.text.count("\n") + 1
        step.held.append(event)
        if len(step.held) <= HELD:
            return []
        return self._history.lines(step.held.popleft(), state)

    def _root(self, task: int | None, state: RunState) -> int:
        """Return the top-level task that `task` belongs to."""
        live = state.tasks.get(task) if task is not None else None
        while live is not None and live.parent is not None:
            task, live = live.parent, state.tasks.get(live.parent)
        return task if task is not None else -1

    def _begin(self, event: TaskStarted) -> list[str]:
        step = Step(event.description, event.at)
        before = self._steps.get(event.task)
        if before is not None:  # an attempt that failed
            step.held, step.lines = before.held, before.lines
        self._steps[event.task] = step
        return []

    def _fold(self, task: int, at: float, *, cancelled: bool = False) -> list[str]:
        step = self._steps.pop(task, None)
        if step is None:
            return []
        seconds = max(0.0, at - step.started_at)
        if seconds < BRIEF and not step.lines and not cancelled:
            return []
        glyphs, paint = self._glyphs, self._palette.paint
        mark = paint("mainstage.cancelled", glyphs.cancelled) if cancelled else paint("mainstage.done", glyphs.done)
        name = clip(glyphs.name(one_line(step.description)), LONGEST_NAME, glyphs.ellipsis) or f"task {task}"
        lines = f", {formatting.count(step.lines)} {'line' if step.lines == 1 else 'lines'}" if step.lines else ""
        said = "cancelled after " if cancelled else ""
        return [f"{mark} {name}{paint('mainstage.dim', f'  {said}{formatting.duration_text(seconds)}{lines}')}"]

    def _unfold(self, event: TaskFailed, state: RunState) -> list[str] | None:
        step = self._steps.pop(event.task)
        failure = state.failures.get(event.task)
        if failure is None:
            return None
        bar = self._palette.paint("mainstage.failed", f"  {self._glyphs.bar} ")
        texts = [line for text in step.held for line in text.text.replace("\r\n", "\n").split("\n")]
        return [
            *(bar + self._glyphs.line(line) for line in texts),
            *self._history.failed(failure._replace(error=event.error), state),
        ]

    # --- the picture ---

    def choose(self, scene: WidgetContext, room: int) -> RowChoice:
        """Choose the steps for `room` rows."""
        state = scene.state
        room -= len(state.tasks) - state.nested.running > room > 1
        top = top_level(state, scene.now, room)
        running = state.counts.running + state.counts.waiting
        return RowChoice([(0, task) for task in top], max(0, running - len(top)) if len(top) == room else 0)

    def compose(self, scene: WidgetContext, chosen: RowChoice, room: int) -> list[str]:
        """Return the rows, with as many lines under each as have room: the last ones, shared out evenly."""
        rows = super().compose(scene, chosen, room)
        if not scene.state.text_lines:
            return rows
        tails = [self._tail(task, scene) for _, task in chosen.shown]
        spare = room - len(rows)
        shares = share([len(tail) for tail in tails], spare)
        lines: list[str] = []
        for row, tail, count in zip(rows, tails, shares, strict=False):
            lines.append(row)
            lines += tail[len(tail) - count :]
        return lines + rows[len(tails) :]

    def _tail(self, task: TaskState, scene: WidgetContext) -> list[str]:
        if not task.tail:
            return []
        cells = max(0, scene.columns - 1)
        texts = [line for text in task.tail for line in text.text.replace("\r\n", "\n").split("\n")][-TAIL:]
        bar = self._palette.paint("mainstage.dim", f"  {self._glyphs.bar} ")
        return [crop(bar + self._glyphs.line(line), cells) for line in texts]


def share(wanted: Sequence[int], room: int) -> list[int]:
    """Return how many lines each gets of `room`, no more than it wants, evenly; the last ones first of what is odd."""
    shares = [0] * len(wanted)
    while room > 0:
        hungry = [at for at, want in enumerate(wanted) if shares[at] < want]
        if not hungry:
            break
        each = max(1, room // len(hungry))
        for at in reversed(hungry):
            more = min(each, wanted[at] - shares[at], room)
            shares[at] += more
            room -= more
    return shares
