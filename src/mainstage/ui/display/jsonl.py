"""The event stream as JSON lines: the first line names the schema, every other one is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from mainstage.ui.display.stream import NullDisplay, open_outlet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event


class JsonlDisplay(NullDisplay):
    """Writes events to `place`, a text stream or a descriptor, in order; pictures it ignores.

    A reader that is slow costs memory, never an event; one that is gone makes it silent.
    """

    def __init__(self, place: TextIO | int) -> None:
        from mainstage.core.codec import header, to_json  # noqa: PLC0415  # msgspec is loaded only where events are written

        self._outlet, _ = open_outlet(place)
        self._to_json = to_json
        self._line(header())

    @property
    def broken(self) -> OSError | None:  # type: ignore[override]  # read-only here
        """Why the place is out of reach; None: it is not."""
        return self._outlet.broken

    def record(self, event: Event) -> None:
        """Write one event."""
        self._line(self._to_json(event))

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:  # noqa: ARG002  # the port's signature
        """Write what is left, waiting for a place that makes progress."""
        self._outlet.drain()
        self._outlet.close()

    def _line(self, line: str) -> None:
        self._outlet.write(f"{line}\n".encode(errors="backslashreplace"))
