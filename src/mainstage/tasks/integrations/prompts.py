"""Prompts: `input`, `getpass`, the debugger and reads of stdin have the terminal to themselves while they ask.

What is replaced is what each of them comes through, so that names imported long ago follow. The debugger keeps the
terminal from one step to the next, until it lets the program run: a frame drawn in between would be stepped into.
A read of stdin is the answer to a question where its reader has begun a line; else it waits beside the rows.
"""

from __future__ import annotations

import builtins
import sys
from contextlib import ExitStack
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mainstage.core import stdin
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Self

    from mainstage.tasks.capture.streams import Capture

RUNNING_ON = -1
"""The line that `bdb` stops at when the program was told to continue."""


READING = ("read", "read1", "readinto", "readline", "readlines", "__next__")


class Reader:
    """A stream in the place of stdin, text or bytes: a question that it is to answer has the terminal meanwhile."""

    def __init__(self, capture: Capture, original: Any, where: tuple[str, ...] = ("stdin",)) -> None:
        self._capture = capture
        self._original = original
        self._where = where

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._original, name)
        return self._answering(found) if name in READING else found

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self._answering(self._original.__next__)()

    def __enter__(self) -> Self:
        self._original.__enter__()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._original.__exit__(*trouble)

    def __repr__(self) -> str:
        return f"<stdin of a live run, for {self._original!r}>"

    def __reduce_ex__(self, _protocol: object) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return attrgetter(".".join(self._where)), (sys,)

    @property
    def original(self) -> Any:
        """The stream that it stands for."""
        return self._original

    @property
    def buffer(self) -> Reader:
        """The same for bytes."""
        return Reader(self._capture, self._original.buffer, (*self._where, "buffer"))

    def _encoding(self) -> str:
        return getattr(self._original, "encoding", None) or "utf-8"

    def _answering(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*args: Any, **kwargs: Any) -> Any:
            typed = stdin.take_typed()
            if not self._capture.live or not self._capture.asks():
                with stdin.Reading():
                    found = read(*args, **kwargs)
            else:
                with self._capture.pause():
                    found = read(*args, **kwargs)
            return stdin.before(found, typed, self._encoding())

        return reading


class PromptBridge:
    """Has the display step aside around each question, on whatever thread it is asked."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._patches: list[Patch] = []
        self._watch = ImportWatch({"getpass": self._found_getpass, "pdb": self._found_pdb})
        self._stepping: dict[int, ExitStack] = {}
        self._stdin: Reader | None = None

    def start(self) -> None:
        """Replace what asks."""
        self._patches.append(wrap(builtins, "input", self._input))
        if _at_a_terminal():
            found = sys.stdin.original if isinstance(sys.stdin, Reader) else sys.stdin
            self._stdin = sys.stdin = Reader(self._capture, found)
        self._watch.start()

    def stop(self) -> None:
        """Put it back, and end what a debugger still holds."""
        self.reset_after_fork()
        while self._stepping:
            self._stepping.popitem()[1].close()

    def reset_after_fork(self) -> None:
        """Put it back."""
        self._watch.stop()
        if self._stdin is not None and sys.stdin is self._stdin:
            sys.stdin = self._stdin.original
        self._stdin = None
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()

    def _found_getpass(self, module: ModuleType) -> None:
        for name in ("getpass", "_raw_input"):  # the second: whoever has imported the first by its name calls it
            self._patches.append(wrap(module, name, self._always))

    def _found_pdb(self, module: ModuleType) -> None:
        self._patches.append(wrap(module.Pdb, "interaction", self._interaction))

    def _input(self, original: Callable[..., str]) -> Callable[..., str]:
        def ask(prompt: object = "", /) -> str:
            if not self._capture.live or not _at_a_terminal():
                return original(prompt)
            with self._capture.pause():
                typed = stdin.take_typed()
                return str(stdin.before(original(prompt), typed, "utf-8"))

        return ask

    def _always(self, original: Callable[..., str]) -> Callable[..., str]:
        def ask(*args: Any, **kwargs: Any) -> str:
            if not self._capture.live:
                return original(*args, **kwargs)
            with self._capture.pause():
                return str(stdin.before(original(*args, **kwargs), b"", "utf-8"))

        return ask

    def _interaction(self, original: Callable[..., None]) -> Callable[..., None]:
        def interaction(debugger: Any, *args: Any, **kwargs: Any) -> None:
            if self._capture.live and id(debugger) not in self._stepping:
                held = self._stepping[id(debugger)] = ExitStack()
                held.enter_context(self._capture.pause())
            try:
                original(debugger, *args, **kwargs)
            finally:
                if sys.gettrace() is None or debugger.quitting or debugger.stoplineno == RUNNING_ON:
                    self._stepping.pop(id(debugger), ExitStack()).close()

        return interaction


def _at_a_terminal() -> bool:
    """Return whether stdin is a terminal: lines may as well come from a pipe."""
    try:
        return sys.stdin.isatty()
    except (AttributeError, OSError, ValueError):
        return False
