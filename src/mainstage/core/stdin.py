"""What is known of stdin on both sides: who reads it now, and what was read for the terminal and is the program's."""

from __future__ import annotations

import re
from typing import Any

ANSWER = r"\x1b\[(\d+);\d+R"
"""How a terminal says in which line its cursor is, as if it were typed."""
_readers: list[None] = []
_typed = bytearray()
_late: list[None] = []
"""One entry for each answer of the terminal that is waited for no more, and may yet come."""


class Reading:
    """The block reads stdin: it would get an answer of the terminal."""

    def __enter__(self) -> None:
        _readers.append(None)

    def __exit__(self, *_: object) -> None:
        _readers.pop()


def being_read() -> bool:
    """Return whether a thread of this process waits for a line of stdin, as far as is known."""
    return bool(_readers)


def keep(typed: bytes) -> None:
    """Keep what the user typed and the terminal does not take back, for the next one who reads."""
    _typed.extend(typed)


def take_typed() -> bytes:
    """Take what was kept."""
    typed = bytes(_typed)
    _typed.clear()
    return typed


def expect_late_answer() -> None:
    """Take an answer of the terminal out of what a reader finds from now on: no other code waits for it."""
    _late.append(None)


def before(found: Any, typed: bytes, encoding: str) -> Any:
    """Return what a reader found, with what was `typed` before it and without an answer that came late."""
    if _late and isinstance(found, str | bytes | bytearray):
        found = _without_answer(found)
    if not typed:
        return found
    if isinstance(found, str):
        return typed.decode(encoding, "replace") + found
    return typed + bytes(found) if isinstance(found, bytes | bytearray) else found


def _without_answer(found: Any) -> Any:
    if isinstance(found, str):
        left, count = re.subn(ANSWER, "", found, count=1)
        _late[:count] = []
        return left
    rest, count = re.subn(ANSWER.encode(), b"", found, count=1)
    _late[:count] = []
    return rest
