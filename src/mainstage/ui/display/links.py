"""Links to files (OSC 8): whether the terminal shows them, and what their addresses begin with."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio", "WarpTerminal")
"""What TERM_PROGRAM says on terminals with links."""
TERMS = ("xterm-kitty", "xterm-ghostty", "foot", "alacritty", "wezterm", "contour")
"""Beginnings of TERM on others."""
VTE, KONSOLE, TMUX = 5000, 201200, (3, 4)
"""Versions from which on these have links; tmux hands them on to a terminal that is known to have them."""


def link_prefix(env: Mapping[str, str]) -> str:
    """Return "file://host" where the terminal that `env` names shows links, else "".

    FORCE_HYPERLINK decides: 0 for none, anything else for links whatever the terminal.
    """
    forced = env.get("FORCE_HYPERLINK", "")
    if forced == "0" or not (forced or _are_shown(env)):
        return ""
    host = os.uname().nodename if hasattr(os, "uname") else ""
    return f"file://{quote(host)}"


def _are_shown(env: Mapping[str, str]) -> bool:
    if env.get("STY"):
        return False
    program = env.get("TERM_PROGRAM", "")
    if env.get("TMUX"):
        version = tuple(map(int, re.findall(r"\d+", env.get("TERM_PROGRAM_VERSION", ""))[:2]))
        return program == "tmux" and version >= TMUX
    return (
        program in PROGRAMS
        or env.get("TERM", "").startswith(TERMS)
        or bool(env.get("WT_SESSION") or env.get("KITTY_WINDOW_ID"))
        or _number(env.get("VTE_VERSION", "")) >= VTE
        or _number(env.get("KONSOLE_VERSION", "")) >= KONSOLE
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
