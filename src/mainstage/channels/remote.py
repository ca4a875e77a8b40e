"""The worker's half of a channel across a border: events go out as they come, positions are read here.

Edges are handed to the transport at once, in order. A thread of this side does what the owner does within a process:
it takes the notes, reads the cells that moved at most once an interval, and hands what they tell to the transport.
What the transport is does not matter: a pipe, a cluster's own messages.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Protocol

from mainstage.channels.thread import ThreadChannel
from mainstage.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.events import Event

INTERVAL = 0.1
"""Seconds between two batches of positions."""
SOON = 0.01
"""Seconds that anything else may wait."""


class Transport(Protocol):
    """What carries events to the owner, in order; any thread."""

    def send_batch(self, batch: list[Event]) -> None:
        """Take events; they may wait for a `flush`."""
        ...

    def flush(self) -> None:
        """Have all that was taken sent."""
        ...


class ShiftedClock:
    """The clock of the process that owns the run, as seen from here."""

    def __init__(self, offset: float) -> None:
        """Take the seconds that the owner's clock is ahead of this process's."""
        self._offset = offset
        self.now: Callable[[], float] = self._shifted if offset else monotonic

    def _shifted(self) -> float:
        return monotonic() + self._offset

    def wall(self) -> float:
        """Return 0: nobody asks here."""
        return 0.0


class RemoteChannel(ThreadChannel):
    """The sending half that crosses; workers hold it as their `Reporter`."""

    def __init__(self, transport: Transport, *, offset: float = 0.0, first_id: int) -> None:
        """Report by `transport`; task numbers are `first_id` and those after it."""
        super().__init__(ShiftedClock(offset))
        self._transport = transport
        self._seconds = INTERVAL
        self._ids = count(first_id)
        self.new_id = self._ids.__next__
        self._closed = False
        self._thread: threading.Thread | None = None
        self._rung = False

    def send(self, event: Event) -> None:
        """Hand one event to the transport; it is sent soon."""
        self._transport.send_batch([event])
        self.ring()

    def ring(self) -> None:
        """Have what the transport took sent soon, if nobody does so before."""
        if not self._rung:
            self._rung = True
            self.wake()

    def set_interval(self, seconds: float) -> None:
        """Send positions at most once in `seconds`."""
        self._seconds = seconds

    def start(self) -> None:
        """Begin to report."""
        self._thread = threading.Thread(target=self._report, name="mainstage-reporter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Report what is left, and end."""
        self._closed = True
        self.wake()
        if self._thread is not None:
            self._thread.join()

    def _report(self) -> None:
        pause = threading.Lock()
        pause.acquire()  # never released: to wait for it is to sleep
        reported = 0.0
        while not self._closed:
            look = self.next_look()
            due = None if look is None else max(look, reported + self._seconds)
            if not self._rung:
                self.receive(None if due is None else max(0.0, due - self.now()))
            if self._rung:
                pause.acquire(timeout=SOON)
                self._rung = False
            while not self.empty():
                self.receive(0)
            now = self.now()
            if self.next_look() is not None and now >= reported + self._seconds:
                reported = now
                events = self.sample(now)
                if events:
                    self._transport.send_batch(events)
            self._transport.flush()
        events = self.sample(self.now())
        if events:
            self._transport.send_batch(events)
        self._transport.flush()
