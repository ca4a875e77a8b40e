"""Keywords that a function does not take: told by the right word, where another library's was meant."""

from __future__ import annotations

from mainstage._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

MEANT = {
    "auto_refresh": "rows are drawn at the pace of the display",
    "backend": "executor=",
    "bar_format": "Run(columns=...) says which columns a row has",
    "callback": "the iterator gives each result",
    "chunksize": "items are handed out one by one, there is nothing to choose",
    "color": "Run(theme=...) says how rows look",
    "colour": "Run(theme=...) says how rows look",
    "console": "Run(display=...) says where rows go",
    "desc": "description=",
    "dynamic_ncols": "rows follow the width of the terminal by themselves",
    "expand": "rows follow the width of the terminal by themselves",
    "file": "rows go to the terminal by themselves; Run(view=...) says how",
    "leave": "track(leave=...)",
    "mininterval": "rows are drawn at the pace of the display",
    "n": "completed=",
    "n_jobs": "max_workers=",
    "ncols": "rows follow the width of the terminal by themselves",
    "postfix": "status= for a text, fields={...} for values",
    "processes": "max_workers=",
    "position": "rows find their places by themselves",
    "redirect_stderr": "capture=False leaves the program's text alone",
    "redirect_stdout": "capture=False leaves the program's text alone",
    "refresh_per_second": "rows are drawn at the pace of the display",
    "refresh": "rows are drawn at the pace of the display",
    "style": "Run(theme=...) says how rows look",
    "total_": "total=",
    "transient": "track(leave=False)",
    "unit_scale": "unit='B' counts in kB, MB, ...",
    "update": "advance()",
    "verbose": "rows say how far it is",
    "visible": "disable=",
}
"""What tqdm and Rich call them, and what to say here."""


def refuse_keyword(function: str, unknown: Iterable[str], known: Iterable[str], *, fields: bool = False) -> NoReturn:
    """Raise the `TypeError` of `function` for the first keyword in `unknown`, among those that are `known`."""
    from difflib import get_close_matches  # noqa: PLC0415  # only an error needs it

    word = next(iter(unknown))
    known = sorted(known)
    near = get_close_matches(word, known, 1)
    meant = MEANT.get(word, "")
    if word in ("desc", "description", "name") and "title" in known:
        meant = "title="
    if meant.endswith("=") and meant[:-1] not in known:
        meant = ""
    if meant:
        hint = f"use {meant}" if "=" in meant else meant
    elif near:
        hint = f"did you mean {near[0]}=?"
    elif fields:
        hint = f"a field of your own goes into fields={{{word!r}: ...}}"
    else:
        hint = f"it takes {', '.join(known)}"
    raise TypeError(f"{function}() takes no keyword {word!r}: {hint}")
