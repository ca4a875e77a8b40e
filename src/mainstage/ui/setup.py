"""What a run is shown with: from arguments and environment to a view, a display and recorders."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.core.clock import SystemClock
from mainstage.core.descriptors import reserve_standard
from mainstage.errors import DisplayError
from mainstage.events import TaskEnded, TextWritten
from mainstage.ui.display.detect import DisplayTarget, choose_target
from mainstage.ui.display.jsonl import JsonlDisplay
from mainstage.ui.display.keyboard import Keyboard, KeyedDisplay, open_keyboard
from mainstage.ui.display.runlog import RunLog
from mainstage.ui.display.stream import NullDisplay, StreamDisplay
from mainstage.ui.display.terminal import TerminalDisplay, demanded_size
from mainstage.ui.views.interactive import KeyedView
from mainstage.ui.views.layouts import LAYOUTS, factory
from mainstage.ui.views.live import LiveView
from mainstage.ui.views.palette import Glyphs, Palette, check_theme
from mainstage.ui.views.plain import PlainView, SilentView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.progress import ProgressColumn
    from rich.theme import Theme

    from mainstage.events import Event
    from mainstage.ui.display import Display
    from mainstage.ui.display.recorder import Recorder
    from mainstage.ui.display.settings import Keys
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext, View
    from mainstage.ui.views.layouts import Factory, Layout

SHORT = 0.5
"""Seconds in which nothing is drawn, and after which a run that nobody opened by name is worth a line."""


class RecordOnlyView(SilentView):
    """Shows nothing, and has moving positions read once a second, for recorders of events."""

    interval = 1.0


class DelayedView:
    """A view for a run that was opened implicitly: in its first half second it shows text and what loops leave alone.

    Failures of that time are shown when it is older, or never: their futures have them.
    """

    def __init__(self, view: View) -> None:
        self.interval = view.interval
        self.shown = view.shown
        self.wants_events = getattr(view, "wants_events", True)
        self._view = view
        self._held: list[str] = []

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does, or keep it."""
        lines = self._view.history_lines(event, state, moment)
        if isinstance(event, TextWritten | TaskEnded):  # the line that a loop leaves is no run's
            return lines
        self._held += lines
        return self._told(state, moment)

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does; nothing before there is a task, and at the end of a short run."""
        if not (state.seen or state.sources or moment.final):
            return []
        rows = self._view.rows(state, moment)
        self.shown = self._view.shown
        if not moment.final:
            return rows
        return [*self._told(state, moment), *rows] if self.is_old(state, moment) else []

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return what the view does."""
        return self._view.due(state, drawn_at, dirty=dirty)

    def _told(self, state: RunState, moment: FrameContext) -> list[str]:
        if not self.is_old(state, moment):
            return []
        held, self._held = self._held, []
        return held

    @staticmethod
    def is_old(state: RunState, moment: FrameContext) -> bool:
        """Return whether the run is old enough to be told of."""
        began = state.started_at
        return state.stop is not None or (began is not None and moment.now - began >= SHORT)


class UI(NamedTuple):
    """A view on a display; `animated` says that it wants pictures while the owner is away.

    `keyed` are the keyboard and the view that it changes, where keys were asked for; `remarks` what is to be said.
    """

    view: View
    display: Display
    recorders: Sequence[Recorder]
    fallback: Callable[[], tuple[View, Display]] | None
    animated: bool
    keyed: tuple[Keyboard, KeyedView] | None = None
    remarks: Sequence[str] = ()
    watchers: Sequence[Callable[[RunState, float], None]] = ()
    """Told the state before each picture."""
    look: tuple[Palette, Glyphs] | None = None
    """The colours and characters of a terminal that is drawn on; None: it is none."""
    shell: Any = None
    """The shell whose cells show it, in a notebook."""
    new_display: Callable[[], Display] | None = None
    """Makes another display on the same place, once that is closed; None: it has no last lines."""

    def close(self) -> None:
        """Close what was opened, and show nothing."""
        if self.keyed is not None:
            self.keyed[0].close()
        self.display.close([], [])
        for recorder in self.recorders:
            close = getattr(recorder, "close", None)
            if close is not None:
                close()


class LayoutOptions(NamedTuple):
    """How a live view looks: "" for what MAINSTAGE_LAYOUT says, or bars; `columns` are for bars."""

    layout: str | Layout = ""
    columns: Sequence[str | ProgressColumn] | None = None
    theme: Theme | Mapping[str, str] | None = None
    log: str = ""
    """The name of the log file, for the last lines."""
    prefix: bool = True
    """Whether lines of workers begin with the names of their tasks."""
    places: bool = False
    """Whether the line of each failure says where in the source it came from, in the live view too."""


