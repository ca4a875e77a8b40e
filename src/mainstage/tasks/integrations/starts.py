"""Displays of tqdm's and Rich's own that begin where a run of bars is about to open: it opens before them.

Else both would draw: a bar of tqdm within a display of Rich leaves a line for each of its pictures.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mainstage.tasks.integrations.patching import ImportWatch, Patch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


class StartWatch:
    """Calls a function before a display of another library begins on the program's own output."""

    def __init__(self, call: Callable[[], bool]) -> None:
        """Call `call`; it returns whether what the class has now is to begin the display: a run has opened."""
        self._call = call
        self._patches: list[Patch] = []
        self._watch = ImportWatch({"tqdm.std": self._found_tqdm, "rich.live": self._found_rich})

    def start(self) -> None:
        """Watch from now on."""
        if not self._patches:
            self._watch.start()

    def stop(self) -> None:
        """Watch no more. What others have wrapped stays within, and hands on."""
        self._watch.stop()
        self._patches = [patch for patch in reversed(self._patches) if not patch.undo()]

    def _found_tqdm(self, module: ModuleType) -> None:
        self._before(module.tqdm, "__init__", _bar_draws)

    def _found_rich(self, module: ModuleType) -> None:
        self._before(module.Live, "start", _live_draws)

    def _before(self, owner: Any, name: str, draws: Callable[..., bool]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def begin(display: Any, *args: Any, **kwargs: Any) -> Any:
            if draws(display, *args, **kwargs) and self._call():
                return getattr(owner, name)(display, *args, **kwargs)
            return original(display, *args, **kwargs)

        self._patches.append(Patch(owner, name, begin))


def _bar_draws(_bar: Any, *_args: Any, file: Any = None, disable: Any = False, **_kwargs: Any) -> bool:
    return file is None and not disable


def _live_draws(display: Any, *_args: Any, **_kwargs: Any) -> bool:
    return bool(display.console.is_terminal) and not display.is_started
