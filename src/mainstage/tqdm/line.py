"""The text of a line as tqdm documents it: sizes, times, the bar, `format_meter`. Functions of their arguments."""

from __future__ import annotations

import re
import unicodedata
import warnings
from typing import TYPE_CHECKING, Any

from mainstage.tqdm.warning import TqdmWarning

if TYPE_CHECKING:
    from collections.abc import Mapping

INF = float("inf")
RESET = "\x1b[0m"
COLOURS: Mapping[str, str] = {
    name: f"\x1b[{code}m"
    for code, name in enumerate(("BLACK", "RED", "GREEN", "YELLOW", "BLUE", "MAGENTA", "CYAN", "WHITE"), 30)
}
BLOCKS = " ▏▎▍▌▋▊▉█"
ASCII = " 123456789#"
BLANK = "  "
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")
DEFAULT_BAR = 10
"""Cells of a bar in a line of no width."""
_ANSI = re.compile(r"\x1b\[[;\d]*[A-Za-z]")
_STYLED = re.compile(rf"({_ANSI.pattern})")
_HEX = re.compile("#[0-9a-fA-F]{6}")
_SPEC = re.compile(r"(-?\d*)([aub]?)")


# --- numbers ---


def format_sizeof(num: float, suffix: str = "", divisor: float = 1000) -> str:
    """Return a number in three digits with the prefix of its size: "1.34M"."""
    for prefix in PREFIXES:
        if abs(num) < 999.5:  # noqa: PLR2004  # it would be shown as 1000
            digits = 2 if abs(num) < 9.995 else 1 if abs(num) < 99.95 else 0  # noqa: PLR2004  # as above
            return f"{num:.{digits}f}{prefix}{suffix}"
        num /= divisor
    return f"{num:.1f}Y{suffix}"


def format_interval(t: float) -> str:
    """Return seconds as [H:]MM:SS."""
    minutes, seconds = divmod(int(abs(t)), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if t < 0 else ""
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes:02}:{seconds:02}"


def format_num(n: float) -> str:
    """Return a number in the shorter of its two forms: all of it, or three digits and an exponent."""
    mantissa, _, exponent = f"{n:.3g}".partition("e")
    short = f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}" if exponent else mantissa
    whole = str(n)
    return short if len(short) < len(whole) else whole


# --- cells ---


