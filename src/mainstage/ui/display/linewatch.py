"""Whether the program has begun a line on the stream that status lines go to, and not ended it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable


class LineWatch:
    """Watches what is written to `stream`, by any thread, from `start` to `stop`.

    The stream stays the same object, also for code that holds it: its `write` is replaced. What is written to its bytes
    or its descriptor is not seen.
    """

    def __init__(self, stream: TextIO, on_text: Callable[[str], None]) -> None:
        """`on_text` is called after each write, with its text."""
        self._stream: Any = stream
        self._on_text = on_text
        self._started = False

    def start(self) -> None:
        """Begin, where the stream takes another `write`, and has its own."""
        if "write" not in getattr(self._stream, "__dict__", {"write": None}):
            with contextlib.suppress(AttributeError, TypeError):
                self._original = self._stream.write
                self._stream.write = self._write
                self._started = True

    def stop(self) -> None:
        """Restore the stream's own `write`, unless ours has been replaced."""
        if self._started and vars(self._stream).get("write") == self._write:
            del self._stream.write
        self._started = False

    def _write(self, text: Any) -> int:  # any: the original says what it takes
        count: int = self._original(text)
        if self._started:
            self._on_text(text)
        return count
