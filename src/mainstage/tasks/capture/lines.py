"""Text in pieces, gathered to whole lines: for each task and thread by itself, so that no two are ever mixed.

No lock: a piece is gathered by its own thread; a flush from outside takes a whole entry in one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

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
            if "\r" in text or "\b" in text:
                pieces = [_last_start(_taken_back("".join(pieces)))]
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
        if "\b" in head:
            head = _taken_back(head)
        return overwritten(head) if "\r" in head else head

    def begun(self, key: Key) -> str:
        """Return the beginning of the line at hand."""
        return "".join(self._begun.get(key, ()))

    def take(self, key: Key) -> str:
        """Take the beginning of the line, unless another thread has."""
        return "".join(self._begun.pop(key, ()))

    def flush(self, task: int | None = None) -> list[tuple[Key, str]]:
        """Take what was begun by `task`, or by anybody."""
        keys = [key for key in list(self._begun) if task is None or key[0] == task]
        taken = [(key, overwritten("".join(self._begun.pop(key, ())))) for key in keys]
        return [(key, text) for key, text in taken if text]

    def __bool__(self) -> bool:
        return bool(self._begun)


class PartialLines:
    """Lines that were begun and flushed and have not ended, as a terminal would show them: one a stream and thread.

    The last one is the one that was begun last. Any thread writes, the owner reads.
    """

    def __init__(self, notify: Callable[[], None] | None = None) -> None:
        """`notify` is called once when something has changed, until it is read."""
        self.changed = False
        self._lines: dict[tuple[str, int], str] = {}
        self._notify = notify

    def put(self, key: tuple[str, int], line: str) -> None:
        """Show `line`, or what it has become, from the next picture on."""
        if self._lines.get(key) != line:
            self._lines[key] = line
            self._tell()

    def drop(self, key: tuple[str, int]) -> None:
        """Show it no more: it has ended."""
        if self._lines.pop(key, None) is not None:
            self._tell()

    def read(self) -> list[str]:
        """Return the lines, in the order of their beginnings."""
        self.changed = False
        return [overwritten(_taken_back(line)).rstrip("\b") for line in tuple(self._lines.values())]

    def touch(self) -> None:
        """Request a redraw."""
        self._tell()

    def _tell(self) -> None:
        if not self.changed:
            self.changed = True
            if self._notify is not None:
                self._notify()

    def __bool__(self) -> bool:
        return bool(self._lines)


def _taken_back(line: str) -> str:
    """Return `line` without what text after backspaces overwrites; those at its end have overwritten nothing yet."""
    text = line.rstrip("\b")
    kept: list[str] = []
    for character in text:
        if character != "\b":
            kept.append(character)
        elif kept and kept[-1] not in "\r\n":
            kept.pop()
    return "".join(kept) + line[len(text) :]


def _last_start(line: str) -> str:
    """Return what the next piece may add to, or overwrite."""
    return line[line.rstrip("\r").rfind("\r") + 1 :]


def overwritten(text: str) -> str:
    """Return lines as a terminal leaves them: of what carriage returns overwrite, the last remains."""
    if "\r" not in text:
        return text
    lines = text.split("\n")
    return "\n".join([next((part for part in reversed(line.split("\r")) if part), "") for line in lines])
