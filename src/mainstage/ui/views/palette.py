"""Colours and characters: style names become SGR sequences once, and state never rests on colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import quote

from rich.color import ANSI_COLOR_NAMES, ColorSystem
from rich.default_styles import DEFAULT_STYLES
from rich.errors import StyleSyntaxError
from rich.style import Style
from rich.theme import Theme

from mainstage.core.names import nearest
from mainstage.errors import DisplayError, WorkerLost
from mainstage.ui.views.foreign import LONGEST_NAME, RESET, clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstage.events import ErrorReport

Color: TypeAlias = Literal["truecolor", "256", "16", "none"]

STYLES: Mapping[str, str] = {
    "mainstage.title": "bold",
    "mainstage.running": "cyan",
    "mainstage.done": "green",
    "mainstage.failed": "bold red",
    "mainstage.waiting": "yellow",
    "mainstage.cancelled": "yellow",
    "mainstage.slow": "bold yellow",
    "mainstage.stopping": "bold yellow",
    "mainstage.status": "dim",
    "mainstage.dim": "dim",
    "mainstage.prefix": "cyan",
    "bar.complete": "cyan",
    "bar.finished": "green",
    "bar.pulse": "cyan",
    "bar.back": "bright_black",
    "progress.percentage": "none",
    "progress.download": "none",
    "progress.filesize": "none",
    "progress.remaining": "cyan",
    "progress.elapsed": "dim",
    "progress.data.speed": "dim",
}
"""Our styles, and Rich's where ours differ: red is a failure's alone, and all are of the terminal's own colours."""

SYSTEMS: Mapping[Color, ColorSystem] = {
    "truecolor": ColorSystem.TRUECOLOR,
    "256": ColorSystem.EIGHT_BIT,
    "16": ColorSystem.STANDARD,
}

LOST = WorkerLost.__name__
ATTRIBUTES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "underline": "4",
    "blink": "5",
    "blink2": "6",
    "reverse": "7",
    "conceal": "8",
    "strike": "9",
    "underline2": "21",
    "frame": "51",
    "encircle": "52",
    "overline": "53",
}
"""What Rich calls them, and their SGR codes."""


class Palette:
    """Says how a named style looks on a terminal of these colours.

    `theme` changes or adds styles by name, as Rich's themes do. `files` is what addresses of files begin with where the
    terminal takes links ("file://host"); "": it takes none.
    """

    def __init__(
        self, color: Color = "truecolor", theme: Theme | Mapping[str, str] | None = None, *, files: str = ""
    ) -> None:
        self.color: Color = color
        self.files = files
        self.system = SYSTEMS.get(color)
        """Rich's name of the colours; None: no SGR at all."""
        given = theme if isinstance(theme, Theme) else Theme(dict(theme or {}), inherit=False)
        self.theme = Theme({**STYLES, **_changed(given.styles)})
        self._sgr: dict[str | Style, str] = {}

    def sgr(self, style: str | Style) -> str:
        """Return the sequence that turns `style` on, "" for none; an unknown name is no style."""
        try:
            return self._sgr[style]
        except KeyError:
            return self._sgr.setdefault(style, self._begin(style))

    def paint(self, style: str | Style, text: str) -> str:
        """Return `text` in `style`."""
        begin = self.sgr(style)
        return f"{begin}{text}{RESET}" if begin and text else text

    def link(self, text: str, path: str) -> str:
        """Return `text`, not yet painted, as a link to the file at the absolute `path`; as it is if that is none."""
        if not self.files or not text or not path.startswith("/"):
            return text
        try:
            address = quote(path, errors="surrogateescape")
        except UnicodeError:  # no file has such a name
            return text
        return f"\x1b]8;;{self.files}{address}\x1b\\{text}\x1b]8;;\x1b\\"

    def _begin(self, style: str | Style) -> str:
        if self.system is None:
            return ""
        if isinstance(style, str):
            found = self.theme.styles.get(style)
            try:
                style = found if found is not None else Style.parse(style)
            except StyleSyntaxError:
                return ""
        return _sequence(style, self.system)


