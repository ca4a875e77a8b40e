"""What each integration implements. None of the libraries is ever imported from here."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Bridge(Protocol):
    """One library's way of writing, redirected while a run is live."""

    def start(self) -> None:
        """Redirect it."""
        ...

    def stop(self) -> None:
        """Restore it."""
        ...

    def reset_after_fork(self) -> None:
        """Restore it in a forked child: take no lock, send nothing."""
        ...


@runtime_checkable
class Takeover(Bridge, Protocol):
    """One whose displays may already draw when the run begins."""

    def prepare(self) -> None:
        """Called before the streams are taken: these displays are to leave the terminal here."""
        ...

    def resume(self) -> None:
        """Called when the run is over and the terminal given back: they go on as they did before."""
        ...
