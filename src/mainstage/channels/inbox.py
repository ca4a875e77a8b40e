"""The channel within a process: one `SimpleQueue`, many senders, one receiver.

It holds events and notes. A note is a cell that moved: at most one an armed cell is outstanding, whatever the rate,
and the receiver reads its position when a frame is due. `SimpleQueue` and not `Queue`: its put is safe in a signal
handler, and 15 times cheaper (docs/design.md).
"""

from __future__ import annotations

import os
from collections import deque
from itertools import count, islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakSet

from mainstage.channels.spill import FEW, LONG, MANY, Spill, TextBlock
from mainstage.events import TextWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstage.core.clock import Clock
    from mainstage.events import Event
    from mainstage.tasks.reporter import Cell

    Note: TypeAlias = "Event | Cell | TextBlock | None"

ROOM = 100_000_000
"""Characters that wait in memory where no file takes them, by a rough count: what comes then is lost, and counted."""
FIRST_LOOK = 0.1
SLOWEST_LOOK = 1.0
"""Seconds between two looks at a cell that stands still, unless its `patience` is shorter."""
SLICE = 1500
"""Positions read for a picture, at most: 10,000 that all move are read in seven, within a second."""


def _nobody_sleeps() -> None:
    """Do nothing: the owner is awake."""


def _nowhere(_: object) -> None:
    """Take what comes after the end."""


_channels: WeakSet[ThreadChannel] = WeakSet()


def _after_in_child() -> None:
    for channel in tuple(_channels):
        channel.silence()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)


