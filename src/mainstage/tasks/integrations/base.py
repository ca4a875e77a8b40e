"""What each integration implements. None of the libraries is ever imported from here."""

from __future__ import annotations

from typing import Protocol


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
