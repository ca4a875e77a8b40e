"""Programs that have the terminal for themselves: those that read keys one by one, and those that move the cursor.

They are known by what they do first: they set the terminal to raw mode (`termios.tcsetattr`, and curses in C), or write
a sequence that moves the cursor. The display steps aside before that reaches the terminal, and comes back when the mode
is back, the main screen is, or the cursor has been left where it is for a moment. What is not seen here (a child, names
that were imported long ago) is seen by the display, which looks at the mode before it draws.
"""

from __future__ import annotations

import contextlib
import os
import re
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from mainstage.core.clock import monotonic
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from mainstage.tasks.capture.streams import Capture

LOCAL = 3
"""Where `tcsetattr` has the local modes."""
STILL = 1.0
"""Seconds after its last move in which the terminal is left to a program that moves the cursor."""
_OTHER_SCREEN = re.compile(r"\x1b\[\?(?:1049|1047|47)([hl])")
_MOVE = re.compile(r"\x1b(?:\[[0-9;]*[ABEFHLMSTdfr]|\[[23]J|[78MDEc])")


class FullScreenBridge:
    """Has the display step aside for such programs."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._patches: list[Patch] = []
        self._watch = ImportWatch(
            {"termios": self._found_modes, "tty": self._found_modes, "curses": self._found_curses}
        )
        self._held: dict[object, contextlib.ExitStack] = {}
        """What keeps the display away, by the terminal in raw mode, "curses" or "moves"."""
        self._other_screen = False
        self._moved_at = 0.0
        self._over = Event()

    def start(self) -> None:
        """Replace what sets modes, and look at text from now on."""
        if self._capture.lends:
            self._over.clear()
            self._watch.start()
            self._capture.on_escape = self._look

    def stop(self) -> None:
        """Put all back, and end what is held."""
        self.reset_after_fork()
        self._over.set()
        for key in list(self._held):
            self._release(key)

    def reset_after_fork(self) -> None:
        """Put all back."""
        self._capture.on_escape = None
        self._watch.stop()
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()

    def _hold(self, key: object) -> None:
        if key not in self._held:
            held = self._held[key] = contextlib.ExitStack()
            held.enter_context(self._capture.pause())

    def _release(self, key: object) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            held.close()

    # --- keys one by one ---

    def _found_modes(self, module: ModuleType) -> None:
        from termios import ICANON  # noqa: PLC0415  # it is there: somebody has imported it

        def replace(original: Callable[..., None]) -> Callable[..., None]:
            def tcsetattr(fd: Any, when: int, attributes: list[Any]) -> None:
                terminal = self._terminal(fd)
                raw = terminal is not None and not attributes[LOCAL] & ICANON
                if raw:
                    self._hold(terminal)
                try:
                    original(fd, when, attributes)
                finally:
                    if terminal is not None and not raw:
                        self._release(terminal)

            return tcsetattr

        self._patches.append(wrap(module, "tcsetattr", replace))

    def _terminal(self, fd: Any) -> object:
        """Return what stands for the terminal behind `fd`; None: it is not the one that is captured."""
        with contextlib.suppress(AttributeError, OSError, TypeError, ValueError):
            device = os.fstat(fd if isinstance(fd, int) else fd.fileno()).st_rdev
            for router in self._capture.routers.values():
                if os.fstat(router.original.fileno()).st_rdev == device:
                    return device
        return None

    def _found_curses(self, module: ModuleType) -> None:
        def initscr(original: Callable[[], Any]) -> Callable[[], Any]:
            def start() -> Any:
                self._hold("curses")
                return original()

            return start

        def endwin(original: Callable[[], None]) -> Callable[[], None]:
            def end() -> None:
                try:
                    original()
                finally:
                    self._release("curses")

            return end

        self._patches.append(wrap(module, "initscr", initscr))
        self._patches.append(wrap(module, "endwin", endwin))

    # --- the cursor ---

    def _look(self, text: str) -> None:
        """Look at text with escape sequences that belongs to no task, before it is written."""
        screens = _OTHER_SCREEN.findall(text)
        if screens:
            self._other_screen = screens[-1] == "h"
        elif _MOVE.search(text) is None:
            return
        self._moved_at = monotonic()
        if "moves" not in self._held:
            self._hold("moves")
            Thread(target=self._wait_until_still, name="mainstage-still", daemon=True).start()

    def _wait_until_still(self) -> None:
        while self._other_screen or (left := self._moved_at + STILL - monotonic()) > 0:
            if self._over.wait(STILL if self._other_screen else left):
                return
        self._release("moves")
