"""What stands for a root task until one is needed: by `current_task` or `track`, a failure, or a display.

No lock is held where an event is sent. Which thread announces it, and which makes its task, is decided by one atomic
step (`core.once`), so a frame that is drawn in a signal handler, between any two lines of this, waits for nothing.
Its start goes before all else that is sent of it, whichever thread sends that.
"""

from __future__ import annotations

import threading

from mainstage._typing import TYPE_CHECKING
from mainstage.core.once import Once
from mainstage.events import TaskStarted
from mainstage.tasks.task import NULL, root_task

if TYPE_CHECKING:
    from _thread import LockType
    from typing import Any

    from mainstage.events import Event
    from mainstage.tasks.reporter import Reporter
    from mainstage.tasks.task import Task

START_WAIT_S = 1.0
"""Seconds that a thread which has more to send waits for the one that has announced it and not sent that yet."""
announcing, resolving = Once("announced"), Once("task")
SENT = threading.Lock()
"""In the place of `DeferredTask.announced` where the start goes with the end."""


class DeferredTask:
    """Becomes a task when it is first asked for one. A subclass says what it is called, and who works on it."""

    # Class attributes and not set one by one: half the cost of an item.
    task: Task | None = None
    cancel_reason: str | None = None
    announced: LockType | None = None
    """Put here, locked, by the thread that sends its start; open once that is sent."""
    entry: tuple[Any, int, tuple[Any, ...], int]
    """What it is of, the number of its task, the arguments, the attempt."""
    started: float

    @property
    def id(self) -> int:
        """The number of its task."""
        return self.entry[1]

    @property
    def args(self) -> tuple[Any, ...]:
        """What the function is called with."""
        return self.entry[2]

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self.entry[3]

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        raise NotImplementedError

    def worker_name(self) -> str:
        """Return what its worker is called."""
        raise NotImplementedError

    def name(self) -> str:
        """Return what it is called itself."""
        raise NotImplementedError

    def queued(self, at: float) -> Event | None:  # noqa: ARG002  # a subclass's
        """Return the event that it was submitted, if that is to be sent before its start."""
        return None

    def announce(self, at: float) -> list[Event]:
        """Return the events of its start, the first time; `at` is when they are made."""
        if self.announced is not None:
            return []
        mine = threading.Lock()
        mine.acquire()
        if announcing.first(self, mine) is not mine:
            return []
        began = min(at, self.started)
        start = TaskStarted(began, self.id, self.attempt, self.worker_name(), self.name())
        queued = self.queued(began)
        return [start] if queued is None else [queued, start]

    def start_sent(self) -> None:
        """Called when the events that `announce` returned are sent: other threads may send more."""
        if self.announced is not None:
            self.announced.release()

    def send_start(self) -> None:
        """Send its start, or wait until it is sent by the thread that does."""
        events = self.announce(self.started)
        for event in events:
            self.reporter.send(event)
        if events:
            self.start_sent()
        elif self.announced is not None and self.announced.acquire(timeout=START_WAIT_S):
            self.announced.release()

    def resolve(self) -> Task:
        """Return the task that stands for it, made now if need be: its start goes before all that is sent of it."""
        task = self.task
        if task is None:
            self.send_start()
            if self.announced is SENT:  # it has ended, and all of it was told in one event
                return NULL
            made = root_task(self.reporter, self.id, self.attempt, self.name(), worker=self.worker_name())
            task = resolving.first(self, made)
            if self.cancel_reason is not None:
                task.request_cancel(self.cancel_reason)
        return task

    _as_parent = resolve

    def request_cancel(self, reason: str) -> None:
        """Ask its worker to stop, at once or with its first report. Any thread, signal handlers too."""
        self.cancel_reason = reason
        if self.task is not None:
            self.task.request_cancel(reason)
