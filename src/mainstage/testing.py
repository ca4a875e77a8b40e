"""Fakes for tests of code that runs under mainstage: time that stands still, and what a worker reported.

```python
def test_it_reports_each_row() -> None:
    with collect_events() as events:
        load(rows)
    assert [event.completed for event in events if isinstance(event, TaskEnded)] == [len(rows)]
```
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mainstage.channels.inbox import ThreadChannel
from mainstage.tasks.reporter import live
from mainstage.tasks.task import ambient
from mainstage.ui.display.recording import RecordingDisplay, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.core.clock import Clock
    from mainstage.events import Event

__all__ = ["ManualClock", "RecordingDisplay", "Screen", "collect_events"]


class ManualClock:
    """A clock that moves only by `advance`; `wall` goes with it, from `wall` seconds since the epoch."""

    def __init__(self, now: float = 0.0, wall: float = 1_000_000_000.0) -> None:
        self._now = now
        self._ahead = wall - now

    def now(self) -> float:
        """Return the seconds that it shows."""
        return self._now

    def wall(self) -> float:
        """Return the time of day that it shows, in seconds since the epoch."""
        return self._now + self._ahead

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`; time does not go back."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back: {seconds}")
        self._now += seconds


@contextlib.contextmanager
def collect_events(clock: Clock | None = None) -> Iterator[list[Event]]:
    """Run the body as a worker's code under a live run, and give the events that it sent, in order of arrival.

    The list is filled when the body ends, by an exception too: what was sent, then the last positions of tasks that
    have not ended, as `TaskMoved`. Other threads' reports count as well, if they have come by then. Without a `clock`,
    time stands still at 0.0.
    """
    channel = ThreadChannel(clock if clock is not None else ManualClock())
    events: list[Event] = []
    before, live.reporter = live.reporter, channel
    token = ambient.set(None)
    try:
        yield events
    finally:
        ambient.reset(token)
        live.reporter = before
        while not channel.empty():
            event = channel.receive(0)
            if event is not None:
                events.append(event)
        while channel.next_sample_at() == 0.0:
            events += channel.sample(channel.now())
