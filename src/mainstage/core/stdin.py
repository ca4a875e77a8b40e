"""What is known of stdin on both sides: who reads it now, and what was read for the terminal and is the program's."""

from __future__ import annotations

from typing import Any

_readers: list[None] = []
_typed = bytearray()


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


def before(found: Any, typed: bytes, encoding: str) -> Any:
    """Return what a reader found, with what was `typed` before it."""
    if isinstance(found, str):
        return typed.decode(encoding, "replace") + found
    return typed + bytes(found) if isinstance(found, bytes | bytearray) else found
