"""What the environment says where a program says nothing: a MAINSTAGE_ variable for each display argument of `Run`.

The view is chosen by `detect`, the layout and the keys with them; the rest is here. What the program says wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from mainstage.errors import DisplayError

if TYPE_CHECKING:
    from collections.abc import Mapping

Captured: TypeAlias = "bool | Literal['fd']"

YES = ("1", "true", "yes", "on")
NO = ("0", "false", "no", "off")


class Settings(NamedTuple):
    """How a run is shown whose program says nothing of it."""

    log: str | None = None
    heartbeat: bool = True
    capture: Captured = True
    strict: bool = False


def settings(env: Mapping[str, str]) -> Settings:
    """Return what `env` says in MAINSTAGE_LOG, _HEARTBEAT, _CAPTURE and _STRICT; what is unset or empty says nothing.

    `DisplayError` names the variable whose value makes no sense.
    """
    return Settings(
        log=env.get("MAINSTAGE_LOG") or None,
        heartbeat=_switch(env, "MAINSTAGE_HEARTBEAT", default=True),
        capture=_captured(env),
        strict=_switch(env, "MAINSTAGE_STRICT", default=False),
    )


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
