"""Displays: the only code that writes. Each takes lines or events and puts them somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.ui.views import Size


class Display(Protocol):
    """A place for pictures. No method raises for a broken place: it goes silent, `broken` says why."""

    @property
    def broken(self) -> OSError | None:
        """Why the place is out of reach; None: it is not."""
        ...

    def size(self) -> Size:
        """Return the size of the place now."""
        ...

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
        """Add `above` to the history, show `begun`, a line that has not ended, and `rows`.

        False: the place is blocked, hand all of it in again later.
        """
        ...

    def resized(self) -> None:
        """Called when the terminal's size has changed; the next `show` repaints."""
        ...

    def suspend(self, question: str = "") -> bool:
        """Give the terminal back as it was found (a prompt, Ctrl-Z); the next `show` takes it again.

        `question` stays, at the end of the text. Returns whether it stands there.
        """
        ...

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Write what is left, the last picture as plain lines under the text, and give the terminal back."""
        ...
