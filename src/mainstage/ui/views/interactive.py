"""A view that keys change: it holds what was chosen, hands it to the layout, and says what the layout does not.

That is a line at the bottom for what is being typed, asked or held, and the list of keys over the tasks.
"""

from __future__ import annotations

from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING

from mainstage.ui.views import Size
from mainstage.ui.views.keymap import HELP, ShowLayout, handle_key
from mainstage.ui.views.row_choice import room_for_rows
from mainstage.ui.views.selection import Selection
from mainstage.ui.views.text import clip, one_line, width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext, View
    from mainstage.ui.views.keymap import Action
    from mainstage.ui.views.palette import Glyphs, Palette

KEYS_WIDTH = max(len(keys) for keys, _ in HELP)
WIDE = 2 + KEYS_WIDTH + max(len(what) for _, what in HELP)
"""Cells from which on each key has a line."""
OTHERS = 2
"""Rows of a picture that are no tasks', mostly: how many there are elsewhere, and the run."""


class KeyedView:
    """One of several layouts, shown as keys choose.

    `layouts` makes each by its name, when it is first looked at; one with an attribute `browse` gets the `Selection`.
    """

    def __init__(self, layouts: Mapping[str, Callable[[], View]], first: str, palette: Palette, glyphs: Glyphs) -> None:
        self.browse = Selection()
        self.layout = first
        """The name of the one that is looked at."""
        self._layouts = layouts
        self._made: dict[str, View] = {}
        self._said: list[str] = []
        """What the last layout had held back from the history."""
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

    @property
    def wants_events(self) -> bool:
        """The layout's."""
        return getattr(self._view, "wants_events", True)

    # --- keys ---

    def handle_key(self, key: str, state: RunState) -> Action | None:
        """Change what is chosen as `key` says; return what is to be done by others."""
        self.browse, action = handle_key(self.browse, key, state, self._page)
        if isinstance(action, ShowLayout):
            self._show(action, state)
            return None
        return action

    def _show(self, wanted: ShowLayout, state: RunState) -> None:
        names = list(self._layouts)
        at = names.index(self.layout) + 1 if wanted.number is None else wanted.number - 1
        if wanted.number is None or at < len(names):
            self.browse = Selection(held=self.browse.held)  # with anything chosen there is a list, and no layout to see
            self.layout = names[at % len(names)]
            leave = getattr(self._view, "flush_held", None)
            self._said += leave(state) if leave is not None else []
            self._view = self._make(self.layout)

    def _make(self, name: str) -> View:
        if name not in self._made:
            self._made[name] = self._layouts[name]()
        return self._made[name]

    # --- the picture ---

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the layout says."""
        said, self._said = self._said, []
        return said + self._view.history_lines(event, state, moment)

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return the layout's rows, and below them the line that keys ask for."""
        if moment.final:
            return self._said + self._view.rows(state, moment)
        columns, height = moment.size
        line = self._line(state, columns)
        height -= bool(line)
        self._page = max(1, room_for_rows(height) - OTHERS)
        if hasattr(self._view, "browse"):
            self._view.browse = self.browse
        rows = self._view.rows(state, moment._replace(size=Size(columns, max(1, height))))
        if self.browse.help:
            room = room_for_rows(height)
            rows = [*self._help(columns, max(1, room - 1)), *(rows[-1:] if room > 1 else [])]
        return rows + line

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return what the layout does."""
        return self._view.due(state, drawn_at, dirty=dirty)

    def _line(self, state: RunState, columns: int) -> list[str]:
        browse, glyphs = self.browse, self._glyphs
        if browse.prompt is not None:
            style, text = "bold", f"/{glyphs.name(browse.prompt)}_"
            while width(text) >= columns > 1:
                text = text[1:]  # what is typed last is seen
            if width(text) < columns // 2:
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
        lines = _help_lines(max(1, columns - 1))
        most = max(0, len(lines) - room)
        top = min(self.browse.help_top, most)
        self.browse = self.browse._replace(help_top=top)  # no key goes beyond the end
        if top == most or room == 1:
            return lines[top : top + room]
        shown = lines[top : top + room - 1]
        return [*shown, f"+ {len(lines) - top - len(shown)} more: down"[: columns - 1]]


@lru_cache(4)
def _help_lines(cells: int) -> list[str]:
    """Return the list of keys in lines of at most `cells`."""
    if cells >= WIDE:
        return [f" {keys:<{KEYS_WIDTH}}  {what}"[:cells] for keys, what in HELP]
    return [line for keys, what in HELP for line in wrap(f"{keys}: {what}", cells, subsequent_indent=" ")]