def check_theme(theme: Theme | Mapping[str, str] | None) -> None:
    """Raise `DisplayError` for a style that is none, or a name that is nearly one of ours or of Rich's.

    Other names are a program's own, for what it draws in a `Dashboard`.
    """
    if theme is None:
        return
    known = {*STYLES, *DEFAULT_STYLES}
    for name, style in (theme.styles if isinstance(theme, Theme) else theme).items():
        near = "" if name in known else nearest(name, known)
        if near:
            raise DisplayError(f"theme= has no style {name!r}{near}")
        if isinstance(style, str) and not _is_style(style):
            wrong = next((word for word in style.split() if not _is_style(word)), style)
            meant = nearest(wrong, (*ANSI_COLOR_NAMES, *ATTRIBUTES))
            raise DisplayError(f"theme= {name!r}: {wrong!r} is no colour or attribute{meant}")


def _is_style(text: str) -> bool:
    if text in ("on", "not", "link"):
        return True
    try:
        Style.parse(text)
    except StyleSyntaxError:
        return False
    return True


def _changed(styles: Mapping[str, Style]) -> Mapping[str, Style]:
    """Return the styles that the user chose, where a theme has all of Rich's beside them."""
    if not DEFAULT_STYLES.keys() <= styles.keys():
        return styles
    return {name: style for name, style in styles.items() if style != DEFAULT_STYLES.get(name)}


def _sequence(style: Style, system: ColorSystem) -> str:
    # Not `Style.render`: it keeps the codes of the first colour system that a style was ever rendered for. A link is no
    # SGR and would outlive a clipped row: left out.
    codes = [code for name, code in ATTRIBUTES.items() if getattr(style, name)]
    if style.color is not None:
        codes += style.color.downgrade(system).get_ansi_codes(foreground=True)
    if style.bgcolor is not None:
        codes += style.bgcolor.downgrade(system).get_ansi_codes(foreground=False)
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def is_lost(kind: str) -> bool:
    """Return whether it is not the task that failed, where an error is of this type: its worker died."""
    return kind == LOST


class Glyphs:
    """The characters that pictures are made of; all are one cell wide, but for the ellipsis in ASCII.

    `encoding` is what the place can take: names are escaped to it, so that a glyph never raises and a row never grows.
    By default UTF-8 with `unicode`, ASCII without; `Glyphs(unicode=False, encoding="utf-8")` keeps names readable where
    only our own symbols are unwanted (a screen reader). `prefix`: lines of workers begin with their names.
    """

    def __init__(self, *, unicode: bool = True, encoding: str | None = None, prefix: bool = True) -> None:
        self.unicode = unicode
        self.prefix = prefix
        self.encoding = encoding or ("utf-8" if unicode else "ascii")
        self.running = "▸" if unicode else ">"
        self.spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if unicode else "|/-\\"
        self.done = "✓" if unicode else "+"
        self.failed = "✗" if unicode else "x"
        self.lost = "↯" if unicode else "%"
        self.waiting = "↻" if unicode else "~"
        self.cancelled = "⊘" if unicode else "-"
        self.slow = "!"
        self.within = "›" if unicode else ">"  # noqa: RUF001  # between the names of what is in what
        self.idle = "·" if unicode else "."
        self.cell = "■" if unicode else "#"
        self.branch = "├─ " if unicode else "|- "
        self.last_branch = "└─ " if unicode else "`- "
        self.stem = "│  " if unicode else "|  "
        self.full = "━" if unicode else "#"
        self.half = "╸" if unicode else "#"
        self.back = "─" if unicode else "."
        self.ellipsis = "…" if unicode else "..."
        self.bar = "│" if unicode else "|"

    def mark(self, error: ErrorReport) -> str:
        """Return the mark of a task that ended by `error`: it failed, or its worker was lost."""
        return self.lost if is_lost(error.type) else self.failed

    def name(self, text: str) -> str:
        """Return the name `text` of a thing, safe to show."""
        return clean(text[:LONGEST_NAME], sgr=False, encoding=self.encoding)

    def line(self, text: str) -> str:
        """Return the line `text` of a program's output, safe to show, its colours kept."""
        return clean(text, encoding=self.encoding)
