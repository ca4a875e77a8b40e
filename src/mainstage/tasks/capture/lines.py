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
        """Add a piece; return the lines that it completes, without the last newline, or None.

        An entry is taken out, changed and put back: a signal handler that writes meanwhile makes one of its own.
        """
        begun = self._begun
        if "\n" not in text:
            pieces = begun.pop(key, None)
            if pieces is None:
                pieces = [text]
            else:
                pieces.append(text)
            if "\r" in text:
                pieces = [_last_start("".join(pieces))]
            kept = begun.setdefault(key, pieces)
            if kept is not pieces:
                kept.extend(pieces)
            return None
        head, _, tail = text.rpartition("\n")
        pieces = begun.pop(key, None)
        if pieces is not None:
            pieces.append(head)
            head = "".join(pieces)
        if tail:
            self.add(key, tail)
        return overwritten(head) if "\r" in head else head

    def begun(self, key: Key) -> str:
        """Return the beginning of the line at hand."""
        return "".join(self._begun.get(key, ()))

    def take(self, key: Key) -> str:
        """Take the beginning of the line at hand, if nobody else has."""
        return "".join(self._begun.pop(key, ()))

    def flush(self, task: int | None = None) -> list[tuple[Key, str]]:
        """Take what was begun by `task`, or by anybody."""
        keys = [key for key in list(self._begun) if task is None or key[0] == task]
        taken = [(key, overwritten("".join(self._begun.pop(key, ())))) for key in keys]
        return [(key, text) for key, text in taken if text]

    def __bool__(self) -> bool:
        return bool(self._begun)


def _last_start(line: str) -> str:
    """Return what the next piece may add to, or overwrite."""
    return line[line.rstrip("\r").rfind("\r") + 1 :]


def overwritten(text: str) -> str:
    """Return lines as a terminal leaves them: of what carriage returns overwrite, the last remains."""
    if "\r" not in text:
        return text
    lines = text.split("\n")
    return "\n".join([next((part for part in reversed(line.split("\r")) if part), "") for line in lines])