class ThreadChannel:
    """Both halves: workers hold it as their `Reporter`, the loop receives from it."""

    def __init__(self, clock: Clock, *, spills: bool = True) -> None:
        self.now = clock.now
        self._inbox: SimpleQueue[Note] = SimpleQueue()
        self._put = self._inbox.put
        self._first: deque[Event] = deque()
        """What goes before all that waits in the inbox."""
        self._spill = Spill(self._put, used=spills)
        self._told_of_trouble = False
        self._reading: TextBlock | None = None
        self._ids = count(1)
        self.new_id = self._ids.__next__
        self._moved: dict[int, Cell] = {}
        self._polled: dict[int, tuple[Cell, float]] = {}  # cell, seconds until the next look
        self._next_look = 0.0
        self.detailed = False
        """Whether each event of a short call is wanted by itself, since somebody records or shows it; else sums do."""
        self.away = False
        """Set by the loop while the owner is in somebody else's code; `alarm` is then called after each put."""
        self.alarm: Callable[[], None] = _nobody_sleeps
        _channels.add(self)

    # --- sending half: any thread ---

    def send(self, event: Event) -> None:
        """Put one event into the inbox; text that would make it too long, into a file."""
        if event.__class__ is not TextWritten or not self._too_much(event) or not self._spilled(event):
            self._put(event)
            self._spill.open = None
        if self.away:
            self.alarm()

    def begin(self, event: Event) -> None:
        """Send the first event of a run, before what its bars have reported so far."""
        self._first.append(event)

    def send_first(self, event: Event) -> None:
        """Send one event that does not wait for what was sent before it; in a signal handler too."""
        self._first.append(event)
        self.notify()

    def _too_much(self, event: TextWritten) -> bool:
        waiting = self._inbox.qsize()
        return waiting > MANY or (waiting > FEW and len(event.text) > LONG)

    def _spilled(self, event: TextWritten) -> bool:
        """Return whether the file has taken it, or nothing can: memory has no room for it either."""
        if self._spill.take(event):
            return True
        if not self._told_of_trouble:
            self._told_of_trouble = True
            trouble = self._spill.trouble
            why = trouble.strerror if trouble is not None else ""
            text = f"text that waits for the display stays in memory: no temporary file takes it ({why})"
            self._put(TextWritten(self.now(), None, 0, "", "mainstage", text))
        full = len(event.text) * self._inbox.qsize() > ROOM
        if full:
            self._spill.lose(event)
        return full

    @property
    def lost(self) -> int:
        """How many lines there was no room for."""
        return self._spill.lost

    def moved(self, cell: Cell) -> None:
        """Put a note that `cell` has moved."""
        self._put(cell)
        if self.away:
            self.alarm()

    watch = moved  # its first note: the receiver sees that it is polled and keeps it

    def unwatch(self, cell: Cell) -> None:
        """Do nothing: the receiver sees `polled` fall at its next look."""

    def wake(self) -> None:
        """Wake the receiver; nothing has happened."""
        self._put(None)

    def notify(self) -> None:
        """Wake the receiver, also where the owner runs other code."""
        self._put(None)
        if self.away:
            self.alarm()

    # --- receiving half: the owner ---

    def close(self) -> None:
        """Take nothing more: what a thread that outlives the run still sends goes nowhere, at no cost."""
        self.silence()
        self._spill.close()

    def silence(self) -> None:
        """Drop what is sent from now on; takes no lock."""
        self.send = self.moved = self.watch = _nowhere  # type: ignore[method-assign, assignment]  # from now on

    def receive(self, timeout: float | None, *, patient: bool = True) -> Event | None:
        """Wait up to `timeout` seconds (None: for ever; 0: not at all) for an event; None: a note, or nothing came.

        Not `patient`: in a signal handler, which waits for no lock; then `stuck` may say that text waits for one.
        """
        if self._first:
            return self._first.popleft()
        block = self._reading
        if block is not None:
            event = self._spill.read(block, patient=patient)
            if event is not None or block.left:
                return event
            self._reading = None
        try:
            note = self._inbox.get(timeout=timeout) if timeout != 0 else self._after_notes()
        except Empty:
            return None
        if note is None or isinstance(note, tuple):
            return note
        if isinstance(note, TextBlock):
            self._reading = note
            return self._spill.read(note, patient=patient)
        if note.polled:
            self._polled[note.id] = (note, FIRST_LOOK)
            self._next_look = 0.0
        else:
            self._moved[note.id] = note
        return None

    def _after_notes(self) -> Note:
        """Keep the plain notes that come first, at most one a cell, and return what follows; `Empty`: nothing does."""
        get, moved = self._inbox.get_nowait, self._moved
        note = get()
        while not (isinstance(note, tuple) or note is None or isinstance(note, TextBlock) or note.polled):
            moved[note.id] = note
            note = get()
        return note

    def stuck(self) -> bool:
        """Return whether text in the file is all that can be received next."""
        return self._reading is not None and self._reading.left > 0

    def empty(self) -> bool:
        """Return whether nothing waits."""
        return self._reading is None and not self._first and self._inbox.empty()

    def next_sample_at(self) -> float | None:
        """Return when `sample` is worth calling: 0.0 at the next frame, a time for idle `track` loops, None: never."""
        if self._moved:
            return 0.0
        return self._next_look if self._polled else None

    def look_again(self) -> None:
        """Make the next `sample` look at all that is polled, whenever it was looked at last."""
        self._next_look = 0.0

    def has_unread(self, tasks: Iterable[int]) -> bool:
        """Return whether any of these has moved and not been read: they wait for a later slice."""
        return bool(self._moved) and any(task in self._moved for task in tasks)

    def sample(self, now: float, first: Iterable[int] = ()) -> list[Event]:
        """Read the cells that moved, arm them again, and return what they tell.

        At most `SLICE` of them, those of the tasks `first` before all, then those that have waited the longest.
        """
        events: list[Event] = []
        moved = self._moved
        cells = list(moved.values()) if len(moved) <= SLICE else self._slice(first)
        for cell in cells:
            del moved[cell.id]
            cell.arm()  # before the read: a change in between costs a second note, never a lost one
            if not cell.closed:
                events.extend(cell.sample(now))
        if self._polled and now >= self._next_look:
            self._poll(now, events)
        return events

    def _slice(self, first: Iterable[int]) -> list[Cell]:
        moved = self._moved
        chosen = {ident: moved[ident] for ident in first if ident in moved}
        for ident, cell in islice(moved.items(), SLICE):
            chosen.setdefault(ident, cell)
        return list(chosen.values())

    def _poll(self, now: float, events: list[Event]) -> None:
        soonest = SLOWEST_LOOK
        for key, (cell, pause) in list(self._polled.items()):
            if cell.closed or not cell.polled:
                del self._polled[key]
                continue
            news = cell.sample(now)
            events.extend(news)
            next_pause = FIRST_LOOK if news else min(pause * 2, getattr(cell, "patience", SLOWEST_LOOK))
            self._polled[key] = (cell, next_pause)
            soonest = min(soonest, next_pause)
        self._next_look = now + soonest
