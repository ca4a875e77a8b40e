"""Things said in one short line: the input of a task, the value of a field."""

from __future__ import annotations

import os
from reprlib import Repr

WIDTH = 80
_name = type.__dict__["__name__"].__get__
"""The name of a class, whatever its metaclass has in that place."""
PLAIN = (int, float, bool, type(None))
"""Of these repr() is short, and a tenth of the cost of the bounded one."""

_bounded = Repr()
_bounded.maxstring = _bounded.maxother = WIDTH
_bounded.maxlevel = 3


def describe(thing: object) -> str:
    """Return one line of at most 80 characters: a string or path as itself, all else by its bounded repr. Never raises.

    Control characters, line ends and lone surrogates come out escaped.
    """
    try:
        text = repr(thing) if type(thing) in PLAIN else str.__str__(_text(thing))
    except BaseException:  # noqa: BLE001  # a user's __repr__ may raise anything; its task is not to fail for it
        text = f"<{_name(type(thing))}>"
    if len(text) > WIDTH:
        text = text[: WIDTH - 1] + "…"
    return text if text.isprintable() else "".join(map(_visible, text))[:WIDTH]


def _text(thing: object) -> str:
    if type(thing) is str:
        return thing
    if isinstance(thing, str):
        return str.__str__(thing)
    if isinstance(thing, os.PathLike):
        return os.fsdecode(thing)
    return _bounded.repr(thing)


def _visible(character: str) -> str:
    """Return the character, or its escape where a terminal would act on it."""
    wide_space = character.isspace() and character >= "\xa0" and character not in "\u2028\u2029"
    if character.isprintable() or wide_space or character == "\u200d":  # the joiner within emoji
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
