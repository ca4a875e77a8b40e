"""The default dashboard: a row for each running task, nested ones below their parent, and one for the whole run.

The view looks at a few tasks for each row that it has, so 10,000 live ones cost no more than 30. It keeps composed
rows, and ETAs and speeds for half a second; all else that it shows follows from the state and the moment.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from mainstage.events import RunEnded
from mainstage.views import units
from mainstage.views.browse import Browse
from mainstage.views.browsed import BrowsedRows, look
from mainstage.views.history import History
from mainstage.views.palette import Glyphs, Palette
from mainstage.views.rows import RowPainter
from mainstage.views.run import RunRow
from mainstage.views.summary import Summary
from mainstage.views.text import clip, crop, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType
    from rich.progress import ProgressColumn

    from mainstage.events import Event
    from mainstage.state.model import RunState, TaskState
    from mainstage.views import Moment, Size
    from mainstage.views.columns import ColumnRows
    from mainstage.views.renderable import Panel

    Header = RenderableType | Callable[[RunState, float], RenderableType]

HEAD_START = 0.5
"""Seconds before the first picture: a short run does not flash."""
YOUNG = 0.1
"""Seconds that a task lives before it gets a row."""
CLOCK = 1.0
"""Seconds between two pictures when only the clocks on it change."""
NEVER = float("inf")
LOOK = 4
"""How many tasks are looked at for each row there is, at most."""
TALL = 12
"""From this height on a quarter of the screen is left to the text; below, two rows."""


NARROWEST = 4
"""Columns below which not even a mark and a blank fit."""


class Chosen(NamedTuple):
    """The tasks that get rows, (depth, task) each, and how many live ones do not for want of room."""

    shown: list[tuple[int, TaskState]]
    hidden: int


class Kept(NamedTuple):
    """What the last picture was made of; the next one is too, up to `until`, where tasks only moved."""

    chosen: Chosen
    with_run: bool
    size: Size
    until: float


class BarsView:
    """A live dashboard.

    `columns` are Rich's progress columns (or format strings, as `rich.progress.Progress` takes them) for the rows of
    tasks; None: our own. `header` is any Rich renderable, or a function of (state, now) that returns one, above the
    rows. A column or header that raises is named once above, and left out from then on. `slowest` adds the slowest
    tasks to the last lines. What `browse` chooses is shown instead of what matters first.
    """

    interval = 0.1

    def __init__(
        self,
        palette: Palette | None = None,
        glyphs: Glyphs | None = None,
        *,
        columns: Sequence[str | ProgressColumn] | None = None,
        header: Header | None = None,
        slowest: bool = False,
    ) -> None:
        self._palette = palette or Palette()
        self._glyphs = glyphs or Glyphs()
        self._painter = RowPainter(self._palette, self._glyphs)
        self._run = RunRow(self._palette, self._glyphs, self._painter)
        self._history = History(self._palette, self._glyphs)
        self._summary = Summary(self._palette, self._glyphs, slowest=slowest)
        self._columns: ColumnRows | None = None
        self._panel: Panel | None = None
        self._troubles: list[str] = []
        self.browse = Browse()
        self._browsed = BrowsedRows(self._palette, self._glyphs)
        self._kept: Kept | None = None
        self.shown: Sequence[int] = ()
        if columns is not None:
            from mainstage.views.columns import ColumnRows  # noqa: PLC0415  # loads rich.progress: only who asks pays

            self._columns = ColumnRows(columns, self._palette, self._glyphs)
        if header is not None:
            from mainstage.views.renderable import Panel  # noqa: PLC0415  # loads rich.console: as above

            self._panel = Panel(header, self._palette, self._glyphs)

    # --- the history ---

    def above(self, event: Event, state: RunState, moment: Moment) -> list[str]:  # noqa: ARG002  # the port's signature
        """Return the lines that `event` adds to the history: failures, retries, text, whole and unwrapped."""
        lines = self._history.lines(event, state)
        if self._troubles and (lines or isinstance(event, RunEnded) or not state.tasks):
            return self._told() + lines
        return lines

    def _told(self) -> list[str]:
        troubles, self._troubles = self._troubles, []
        return [self._palette.paint("mainstage.prefix", "mainstage: ") + text for text in troubles]

    # --- the picture ---

    def rows(self, state: RunState, moment: Moment) -> list[str]:
        """Return the rows for `moment`, or the summary if it is the final one."""
        columns, height = moment.size
        if moment.final:
            told = [crop(line, columns) for line in self._told()]
            return told + self._summary.lines(state, moment.now, columns)
        if not state.sources and not state.counts.seen:
            return []
        kept, self._kept = self._kept, None
        if kept is not None and moment.moved is not None and moment.now < kept.until and moment.size == kept.size:
            self._painter.reread(moment.moved, moment.now)
            self._kept = kept
            return self._tasks(kept.chosen, state, moment, with_run=kept.with_run)
        room = room_for_rows(height)
        lines = [] if self._panel is None else self._header(self._panel, state, moment)[: max(0, room - 2)]
        room -= len(lines)
        if self.browse.chosen:
            return lines + self._chosen(state, moment, room)
        alone = is_single_track(state) and state.stop is None
        chosen = choose(state, moment.now, room if alone else room - 1)
        self.shown = [task.id for _, task in chosen.shown]
        until = min(self._painter.read(chosen.shown, moment.now), grown_at(state, moment.now))
        lines += self._tasks(chosen, state, moment, with_run=not alone)
        if columns < NARROWEST:
            return [crop(line, max(1, columns - 1)) for line in lines]
        if self._panel is None and self._columns is None:
            self._kept = Kept(chosen, not alone, moment.size, until)
        return lines

    def _tasks(self, chosen: Chosen, state: RunState, moment: Moment, *, with_run: bool) -> list[str]:
        columns, now = moment.size.columns, moment.now
        layout = self._painter.arrange(columns, self._run.title(state)[1] if with_run else 0)
        lines = None if self._columns is None else self._by_columns(self._columns, chosen, moment)
        if lines is None:
            lines = self._painter.compose(layout)
        if chosen.hidden:
            more = clip(f"  + {units.count(chosen.hidden)} more", max(0, columns - 1), self._glyphs.ellipsis)
            lines.append(self._palette.paint("mainstage.dim", more))
        if with_run:
            lines.append(self._run.line(state, now, layout, columns))
        return lines

    def _chosen(self, state: RunState, moment: Moment, room: int) -> list[str]:
        """Return the rows of what `browse` chooses, and that of the run."""
        columns, now = moment.size.columns, moment.now
        window = look(state, self.browse, max(1, room - 1))
        chosen = Chosen(window.live(), 0)
        self.shown = [task.id for _, task in chosen.shown]
        self._painter.read(chosen.shown, now)
        layout = self._painter.arrange(columns, self._run.title(state)[1])
        lines = None if self._columns is None else self._by_columns(self._columns, chosen, moment)
        if lines is None or len(lines) != len(chosen.shown):
            lines = self._painter.compose(layout)
        lines = self._browsed.compose(window, lines, self.browse, columns, max(1, room - 1))
        lines.append(self._run.line(state, now, layout, columns))
        return [crop(line, max(1, columns - 1)) for line in lines] if columns < NARROWEST else lines

    # --- what users plug in ---

    def _by_columns(self, columns: ColumnRows, chosen: Chosen, moment: Moment) -> list[str] | None:
        room = len(chosen.shown)
        try:
            lines = columns.lines(chosen.shown, moment.now, moment.size.columns, borrowed=moment.borrowed)
        except Exception as error:  # noqa: BLE001  # a user's code: told once, and our own rows take over
            self._columns = None
            self._trouble("a column", error)
            return None
        return None if lines is None else lines[:room]

    def _header(self, panel: Panel, state: RunState, moment: Moment) -> list[str]:
        try:
            return panel.lines(state, moment.now, moment.size.columns, borrowed=moment.borrowed)
        except Exception as error:  # noqa: BLE001  # as above
            self._panel = None
            self._trouble("the header", error)
            return []

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
            grown = grown_at(state, drawn_at)
            when = drawn_at + CLOCK if grown == NEVER else max(drawn_at + self.interval, grown)
        else:
            return None
        return when if state.started_at is None else max(when, state.started_at + HEAD_START)


def grown_at(state: RunState, now: float) -> float:
    """Return when the youngest task is old enough for a row; `NEVER`: it is."""
    last = next(reversed(state.tasks.values()), None)
    return last.started_at + YOUNG if last is not None and last.started_at > now - YOUNG else NEVER


def room_for_rows(height: int) -> int:
    """Return how many rows a screen of `height` may give us; the rest is the text's."""
    if height >= TALL:
        return height - height // 4
    return max(1, height - 2)


