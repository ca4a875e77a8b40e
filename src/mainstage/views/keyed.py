"""A view that keys change: it holds what was chosen, hands it to the layout, and says what the layout does not.

That is a line at the bottom for what is being typed, asked or held, and the list of keys over the tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.views import Size
from mainstage.views.bars import room_for_rows
from mainstage.views.browse import Browse
from mainstage.views.press import HELP, ShowLayout, press
from mainstage.views.text import clip, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mainstage.events import Event
    from mainstage.state.model import RunState
    from mainstage.views import Moment, View
    from mainstage.views.palette import Glyphs, Palette
    from mainstage.views.press import Action

KEYS_WIDTH = max(len(keys) for keys, _ in HELP)
LEAST_ROWS = 2


class KeyedView:
    """One of several layouts, looked at as keys say.

    `layouts` makes each by its name, when it is first looked at; one with an attribute `browse` is told what is chosen.
    """

    def __init__(
        self, layouts: Mapping[str, Callable[[], View]], first: str, palette: Palette, glyphs: Glyphs
    ) -> None:
        self.browse = Browse()
        self.layout = first
        """The name of the one that is looked at."""
        self._layouts = layouts
        self._made: dict[str, View] = {}
        self._palette = palette
        self._glyphs = glyphs
        self._page = 1
        self._view = self._make(first)

    @property
    def interval(self) -> float:
        """The layout's."""
        return self._view.interval

    @property
    def shown(self) -> Sequence[int]:
        """The layout's."""
        return self._view.shown

    # --- keys ---

    def press(self, key: str, state: RunState) -> Action | None:
        """Change what is chosen as `key` says; return what is to be done by others."""
        self.browse, action = press(self.browse, key, state, self._page)
        if isinstance(action, ShowLayout):
            self._show(action)
            return None
        return action

    def _show(self, wanted: ShowLayout) -> None:
        names = list(self._layouts)
        at = names.index(self.layout) + 1 if wanted.number is None else wanted.number - 1
        if wanted.number is None or at < len(names):
            self.layout = names[at % len(names)]
            self._view = self._make(self.layout)

    def _make(self, name: str) -> View:
        if name not in self._made:
            self._made[name] = self._layouts[name]()
        return self._made[name]

    # --- the picture ---

    def above(self, event: Event, state: RunState, moment: Moment) -> list[str]:
        """Return what the layout says."""
        return self._view.above(event, state, moment)

    def rows(self, state: RunState, moment: Moment) -> list[str]:
        """Return the layout's rows, and below them the line that keys ask for."""
        if moment.final:
            return self._view.rows(state, moment)
        columns, height = moment.size
        line = self._line(state, columns)
        height -= bool(line)
        self._page = max(1, room_for_rows(height) - LEAST_ROWS)
        if hasattr(self._view, "browse"):
            self._view.browse = self.browse
        rows = self._view.rows(state, moment._replace(size=Size(columns, max(1, height))))
        if self.browse.help:
            rows = [*self._help(columns, max(1, room_for_rows(height) - 1)), *rows[-1:]]
        return rows + line

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return what the layout does."""
        return self._view.due(state, drawn_at, dirty=dirty)

    def _line(self, state: RunState, columns: int) -> list[str]:
        browse, glyphs = self.browse, self._glyphs
        if browse.prompt is not None:
            style, text = "bold", f"/{glyphs.name(browse.prompt)}_"
            if len(text) < columns // 2:
                text += "  Enter: keep, Esc: show all"
        elif browse.asked is not None:
            task = state.tasks.get(browse.asked)
            name = glyphs.name(one_line(task.description)) if task is not None else ""
            style, text = "mainstage.stopping", f"cancel? y: yes  {name or f'task {browse.asked}'}"
        elif browse.held or browse.filter:
            held = "held, p: go on" if browse.held else ""
            filtered = f"/{glyphs.name(browse.filter)}" if browse.filter else ""
            style, text = "mainstage.waiting", "  ".join(part for part in (held, filtered) if part)
        else:
            return []
        return [self._palette.paint(style, clip(text, max(0, columns - 1), glyphs.ellipsis))]

    def _help(self, columns: int, room: int) -> list[str]:
        """Return the list of keys, from where it is scrolled to."""
        cells = max(0, columns - 1)
        keys_width = min(KEYS_WIDTH, cells // 2)
        top = min(self.browse.help_top, max(0, len(HELP) - room))
        lines = [f" {keys:<{keys_width}}  {what}" for keys, what in HELP[top : top + room]]
        if columns < 2 * KEYS_WIDTH + LEAST_ROWS:
            lines = [f"{keys}: {what}" for keys, what in HELP[top : top + room]]
        more = len(HELP) - top - room
        if more > 0 and room > 1:
            lines[-1] = f" + {more + 1} more: down"
        return [clip(line, cells, self._glyphs.ellipsis) for line in lines]
