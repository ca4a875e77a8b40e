"""Any Rich renderable as lines: for headers, panels and columns of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich.console import Console

from mainstage.ui.views.palette import Glyphs
from mainstage.ui.views.text import crop
from mainstage.ui.views.user_code import UserCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rich.console import RenderableType
    from rich.segment import Segment

    from mainstage.ui.state.run import RunState
    from mainstage.ui.views.palette import Color, Palette

ColorName = Literal["truecolor", "256", "standard"]
COLOR_NAMES: dict[Color, ColorName] = {"truecolor": "truecolor", "256": "256", "16": "standard"}
NOTHING: Mapping[int, str] = {}
HEIGHT = 100
"""Rows that a renderable may believe to have."""


def console_for(palette: Palette, cells: int) -> Console:
    """Return a console that lays out for `cells` and writes nowhere: only its `render_lines` is for use."""
    return Console(
        width=cells,
        height=HEIGHT,
        color_system=COLOR_NAMES.get(palette.color),
        force_terminal=True,
        force_jupyter=False,
        force_interactive=False,
        no_color=palette.color == "none",
        legacy_windows=False,
        theme=palette.theme,
        _environ={},
    )


def lines_of(
    renderable: RenderableType,
    cells: int,
    palette: Palette,
    glyphs: Glyphs | None = None,
    *,
    height: int | None = None,
) -> list[str]:
    """Return `renderable` as lines of at most `cells`, with SGR sequences and no other controls.

    `height` is for one that fills it, as Rich's layouts do. Raises what the renderable raises.
    """
    glyphs = glyphs or Glyphs()
    console = console_for(palette, max(1, cells))
    options = console.options.copy()
    options.encoding = "utf-8" if glyphs.unicode else "ascii"
    options.height = height
    lines = console.render_lines(renderable, options, pad=False)
    return [crop(line_of(segments, palette, glyphs), cells) for segments in lines]


def line_of(
    segments: Iterable[Segment], palette: Palette, glyphs: Glyphs, restored: Mapping[int, str] = NOTHING
) -> str:
    """Return one rendered line as text, characters replaced as `restored` says, without plain blanks at its end."""
    parts: list[str] = []
    for text, style, control in segments:
        if control or not text:
            continue
        clean = glyphs.name(text.translate(restored) if restored else text)
        parts.append(palette.paint(style, clean) if style else clean)
    return "".join(parts).rstrip(" ")


class RenderablePanel:
    """A renderable above the rows, or a function of (state, now) that returns one."""

    def __init__(
        self, source: RenderableType | Callable[[RunState, float], RenderableType], palette: Palette, glyphs: Glyphs
    ) -> None:
        self._source = source
        self._palette = palette
        self._glyphs = glyphs
        self._lines: list[str] = []
        self._code = UserCode()

    def lines(self, state: RunState, now: float, columns: int, *, borrowed: bool) -> list[str]:
        """Return its lines for a terminal of `columns`; the last ones where its code may not run: see `UserCode`."""
        cells = max(1, columns - 1)
        self._lines = self._code.call(lambda: self._made(state, now, cells), self._lines, borrowed=borrowed)
        return [crop(line, cells) for line in self._lines]

    def _made(self, state: RunState, now: float, cells: int) -> list[str]:
        source = self._source
        renderable = source(state, now) if callable(source) else source
        return lines_of(renderable, cells, self._palette, self._glyphs)