def width_of(text: str) -> int:
    """Return how many cells the text takes on a terminal."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(2 if unicodedata.east_asian_width(sign) in "FW" else 1 for sign in _ANSI.sub("", text))


def cut(text: str, cells: int) -> str:
    """Return the text in at most as many cells; a style that it turns on ends with it."""
    if width_of(text) > cells:
        text = "".join(_fitting(text, cells))
    return text if "\x1b" not in text or text.endswith(RESET) else text + RESET


def _fitting(text: str, cells: int) -> list[str]:
    kept: list[str] = []
    for number, part in enumerate(_STYLED.split(text)):
        if number % 2:
            kept.append(part)
            continue
        for sign in part:
            cells -= width_of(sign)
            if cells < 0:
                return kept
            kept.append(sign)
    return kept


# --- the bar ---


class MeterBar:
    """The bar of a line; `format` it with a width, and with "a", "u" or "b" for ASCII, blocks or blanks."""

    ASCII = ASCII
    UTF = BLOCKS
    BLANK = BLANK

    def __init__(
        self, frac: float, default_len: int = DEFAULT_BAR, charset: str = BLOCKS, colour: str | None = None
    ) -> None:
        """Take the fraction that is done, clamped with a warning."""
        if not 0 <= frac <= 1:
            warnings.warn("clamping frac to range [0, 1]", TqdmWarning, stacklevel=2)
            frac = max(0.0, min(1.0, frac))
        self.frac = frac
        self.default_len = default_len
        self.charset = charset
        self.colour = colour

    def __format__(self, spec: str) -> str:
        match = _SPEC.fullmatch(spec)
        if match is None:
            raise ValueError(f"{spec!r} is no width of a bar: take a number, then a, u or b for its characters")
        cells, kind = match.groups()
        signs = {"a": ASCII, "u": BLOCKS, "b": BLANK}.get(kind, self.charset)
        room = int(cells) if cells else self.default_len
        text = _filled(self.frac, room + self.default_len if room < 0 else room, signs)
        begin = colour_code(self.colour)
        return f"{begin}{text}{RESET}" if begin else text


def _filled(frac: float, cells: int, signs: str) -> str:
    steps = len(signs) - 1
    full, part = divmod(int(frac * cells * steps), steps)
    if full >= cells:
        return signs[-1] * cells
    return signs[-1] * full + signs[part] + signs[0] * (cells - full - 1)


def colour_code(colour: str | None) -> str:
    """Return the sequence that turns a colour on, "" for none; one that does not exist is warned of."""
    if not colour:
        return ""
    found = COLOURS.get(str(colour).upper())
    if found is None and _HEX.fullmatch(str(colour)):
        found = "\x1b[38;2;{};{};{}m".format(*bytes.fromhex(str(colour)[1:]))
    if found is None:
        known = ", ".join(COLOURS)
        warnings.warn(f"Unknown colour ({colour}); valid choices: [hex (#00ff00), {known}]", TqdmWarning, stacklevel=3)
    return found or ""


class _Gap:
    """Stands for the bar while the room for it is measured."""

    asked = False

    def __format__(self, _spec: str) -> str:
        self.asked = True
        return ""


# --- the line ---


def format_meter(  # noqa: PLR0913, PLR0917  # tqdm's own
    n: float,
    total: float | None,
    elapsed: float,
    ncols: int | None = None,
    prefix: str | None = "",
    ascii: bool | str = False,  # noqa: A002, FBT001, FBT002  # as above
    unit: str = "it",
    unit_scale: bool | float = False,  # noqa: FBT001, FBT002
    rate: float | None = None,
    bar_format: str | None = None,
    postfix: Any = None,
    unit_divisor: float = 1000,
    initial: float = 0,
    colour: str | None = None,
    **extra: Any,
) -> str:
    """Return a line that says how far something is; the arguments are those of `tqdm.format_meter`."""
    if total and (n >= total + 0.5 or total == INF):
        total = None
    if rate is None and elapsed:
        rate = (n - initial) / elapsed
    if unit_scale and unit_scale not in (True, 1):
        n, total = n * unit_scale, total and total * unit_scale
        rate = rate and rate * unit_scale
        unit_scale = False
    known = _numbers(n, total, elapsed, rate, unit=unit, scaled=bool(unit_scale), divisor=unit_divisor)
    known |= _words(prefix or "", postfix, known, total=total, unit=unit, scaled=bool(unit_scale), divisor=unit_divisor)
    known |= {"ncols": ncols, "unit_divisor": unit_divisor, "colour": colour, "bar": ""} | extra
    if not total and not bar_format:
        text = f"{known['l_bar']}{known['n_fmt']}{unit} [{known['elapsed']}, {known['rate_fmt']}{known['postfix']}]"
        return cut(text, ncols) if ncols else text
    if total and ncols == 0:
        return f"{known['l_bar'][:-1]}{known['r_bar'][1:]}"
    signs = ASCII if ascii is True else ascii or BLOCKS
    return _laid_out(bar_format or "{l_bar}{bar}{r_bar}", known, n / total if total else 0.0, ncols, signs)


def _laid_out(bar_format: str, known: dict[str, Any], frac: float, ncols: int | None, signs: str) -> str:
    """Return the line with its bar as wide as the rest leaves room for."""
    gap = _Gap()
    text = bar_format.format(**{**known, "bar": gap})
    if gap.asked:
        room = max(1, ncols - width_of(text)) if ncols else DEFAULT_BAR
        text = bar_format.format(**{**known, "bar": MeterBar(frac, room, signs, known["colour"])})
    return cut(text, ncols) if ncols else text


def _numbers(
    n: float, total: float | None, elapsed: float, rate: float | None, *, unit: str, scaled: bool, divisor: float
) -> dict[str, Any]:
    """Return what a line says of counts and times."""
    inverse = 1 / rate if rate else None
    slow = inverse is not None and inverse > 1

    def size(count: float) -> str:
        return format_sizeof(count, divisor=divisor) if scaled else str(count)

    def speed(count: float | None) -> str:
        return "?" if not count else format_sizeof(count, divisor=divisor) if scaled else f"{count:5.2f}"

    plain, inverted = f"{speed(rate)}{unit}/s", f"{speed(inverse)}s/{unit}"
    left = (total - n) / rate if rate and total else 0
    return {
        "n": n,
        "n_fmt": size(n),
        "total": total,
        "total_fmt": "?" if total is None else size(total),
        "percentage": n / total * 100 if total else 0,
        "elapsed": format_interval(elapsed),
        "elapsed_s": elapsed,
        "remaining": format_interval(left) if rate else "?",
        "remaining_s": left,
        "eta": _Later(left if rate and total else None),
        "unit": unit,
        "rate": inverse if slow else rate,
        "rate_fmt": inverted if slow else plain,
        "rate_noinv": rate,
        "rate_noinv_fmt": plain,
        "rate_inv": inverse,
        "rate_inv_fmt": inverted,
    }


def _words(
    prefix: str, postfix: Any, known: dict[str, Any], *, total: float | None, unit: str, scaled: bool, divisor: float
) -> dict[str, Any]:
    """Return what stands before the bar and after it."""
    del unit, scaled, divisor
    if isinstance(postfix, str):
        postfix = f", {postfix}" if postfix else ""
    postfix = "" if postfix is None else postfix
    head = prefix if not prefix or prefix.endswith(": ") else f"{prefix}: "
    if total:
        head += f"{known['percentage']:3.0f}%|"
    times = f"{known['elapsed']}<{known['remaining']}, {known['rate_fmt']}{postfix}"
    counts = f"{known['n_fmt']}/{known['total_fmt']}"
    return {"desc": prefix, "postfix": postfix, "l_bar": head, "r_bar": f"| {counts} [{times}]"}


class _Later:
    """The moment so many seconds from now, made a date where a format asks: few do, and it takes a module."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds

    def _moment(self) -> Any:
        from datetime import datetime, timedelta, timezone  # noqa: PLC0415  # few formats have a date

        if self._seconds is None:
            return datetime.fromtimestamp(0, timezone.utc).replace(tzinfo=None)  # noqa: UP017  # what tqdm says then
        try:
            return datetime.now() + timedelta(seconds=self._seconds)  # noqa: DTZ005  # local time, as a reader's watch
        except OverflowError:
            return datetime.max  # noqa: DTZ901  # never, and without a zone as the others

    def __format__(self, spec: str) -> str:
        return format(self._moment(), spec)

    def __str__(self) -> str:
        return str(self._moment())
