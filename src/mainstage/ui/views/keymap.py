"""What a key does: from what is chosen and a key to what is chosen then, and what is to be done. Pure.

Four modes, told by the value itself: a filter is typed (`prompt`), a question stands (`asked`), the list of keys is
open (`help`), or none of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mainstage.core.commands import Cancel, Hold
from mainstage.ui.views.selection import Selection, listing, number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstage.ui.state.run import RunState


class ShowLayout(NamedTuple):
    """Look at it in another layout: the one of this `number`, from 1, or (None) the next one."""

    number: int | None = None


class Repaint(NamedTuple):
    """Draw everything anew."""


class Quit(NamedTuple):
    """Stop as one Ctrl-C does."""


Action: TypeAlias = Cancel | Hold | ShowLayout | Repaint | Quit
Pressed: TypeAlias = "tuple[Selection, Action | None]"

HELP = (
    ("up down j k", "scroll; move the selection"),
    ("PgUp PgDn", "scroll by a screen"),
    ("Home End", "to the first, to the last"),
    ("Tab", "select a task; Shift-Tab: back"),
    ("Enter Space", "open or fold a failure's traceback"),
    ("/", "filter by text; Enter keeps it"),
    ("Esc", "select nothing; then: show all"),
    ("l 1..9", "next layout; that layout"),
    ("p", "hold new work; again: go on"),
    ("x", "cancel the selected task; y: yes"),
    ("Ctrl-L", "repaint"),
    ("q", "stop, as one Ctrl-C"),
    ("?", "this list"),
)
"""Keys, and what they do."""
OVERLAY_CLOSES = frozenset({"?", "q", "esc", "enter", " "})
DIGITS = frozenset("123456789")
REASON = "cancelled by a key"
FAR = 1000
"""Lines beyond the end of the list of keys: how long it is, its width decides; whoever draws it stops there."""


def handle_key(browse: Selection, key: str, state: RunState, page: int = 10) -> Pressed:
    """Return what is chosen once `key` was pressed, and what is to be done; `page` is how many tasks stand on a screen.

    A key that means nothing changes nothing.
    """
    if key == "ctrl-l":
        return browse, Repaint()
    if browse.prompt is not None:
        return _typed(browse, browse.prompt, key, state, page), None
    if browse.asked is not None:
        return _answered(browse, browse.asked, key, state)
    if browse.help:
        return _in_help(browse, key, page), None
    return _in_list(browse, key, state, page)


# --- modes ---


def _typed(browse: Selection, prompt: str, key: str, state: RunState, page: int) -> Selection:
    """A filter is typed, and applied as it is."""
    if key == "enter":
        return browse._replace(prompt=None)
    if key == "esc":
        return browse._replace(prompt=None, filter="", top=0)
    if key == "backspace":
        prompt = prompt[:-1]
    elif key == "ctrl-u":
        prompt = ""
    elif len(key) == 1:
        prompt += key
    else:
        return _moved(browse, key, state, page) if key in _MOVES else browse
    return browse._replace(prompt=prompt, filter=prompt, top=0)


def _answered(browse: Selection, asked: int, key: str, state: RunState) -> Pressed:
    """Whether to cancel was asked: only yes is yes."""
    browse = browse._replace(asked=None)
    if key in ("y", "Y", "x") and asked in state.tasks:
        return browse, Cancel(asked, REASON)
    return browse, None


def _in_help(browse: Selection, key: str, page: int) -> Selection:
    if key in OVERLAY_CLOSES:
        return browse._replace(help=False, help_top=0)
    if key in _MOVES:
        return browse._replace(help_top=max(0, _MOVES[key](browse.help_top, page, FAR)))
    return browse


def _in_list(browse: Selection, key: str, state: RunState, page: int) -> Pressed:
    if key in _MOVES:
        return _moved(browse, key, state, page), None
    if key in _ACTIONS:
        return _ACTIONS[key](browse, state)
    if key in DIGITS:
        return browse, ShowLayout(int(key))
    return browse, None


# --- the list ---

_MOVES: Mapping[str, Callable[[int, int, int], int]] = {
    "up": lambda at, _page, _count: at - 1,
    "k": lambda at, _page, _count: at - 1,
    "backtab": lambda at, _page, _count: at - 1,
    "down": lambda at, _page, _count: at + 1,
    "j": lambda at, _page, _count: at + 1,
    "tab": lambda at, _page, _count: at + 1,
    "pgup": lambda at, page, _count: at - page,
    "pgdn": lambda at, page, _count: at + page,
    "home": lambda _at, _page, _count: 0,
    "end": lambda _at, _page, count: count - 1,
}
"""Where each leads from place `at` in a list of `count`."""


def _moved(browse: Selection, key: str, state: RunState, page: int) -> Selection:
    """Move the selection, and the list with it; without one, the list, if there is more of it than a screen holds."""
    numbers = [number_of(one) for _, one in listing(state, browse)]
    if not numbers:
        return browse._replace(top=0, selected=None)
    last = max(0, len(numbers) - page)
    selects = key in ("tab", "backtab")
    if browse.selected is None and last and not selects:
        return browse._replace(top=max(0, min(_MOVES[key](browse.top, page, len(numbers)), last)))
    top = min(browse.top, last)
    if browse.selected in numbers:
        at = _MOVES[key](numbers.index(browse.selected), page, len(numbers))
        at = at % len(numbers) if selects else max(0, min(at, len(numbers) - 1))
    else:
        at = len(numbers) - 1 if key in ("backtab", "end") else top  # the first one that is seen
    top = max(min(top, at), at - page + 1)
    return browse._replace(selected=numbers[at], top=top)


def _unfold(browse: Selection, state: RunState) -> Pressed:
    """Open or fold the traceback of the selected failure; with nothing selected, that of the last one."""
    failures = state.failures
    selected = browse.selected
    if failures and selected not in failures and selected not in state.tasks:  # none is, or it has ended
        selected = next(reversed(failures))
    if selected is None or selected not in failures:
        return browse, None
    return browse._replace(selected=selected, unfolded=browse.unfolded ^ {selected}), None


def _back(browse: Selection, _state: RunState) -> Pressed:
    if browse.selected is not None:
        return browse._replace(selected=None), None
    return Selection(held=browse.held), None


# --- what is to be done ---


def _ask(browse: Selection, state: RunState) -> Pressed:
    """Ask whether to cancel what is selected: a nested task ends with the one that it is part of."""
    task = state.tasks.get(browse.selected) if browse.selected is not None else None
    while task is not None and task.parent in state.tasks:
        task = state.tasks[task.parent]
    return (browse, None) if task is None else (browse._replace(asked=task.id), None)


def _hold(browse: Selection, _state: RunState) -> Pressed:
    return browse._replace(held=not browse.held), Hold(on=not browse.held)


_ACTIONS: Mapping[str, Callable[[Selection, RunState], Pressed]] = {
    "enter": _unfold,
    " ": _unfold,
    "esc": _back,
    "/": lambda browse, _state: (browse._replace(prompt=browse.filter), None),
    "?": lambda browse, _state: (browse._replace(help=True), None),
    "l": lambda browse, _state: (browse, ShowLayout()),
    "p": _hold,
    "x": _ask,
    "q": lambda browse, _state: (browse, Quit()),
}
