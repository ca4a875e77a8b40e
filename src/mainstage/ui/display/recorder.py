"""What takes each event as it is reduced: JSON lines, a log file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mainstage.events import Event


class Recorder(Protocol):
    """Takes each event as it is reduced."""

    def record(self, event: Event) -> None:
        """Take one event."""
        ...
