"""What the environment says where a program says nothing: a MAINSTAGE_ variable for each display argument of `Run`.

The view is chosen by `detect`, the layout with it; the rest is here. What the program says wins.
"""

from __future__ import annotations

import configparser
from math import isfinite
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from rich.errors import StyleSyntaxError
from rich.theme import Theme

from mainstage.errors import DisplayError

if TYPE_CHECKING:
    from collections.abc import Mapping

Captured: TypeAlias = "bool | Literal['fd']"
Keys: TypeAlias = "bool | Literal['auto']"
"""Whether keys are taken; "auto": where they can be had, without a word."""

YES = ("1", "true", "yes", "on")
NO = ("0", "false", "no", "off")
STUCK_AFTER = 60.0
"""Seconds after which a task that has not moved is said to be stuck, unless told."""


class Settings(NamedTuple):
    """How a run is shown whose program says nothing of it."""

    log: str | None = None
    heartbeat: bool = True
    capture: Captured = True
    strict: bool = False
    prefix: bool = True
    theme: Theme | None = None
    keys: Keys | None = None
    """None: nothing is said of them."""
    journal: str | bool | None = None
    """A path; True: in the folder where journals are found."""


def settings(env: Mapping[str, str]) -> Settings:
    """Return what `env` says in MAINSTAGE_LOG, _HEARTBEAT, _CAPTURE, ...; what is unset or empty says nothing.

    `DisplayError` names the variable whose value makes no sense.
    """
    return Settings(
        log=env.get("MAINSTAGE_LOG") or None,
        heartbeat=_switch(env, "MAINSTAGE_HEARTBEAT", default=True),
        capture=_captured(env),
        strict=_switch(env, "MAINSTAGE_STRICT", default=False),
        prefix=_switch(env, "MAINSTAGE_PREFIX", default=True),
        theme=_theme(env.get("MAINSTAGE_THEME", "")),
        keys=_keys(env),
        journal=_journal(env),
    )


def stuck_after(env: Mapping[str, str]) -> float | None:
    """Return the seconds that MAINSTAGE_STUCK_AFTER says, None for never; `DisplayError` if it is neither."""
    value = env.get("MAINSTAGE_STUCK_AFTER", "").lower()
    if not value:
        return STUCK_AFTER
    if value in (*NO, "none"):
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if seconds > 0 and isfinite(seconds):
        return seconds
    said = f"MAINSTAGE_STUCK_AFTER={env['MAINSTAGE_STUCK_AFTER']!r} makes no sense"
    raise DisplayError(f"{said}; take a number of seconds, or none")


def _theme(path: str) -> Theme | None:
    if not path:
        return None
    try:
        return Theme.read(path, inherit=False, encoding="utf-8")
    except (OSError, configparser.Error, StyleSyntaxError, UnicodeError) as trouble:
        about = getattr(trouble, "strerror", None) or str(trouble).partition("\n")[0]
        text = f'MAINSTAGE_THEME={path!r} is no theme: {about}; take a file with [styles], a line "name = style" each'
        raise DisplayError(text) from trouble


def _keys(env: Mapping[str, str]) -> Keys | None:
    value = env.get("MAINSTAGE_KEYS", "").lower()
    if value in ("", "auto"):
        return "auto" if value else None
    return _switch(env, "MAINSTAGE_KEYS", default=False, others="auto, ")


def _journal(env: Mapping[str, str]) -> str | bool | None:
    value = env.get("MAINSTAGE_JOURNAL", "")
    if value.lower() in ("auto", *YES):
        return True
    return None if value.lower() in NO else value or None


def _captured(env: Mapping[str, str]) -> Captured:
    value = env.get("MAINSTAGE_CAPTURE", "").lower()
    if value == "fd":
        return "fd"
    if value in ("text", "none"):  # as `mainstage exec --capture` has them
        return value == "text"
    return _switch(env, "MAINSTAGE_CAPTURE", default=True, others="text, fd, none, ")


def _switch(env: Mapping[str, str], name: str, *, default: bool, others: str = "") -> bool:
    value = env.get(name, "").lower()
    if value in (*YES, *NO):
        return value in YES
    if not value:
        return default
    raise DisplayError(f"{name}={env[name]!r} makes no sense; take one of {others}{', '.join((*YES, *NO))}")
