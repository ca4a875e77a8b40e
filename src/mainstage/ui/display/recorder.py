"""What takes each event as it is reduced: JSON lines, a log file, a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mainstage.events import Event


class Recorder(Protocol):
    """Takes each event as it is reduced."""

    def record(self, event: Event) -> None:
        """Take one event."""
        ...


@runtime_checkable
class BatchRecorder(Recorder, Protocol):
    """Gathers events, and writes them with each picture."""

    wants_events: bool
    """Whether it takes each event of each short call; else their sums."""

    def flush(self) -> None:
        """Write what was gathered. Errors are kept for later: `trouble` is what is to be said of them, once."""
        ...

    def tell_end(self, status: int | None, unretrieved: int | None) -> None:
        """Take how the run ends, before its last event: the status of its program, and the failures not taken from it.

        None: not known.
        """
        ...
