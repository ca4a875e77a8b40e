"""When recorders that gather events are to write them: with each picture, and where none is due, once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.display.recorder import BatchRecorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.ui.display.recorder import Recorder

EVERY = 1.0
"""Seconds between two writes while something happens, where no picture is due sooner."""
LONGEST = 30.0
"""The same, at the most, where positions have to be looked at to learn that nothing moves."""


class FlushSchedule:
    """Writes what the batch recorders among `recorders` have gathered, `now` on the run's clock and later."""

    def __init__(self, recorders: Sequence[Recorder], now: float) -> None:
        self._flushes = [recorder.flush for recorder in recorders if isinstance(recorder, BatchRecorder)]
        self.pending = False
        """Whether something was recorded since the last write; set by the loop."""
        self._flushed_at = now
        self._gap = EVERY

    def __bool__(self) -> bool:
        return bool(self._flushes)

    def soon(self) -> float:
        """Return when a write is due if something happens."""
        return self._flushed_at + EVERY

    def due(self, look: float | None) -> float | None:
        """Return when a write is due; `look`: when positions are worth a look, 0.0 at once, None never."""
        if self.pending or look == 0.0:
            return self.soon()
        return None if look is None else max(look, self._flushed_at + self._gap)

    def flush(self, now: float) -> None:
        """Write."""
        self._gap = EVERY if self.pending else min(2 * self._gap, LONGEST)
        self._flushed_at = now
        self.pending = False
        for flush in self._flushes:
            flush()
