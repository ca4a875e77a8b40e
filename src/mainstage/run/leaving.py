"""The ways out of a process that run no code of ours: `os._exit`, and another program in its place.

While a show is live, `os._exit` shows the last picture first, and the program that comes in place of this one finds the
terminal as it was. A forked child leaves as without us.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mainstage.tasks.integrations.patching import Patch, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class WaysOut:
    """Calls `last_words(status)` before `os._exit`, on its thread; `os.execv` and the like are called in `lent()`."""

    def __init__(self, last_words: Callable[[int], None], lent: Callable[[], AbstractContextManager[None]]) -> None:
        self._last_words = last_words
        self._lent = lent
        self._pid = os.getpid()
        self._patches: list[Patch] = []

    def take(self) -> None:
        """Stand in them."""
        self._patches.append(wrap(os, "_exit", self._leaving))
        self._patches += [wrap(os, name, self._becoming) for name in ("execv", "execve")]

    def give_back(self) -> None:
        """Stand in them no more; in a forked child too."""
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()

    def _leaving(self, original: Callable[[int], None]) -> Callable[[int], None]:
        def leave(status: int) -> None:
            try:
                if os.getpid() == self._pid:
                    self._last_words(status)
            finally:
                original(status)

        return leave

    def _becoming(self, original: Callable[..., None]) -> Callable[..., None]:
        def become(*args: Any) -> None:
            if os.getpid() != self._pid:
                original(*args)
            with self._lent():
                original(*args)

        return become
