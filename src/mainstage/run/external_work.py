"""Work of a run that other faces of the library began: groups of coroutines, calls in other threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class ExternalWork(Protocol):
    """Something that is under way, and tells by itself when it is over."""

    def ask(self, reason: str) -> None:
        """Stop it because the run is to stop; nothing where its own surroundings do so anyway."""
        ...

    def cancel(self, reason: str) -> None:
        """Stop it because the run was cancelled."""
        ...

    def close(self) -> None:
        """Start nothing more, since the run's block is left."""
        ...

    def would_deadlock(self) -> bool:
        """Return whether this thread, waiting, would wait for itself."""
        ...


class ExternalWorkSet:
    """Those of one run. Any thread."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._present: dict[ExternalWork, None] = {}

    def begin(self, guest: ExternalWork) -> None:
        """Take it in: the run is not over before it has left."""
        self._present[guest] = None

    def over(self, guest: ExternalWork) -> None:
        """Remove it; a second call does nothing."""
        if self._present.pop(guest, self) is None:
            self._wake()

    def pending(self) -> bool:
        """Return whether any is there."""
        return bool(self._present)

    def ask(self, reason: str) -> None:
        """Ask all of them to stop."""
        for guest in reversed(list(self._present)):
            guest.ask(reason)

    def cancel(self, reason: str) -> None:
        """Cancel all of them."""
        for guest in reversed(list(self._present)):
            guest.cancel(reason)

    def close(self) -> None:
        """Make none of them start anything more."""
        for guest in reversed(list(self._present)):
            guest.close()

    def drop_blocked(self) -> None:
        """Wait no more for those that cannot end while this thread waits."""
        for guest in list(self._present):
            if guest.would_deadlock():
                self._present.pop(guest, None)

    def abandon(self) -> None:
        """Wait for none of them any more."""
        self._present.clear()