def build_ui(
    view: str | View,
    style: LayoutOptions = LayoutOptions(),  # noqa: B008  # nothing changes it
    *,
    log: str | os.PathLike[str] | None = None,
    display: Display | None = None,
    discreet: bool = False,
    keys: Keys | None = None,
) -> UI:
    """Return what to show with; `DisplayError` names an argument that makes no sense, or a log that does not open.

    `keys` "auto": where they can be had; True: a remark says why where they cannot, though the view is live.
    """
    if not isinstance(view, str) and not hasattr(view, "history_lines"):
        raise TypeError(f"view={view!r} is neither the name of a view nor a View")
    check_theme(style.theme)
    reserve_standard()
    recorders: list[Recorder] = [RunLog(log)] if log is not None else []
    name = view if isinstance(view, str) else "auto"
    place = choose_target(os.environ, sys.stdout, sys.stderr, view=name)
    if place.view == "json" and display is None and isinstance(view, str):
        lines = JsonlDisplay(place.stream)
        return UI(RecordOnlyView(), lines, [lines, *recorders], None, animated=True)
    style = style._replace(log=os.fspath(log) if log is not None else "")
    shown: View = _view(place, style) if isinstance(view, str) else view
    if place.view == "notebook" and display is None:
        return _in_cell(place, style, shown, recorders, discreet=discreet)
    where = display or _display(place)
    spare = None if place.view == "silent" else partial(_spare, place, style)
    if discreet:
        shown = DelayedView(shown)
    watchers = [where.tell] if isinstance(where, TerminalDisplay) else []
    look = (_palette(place, style), _glyphs(place, style)) if isinstance(where, TerminalDisplay) else None
    staged = UI(shown, where, recorders, spare, animated=place.view != "silent", watchers=watchers, look=look)
    if display is None:
        staged = staged._replace(new_display=partial(_display, place))
    if not keys or place.view != "live" or display is not None:
        return staged
    layouts, first = _layouts(staged.view, style if isinstance(view, str) else None, place)
    keyed = KeyedView(layouts, first, _palette(place, style), _glyphs(place, style))
    return _keyed(staged, keyed, told=keys is True)


def _in_cell(
    place: DisplayTarget, style: LayoutOptions, view: View, recorders: Sequence[Recorder], *, discreet: bool
) -> UI:
    """Return `view` in the output of a notebook's cell; these modules are loaded nowhere else."""
    from mainstage.ui.display.marimo import MarimoDisplay  # noqa: PLC0415
    from mainstage.ui.display.notebook import SIZE, NotebookDisplay  # noqa: PLC0415
    from mainstage.ui.views.kept_lines import KeepingView  # noqa: PLC0415

    shown = KeepingView(view, DelayedView.is_old if discreet else lambda *_: True)
    size = demanded_size(os.environ, SIZE)
    display: Display = (
        MarimoDisplay(shown.kept, size) if place.shell is None else NotebookDisplay(place.shell, shown.kept, size=size)
    )
    return UI(
        DelayedView(shown) if discreet else shown,
        display,
        recorders,
        partial(_spare, place, style),
        animated=place.shell is not None,  # marimo takes no picture in the middle of other code
        shell=place.shell,
        new_display=lambda: display,  # the last lines take the place of the picture
    )


def _keyed(staged: UI, view: KeyedView, *, told: bool) -> UI:
    keyboard = open_keyboard(sys.stdin)
    if isinstance(keyboard, str):
        return staged._replace(remarks=[f"keys are off: {keyboard}"] if told else ())
    return staged._replace(view=view, display=KeyedDisplay(staged.display, keyboard), keyed=(keyboard, view))


def _view(place: DisplayTarget, style: LayoutOptions) -> View:
    make = _layout(style)
    if place.view == "silent":
        return SilentView()
    if place.view == "plain":
        return _with_log_path(_plain(place, style), style)
    return _with_log_path(make(_palette(place, style), _glyphs(place, style)), style)


def _palette(place: DisplayTarget, style: LayoutOptions) -> Palette:
    return Palette(place.color, style.theme, files=place.files)


def _glyphs(place: DisplayTarget, style: LayoutOptions) -> Glyphs:
    return Glyphs(unicode=place.unicode, prefix=style.prefix)


def _with_log_path(view: View, style: LayoutOptions) -> View:
    """Return `view`, told where the log is, where it says such things."""
    summary = getattr(view, "summary", None)
    if summary is not None and style.log:
        summary.log, summary.log_file = style.log, os.path.abspath(style.log)  # noqa: PTH100  # it may not exist
    if style.places and isinstance(view, LiveView):
        view.add_places()
    return view


def _made(make: Factory, palette: Palette, glyphs: Glyphs, style: LayoutOptions) -> View:
    return _with_log_path(make(palette, glyphs), style)


def _layouts(
    view: View, style: LayoutOptions | None, place: DisplayTarget
) -> tuple[dict[str, Callable[[], View]], str]:
    """Return the layouts to change between, and the name of that of `view`; no `style`: there is no other."""
    if style is None:
        return {"": lambda: view}, ""
    given = style.layout or os.environ.get("MAINSTAGE_LAYOUT", "") or next(iter(LAYOUTS))
    first = given if isinstance(given, str) else "dashboard"
    layouts: dict[str, Callable[[], View]] = {} if first in LAYOUTS else {first: lambda: view}
    for name in LAYOUTS:
        make = factory(name, columns=style.columns)
        palette, glyphs = _palette(place, style), _glyphs(place, style)
        layouts[name] = (lambda: view) if name == first else partial(_made, make, palette, glyphs, style)
    return layouts, first


def _layout(style: LayoutOptions) -> Factory:
    """Return what makes the live view; `DisplayError` for a name that is none, whatever view is taken then."""
    if style.layout:
        return factory(style.layout, columns=style.columns)
    return factory(os.environ.get("MAINSTAGE_LAYOUT", ""), "MAINSTAGE_LAYOUT=", columns=style.columns)


def _spare(place: DisplayTarget, style: LayoutOptions) -> tuple[View, Display]:
    return _plain(place, style), StreamDisplay(place.stream, runner=place.runner)


def _plain(place: DisplayTarget, style: LayoutOptions) -> View:
    return PlainView(
        utc_offset_s=SystemClock().utc_offset(),
        glyphs=_glyphs(place, style),
        groups=place.groups,
    )


def _display(place: DisplayTarget) -> Display:
    if place.view == "silent":
        return NullDisplay()
    if place.view == "live" and place.fd is not None:
        return TerminalDisplay(place.fd, encoding=place.encoding)
    if place.view == "live":
        msg = "view='live' needs a terminal with a file descriptor; take view='plain'"
        raise DisplayError(msg)
    return StreamDisplay(place.stream, runner=place.runner)