def is_single_track(state: RunState) -> bool:
    """Return whether the run is one task and nothing else is expected."""
    return state.counts.running + state.counts.waiting == 1 and state.expected == 1 and not state.open_ended


def choose(state: RunState, now: float, room: int) -> Chosen:
    """Choose the tasks for `room` rows, in the order in which they started: rows stay where they are.

    Top-level ones come first, those that wait for a retry last; what room is left is shared by the nested ones. Looks
    at a few times `room` tasks at most, however many there are. If not all find room, a row is kept for saying so.
    """
    if room <= 0:
        return Chosen([], 0)
    crowded = len(state.tasks) > room > 1
    room -= crowded
    top = _top(state, now, room)
    shown = list(_with_nested(state, top, now, room)) if state.children else [(0, task) for task in top]
    return Chosen(shown, len(state.tasks) - len(shown) if crowded and len(shown) == room else 0)


def _top(state: RunState, now: float, room: int) -> list[TaskState]:
    tasks, grown = state.tasks, now - YOUNG
    found = (
        task
        for task in islice(tasks.values(), LOOK * room + LOOK)
        if (task.started_at <= grown or task.attempt > 1) and (task.parent is None or task.parent not in tasks)
    )
    if not (state.counts.waiting or state.nested.waiting):
        return list(islice(found, room))
    top = list(found)
    last = sorted(top, key=lambda task: task.waiting)[:room]
    kept = {task.id for task in last}
    return [task for task in top if task.id in kept]


def _with_nested(state: RunState, top: Sequence[TaskState], now: float, room: int) -> Iterator[tuple[int, TaskState]]:
    spare = room - len(top)
    for place, task in enumerate(top):
        yield 0, task
        if task.id not in state.children or spare <= 0:
            continue
        parents = sum(1 for other in top[place:] if other.id in state.children)
        for found in islice(_below(state, task, now), -(-spare // parents)):
            spare -= 1
            yield found


def _below(state: RunState, root: TaskState, now: float) -> Iterator[tuple[int, TaskState]]:
    levels = [iter(state.children[root.id].values())]
    while levels:
        task = next(levels[-1], None)
        if task is None:
            levels.pop()
            continue
        if now - task.started_at >= YOUNG or task.attempt > 1:
            yield len(levels), task
        if task.id in state.children:
            levels.append(iter(state.children[task.id].values()))
