r"""Progress in the terminal's own window: its tab, or the taskbar (OSC 9;4).

Only on terminals that are known to show it: to others the sequence is a notification, or rubbish. It goes out with a
frame, is taken back with the rows, and is said again before a terminal forgets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstage.ui.state.run import RunState

REMOVED = "\x1b]9;4;0;\x1b\\"
AGAIN = 10.0
"""Seconds after which it is said again: Ghostty forgets it after 15."""
PROGRAMS = ("WezTerm", "ghostty")
VALUE, ERROR, BUSY = 1, 2, 3


def is_shown(env: Mapping[str, str]) -> bool:
    """Return whether the terminal that `env` names is known to show progress."""
    if env.get("TMUX") or env.get("STY"):
        return False
    return (
        bool(env.get("WT_SESSION"))
        or env.get("ConEmuANSI") == "ON"
        or env.get("TERM_PROGRAM", "") in PROGRAMS
        or env.get("TERM", "").startswith("xterm-ghostty")
    )


class Taskbar:
    """What is to be sent so that the window shows how far the run is."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._said = ""
        self._said_at = 0.0
        self._next = ""

    def look(self, state: RunState, now: float) -> None:
        """Take the state of the next frame; `now` is in seconds."""
        if not self._shown or not state.seen:
            return
        fraction = state.fraction
        kind = ERROR if state.counts.failed else VALUE
        text = f"\x1b]9;4;{BUSY};\x1b\\" if fraction is None else f"\x1b]9;4;{kind};{int(fraction * 100)}\x1b\\"
        if text != self._said or now - self._said_at >= AGAIN:
            self._said, self._said_at, self._next = text, now, text

    def take(self) -> str:
        """Return what goes out with this frame, mostly nothing."""
        text, self._next = self._next, ""
        return text

    def remove(self) -> str:
        """Return what takes it back, nothing if nothing was said."""
        said, self._said, self._next = self._said, "", ""
        return REMOVED if said else ""
