"""A `Live` of Rich's as a block of the live run. Rich is not imported: its objects come with what they can do.

Code of the program's may not run where a frame interrupts it: a lock that the program holds there would never be had.
So what is drawn then is made of Rich's own objects alone, none of whose locks is in use.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from mainstage.tasks.blocks import Lines, OpenBlocks

MOST = 3000
"""Objects that are looked at to tell whether all are Rich's own; a picture of more is not."""
PLAIN = (str, bytes, int, float, bool, complex, type(None), range)
HOLDERS = (list, tuple, set, frozenset, dict)
OF_RICH = ("rich.", "mainstage.rich", "markdown_it.", "pygments.", "time")
"""Modules whose code waits for no lock but those that are looked for here."""
OF_PYTHON = ("builtins", "collections", "datetime", "decimal", "enum", "fractions", "functools", "threading", "_thread")
LOOKS = ("get_renderable", "get_renderables", "make_tasks_table", "get_default_columns", "__rich__", "__rich_console__")
"""The methods of a `Progress` that say how it looks."""


class LiveBlock:
    """The picture of one `Live`.

    `pulled`: it is drawn by the owner, with its frames; else the thread that refreshes the `Live` draws it.
    """

    def __init__(self, display: Any, blocks: OpenBlocks, *, pulled: bool) -> None:
        self.interval = 1 / display.refresh_per_second if pulled and display.auto_refresh else None
        self.cut = "" if display.vertical_overflow == "crop" else "..."
        self.pulled = pulled
        self._display = display
        self._blocks = blocks
        self._lines: Lines = []

    def draw(self) -> None:
        """Make its lines anew. Raises what the code of the program's raises."""
        lines = self._rendered(self._blocks.columns)
        if lines != self._lines:
            self._lines = lines
            self._blocks.note_change()

    def lines(self, columns: int, *, borrowed: bool) -> Lines:
        """Return its lines; where they may not be made anew, the last ones."""
        if self.pulled and not borrowed:
            self._lines = self._rendered(columns)
        elif self.pulled:
            self._draw_in_handler(columns)
        return self._lines

    def is_foreign(self) -> bool:
        """Return whether it is drawn by the owner, and not all of it is Rich's own."""
        return self.pulled and locks_of(renderable_of(self._display)) is None

    def _rendered(self, columns: int) -> Lines:
        display = self._display
        console, renderable = display.console, display.get_renderable()
        width = getattr(console, "_width", None) or columns
        options = console.options.update(width=min(width, columns))
        if type(renderable).__name__ == "Layout":  # it fills what height there is
            options = options.update(height=max(1, console.height - 2))
        lines: Lines = console.render_lines(renderable, options, pad=False)
        return lines

    def _draw_in_handler(self, columns: int) -> None:
        display = self._display
        locks = locks_of(renderable_of(display))
        if locks is None:
            return
        with contextlib.ExitStack() as held:
            for lock in (display._lock, display.console._lock, *locks):  # noqa: SLF001  # nothing public waits for none
                if not lock.acquire(blocking=False):
                    return
                held.callback(lock.release)
            self._lines = self._rendered(columns)


def renderable_of(display: Any) -> Any:
    """Return what a `Live` displays, without a call of the program's code: a function of its own stands for itself."""
    ask = display._get_renderable  # noqa: SLF001  # nothing public tells
    if ask is None:
        return display._renderable  # noqa: SLF001  # as above
    owner = getattr(ask, "__self__", None)
    return ask if owner is None or getattr(owner, "live", None) is not display else owner


def locks_of(renderable: Any) -> list[Any] | None:
    """Return the locks of all that is drawn; None: not all of it is Rich's own, or it is too much to tell."""
    locks: list[Any] = []
    known: set[int] = set()
    waiting = [renderable]
    while waiting:
        found = waiting.pop()
        if type(found) in PLAIN or id(found) in known:
            continue
        known.add(id(found))
        parts = _parts_of_rich(found, locks)
        if parts is None or len(known) > MOST:
            return None
        waiting += parts
    return locks


def _parts_of_rich(found: Any, locks: list[Any]) -> Iterable[Any] | None:
    """Return what `found` is made of, its locks added to `locks`; None: it is not Rich's own."""
    kind = type(found)
    if kind in HOLDERS:
        return [*found, *found.values()] if kind is dict else list(found)
    if _is_progress(found):
        if has_own_look(found, columns=False):
            return None
        locks.append(found._lock)  # noqa: SLF001  # nothing public waits for none
        fields = [task.fields for task in list(found._tasks.values())]  # noqa: SLF001  # `tasks` takes the lock
        return [*found.columns, found.get_time, *fields]
    if kind.__name__ == "RLock":
        locks.append(found)
    elif kind.__module__.startswith(OF_RICH):
        return () if kind.__name__ == "Console" else _attributes(found)
    elif not _is_pythons(found):
        return None
    return ()


def _is_pythons(found: Any) -> bool:
    kind = type(found)
    if callable(found) and not isinstance(found, type):
        return str(getattr(found, "__module__", "")).startswith(OF_RICH)
    return kind.__module__ in OF_PYTHON and kind.__name__ != "generator"


def _attributes(found: Any) -> Iterable[Any]:
    parts = list(vars(found).values()) if hasattr(found, "__dict__") else []
    for kind in type(found).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        parts += [getattr(found, name, None) for name in ((slots,) if isinstance(slots, str) else slots)]
    return parts


def _is_progress(found: Any) -> bool:
    module = sys.modules.get("rich.progress")
    return module is not None and isinstance(found, module.Progress)


def has_own_look(progress: Any, *, columns: bool = True) -> bool:
    """Return whether a `Progress` is not to look as Rich's own does, with its columns or (not `columns`) without.

    A width that its console was given, and `expand`, are a look too.
    """
    module = sys.modules["rich.progress"]
    kinds = type(progress).__mro__
    rich = module.Progress
    for name in LOOKS:
        if name in vars(progress):
            return True
        owner = next((kind for kind in kinds if name in vars(kind)), None)
        if owner is not None and owner not in rich.__mro__ and not owner.__module__.startswith(OF_RICH):
            return True
    if not columns:
        return False
    return bool(progress.expand) or _has_given_width(progress.console) or not _are_default(progress.columns, module)


def _has_given_width(console: Any) -> bool:
    """Return whether a width was given to a console, other than by `COLUMNS` (a Windows console takes one less)."""
    width = getattr(console, "_width", None)
    return width is not None and str(width + console.legacy_windows) != os.environ.get("COLUMNS")


def _are_default(columns: Iterable[Any], module: ModuleType) -> bool:
    """Return whether these are the columns that a `Progress` has if none are given, or those of Rich's `track`."""
    found = list(columns)
    default = module.Progress.get_default_columns()
    if len(found) == len(default) - 1:
        default = default[1:]  # a `track` without a description
    return len(found) == len(default) and all(_alike(*pair) for pair in zip(found, default, strict=True))


def _alike(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    ignored = {"_renderable_cache", "_update_time", "elapsed_when_finished", "show_speed"}
    return {name: value for name, value in vars(one).items() if name not in ignored} == {
        name: value for name, value in vars(other).items() if name not in ignored
    }
