"""Text in pieces, gathered to whole lines: for each task and thread by itself, so that no two are ever mixed.

No lock: a piece is gathered by its own thread, whoever flushes from outside takes a whole entry in one step.
"""

from __future__ import annotations

from typing import TypeAlias

Key: TypeAlias = tuple[int, int]
"""A task's number (0: none) and a thread."""


class Lines:
    """The beginnings of lines that have not come to their ends."""

    def __init__(self) -> None:
        self._begun: dict[Key, list[str]] = {}

    def add(self, key: Key, text: str) -> str | None:
        """Add a piece; return the lines that it completes, without the last newline, or None."""
        head, newline, tail = text.rpartition("\n")
        if newline:
            begun = self._begun.pop(key, None) if self._begun else None
            whole = head if begun is None else "".join((*begun, head))
            if tail:
                self._keep(key, tail)
            return overwritten(whole) if "\r" in whole else whole
        self._keep(key, tail)
        return None

    def _keep(self, key: Key, piece: str) -> None:
        begun = self._begun.setdefault(key, [])
        begun.append(piece)
        if "\r" in piece:
            text = "".join(begun)
            begun[:] = [text[text.rstrip("\r").rfind("\r") + 1 :]]

    def begun(self, key: Key) -> str:
        """Return the beginning of the line at hand."""
        return "".join(self._begun.get(key, ()))

    def flush(self, task: int | None = None) -> list[tuple[Key, str]]:
        """Take what was begun by `task`, or by anybody."""
        keys = [key for key in tuple(self._begun) if task is None or key[0] == task]
        taken = [(key, overwritten("".join(self._begun.pop(key, ())))) for key in keys]
        return [(key, text) for key, text in taken if text]

    def clear(self) -> None:
        """Forget it all."""
        self._begun.clear()

    def __bool__(self) -> bool:
        return bool(self._begun)


def overwritten(text: str) -> str:
    """Return lines as a terminal leaves them: of what carriage returns overwrite, the last remains."""
    if "\r" not in text:
        return text
    lines = text.split("\n")
    return "\n".join([next((part for part in reversed(line.split("\r")) if part), "") for line in lines])
