"""Cancellation: one request, raised once in each thread that works on a task.

The rules that make it work without a lock (a request may come from a signal handler, in the middle of anything):

1. The requester interrupts the `track` loops, publishes the request, arms the tasks, and interrupts the loops that
   began meanwhile. A worker stores first ("I am here", "not armed") and looks for a request after.
2. A thread raises at its own next report; the request stands for the others.
3. An interrupted loop has already lost an item when it notices, so it always raises. A thread that raises elsewhere
   first (an `advance` in the body) resumes its loops: they have not noticed, and continue as if not interrupted.
"""

from __future__ import annotations

from threading import TIMEOUT_MAX, Lock, Thread, current_thread

from mainstage._typing import TYPE_CHECKING
from mainstage.errors import Cancelled

if TYPE_CHECKING:
    from typing import NoReturn, Protocol
else:
    from mainstage._typing import Protocol


class Request:
    """A request to stop, and the threads in which it has been raised."""

    __slots__ = ("reason", "told")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.told: set[Thread] = set()


class Interruptible(Protocol):
    """A loop at C speed that runs no code of ours between two items."""

    thread: Thread

    def interrupt(self, request: Request) -> None:
        """Make its next step raise; called by any thread."""
        ...

    def resume(self) -> None:
        """Undo that; called by its own thread, in its body."""
        ...

    def position(self) -> float:
        """Return how many items are done; any thread."""
        ...

    def stop(self) -> None:
        """Keep the count as it stands, for ever."""
        ...


class ScopedTask(Protocol):
    """A task, as the scope that it belongs to sees it."""

    def _arm_for_cancel(self) -> None:
        """Look for a request to stop at the next report; called by any thread."""
        ...

    def close(self, error: BaseException | None = None) -> None:
        """Send its last event."""
        ...


class CancelScope:
    """What a root task and the tasks nested in it share: who is live, and what they were asked."""

    __slots__ = ("loops", "request", "root", "sleepers", "tasks")

    def __init__(self, root: int) -> None:
        self.root = root
        self.request: Request | None = None
        self.tasks: dict[int, ScopedTask] = {}
        self.loops: dict[int, Interruptible] = {}  # by the id of the task that it drives, in the order they began
        self.sleepers: list[Lock] = []

    def cancel(self, reason: str) -> None:
        """Cancel: ask every thread that works on these tasks to stop. Any thread, any signal handler."""
        request = Request(reason)
        self._cut(request)
        self.request = request
        for task in list(self.tasks.values()):
            task._arm_for_cancel()
        self._cut(request)
        for alarm in list(self.sleepers):
            try:
                alarm.release()
            except RuntimeError:  # an earlier request has
                continue

    def _cut(self, request: Request) -> None:
        for loop in list(self.loops.values()):
            if loop.thread not in request.told:
                loop.interrupt(request)

    def check(self) -> None:
        """Raise `Cancelled` if this thread was asked to stop and has not raised it yet."""
        request = self.request
        if request is not None and current_thread() not in request.told:
            self.raise_cancelled(request)

    def raise_cancelled(self, request: Request) -> NoReturn:
        """Raise `Cancelled` in this thread, for this request."""
        thread = current_thread()
        request.told.add(thread)
        for loop in list(self.loops.values()):
            if loop.thread is thread:
                loop.resume()
        raise Cancelled(request.reason)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless asked to stop."""
        alarm = Lock()
        alarm.acquire()
        self.sleepers.append(alarm)
        try:
            self.check()
            alarm.acquire(timeout=min(max(seconds, 0), TIMEOUT_MAX))
        finally:
            self.sleepers.remove(alarm)
        self.check()
