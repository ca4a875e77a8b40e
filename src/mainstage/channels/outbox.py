"""The worker's half of a channel across a border: events go out as they come, positions are read here.

Edges are handed to the transport at once, in order. A thread of this side does what the owner does within a process:
it takes the notes, reads the cells that moved at most once an interval, and hands what they tell to the transport.
What the transport is does not matter: a pipe, a cluster's own messages.

The owner sets the interval. At the usual one, edges leave within a hundredth of a second; a longer one says that the
owner has more to take than it can, and then edges too wait for the batch of their interval.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Protocol

from mainstage.channels.inbox import ThreadChannel
from mainstage.core.clock import monotonic
from mainstage.core.interpreter import is_beside_the_main_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.core.clock import Clock
    from mainstage.events import Event

INTERVAL = 0.1
"""Seconds between two batches of positions, unless the owner asks for other ones."""
SOON = 0.01
"""Seconds in which what is to be sent soon is gathered."""


def _nothing() -> None:
    """Do nothing: what would be done is another process's."""


class Transport(Protocol):
    """What carries events to the owner, in order; any thread."""

    def send_batch(self, batch: list[Event]) -> None:
        """Take events; they may wait for a `flush`."""
        ...

    def flush(self) -> None:
        """Send all that was taken."""
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
        """Return 0: it is not used here."""
        return 0.0


class RemoteChannel(ThreadChannel):
    """The sending half that crosses; workers hold it as their `Reporter`."""

    def __init__(self, transport: Transport, clock: Clock, *, first_id: int) -> None:
        """Report by `transport` at times of `clock`; task numbers are `first_id` and those after it."""
        super().__init__(clock, spills=False)
        self._transport = transport
        self._seconds = INTERVAL
        self._ids = count(first_id)
        self.new_id = self._ids.__next__
        self._closed = False
        self._thread: threading.Thread | None = None
        self._pause = threading.Lock()
        self._pause.acquire()  # released by `stop` alone: to wait for it is to sleep
        self._told: float | None = None
        """When the first event came that has not been sent; None: there is none."""
        self._rung: float | None = None
        """When somebody last asked for a flush that has not been."""
        self._reported = -INTERVAL
        """When a batch of the interval was last sent."""

    def send(self, event: Event) -> None:
        """Hand one event to the transport; it is sent soon, at a longer interval than usual with its batch."""
        self._transport.send_batch([event])
        if self._told is None:
            self._told = self.now()
            self.wake()

    def flush_soon(self) -> None:
        """Send soon what the transport took, unless it is sent before."""
        if self._rung is None:
            self._rung = self.now()
            self.wake()

    def silence(self) -> None:
        """Drop what is sent from now on, and flush nothing; takes no lock."""
        super().silence()
        self.flush_soon = self.wake = _nothing  # type: ignore[method-assign]  # from now on

    def set_interval(self, seconds: float) -> None:
        """Send positions at most once in `seconds`."""
        if seconds != self._seconds:
            self._seconds = seconds
            self.wake()

    def start(self) -> None:
        """Begin to report."""
        daemon = not is_beside_the_main_one()
        self._thread = threading.Thread(target=self._report, name="mainstage-reporter", daemon=daemon)
        self._thread.start()

    def stop(self) -> None:
        """Report what is left, and end."""
        self._closed = True
        self._pause.release()
        self.wake()
        if self._thread is not None:
            self._thread.join()

    def due(self) -> float | None:
        """Return when `report` is worth calling, if nothing more happens; None: never."""
        again = self._reported + self._seconds
        times: list[float] = []
        if self._rung is not None:
            times.append(self._rung + SOON)
        if self._told is not None:
            times.append(max(self._told + SOON, again) if self._seconds > INTERVAL else self._told + SOON)
        look = self.next_sample_at()
        if look is not None:
            times.append(max(look, again))
        return min(times, default=None)

    def report(self, now: float) -> None:
        """Send what is due at `now`; what the reporter thread does each time it wakes."""
        while not self.empty():
            self.receive(0)
        due = self.due()
        if due is None or now < due:
            return
        if now >= self._reported + self._seconds:
            events = self.sample(now) if self.next_sample_at() is not None else []
            if events:
                self._transport.send_batch(events)
            if events or self._seconds > INTERVAL:
                self._reported = now
        self._told = self._rung = None  # before the flush: what comes in between asks for another
        self._transport.flush()

    def _report(self) -> None:
        while not self._closed:
            due = self.due()
            wait = None if due is None else max(0.0, due - self.now())
            if wait is None or wait > SOON:
                self.receive(wait)
            else:
                self._pause.acquire(timeout=wait)
            self.report(self.now())
        events = self.sample(self.now())
        if events:
            self._transport.send_batch(events)
        self._transport.flush()
