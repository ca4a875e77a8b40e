"""Which of several threads, or signal handlers, is the first to set an attribute: no lock, one atomic step."""

from __future__ import annotations

from mainstage._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")


class Once:
    """An attribute that is None, and is set once, by the first thread or handler that tries.

    `vars(thing).setdefault(name, value)` would do the same, and crashes CPython 3.11: it makes the dictionary of an
    object when that is first asked for, and may collect garbage on the way; whatever a finalizer does then, it lets
    other threads run, and a second one that asks makes a second dictionary of the same values.
    """

    __slots__ = ("_name", "_now")

    def __init__(self, name: str) -> None:
        self._name = name
        self._now: dict[object, Any] = {}
        """What is being set, by the object: it leaves when it is set."""

    def first(self, thing: object, value: T) -> T:
        """Set the attribute of `thing` to `value` if it is None; return what it is. Each needs a value of its own."""
        name, now = self._name, self._now
        won = now.setdefault(thing, value)
        found: T | None = getattr(thing, name)
        if found is None:
            setattr(thing, name, won)
            found = won
        if won is value:
            now.pop(thing, None)
        return found
