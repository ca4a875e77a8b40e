"""One thread that calls functions at given times: deadlines of tasks, back-off of retries, grace after a cancel."""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
from typing import TYPE_CHECKING

from mainstage.core.clock import monotonic
from mainstage.core.refusals import retried

if TYPE_CHECKING:
    from collections.abc import Callable


class Alarm:
    """A call to come; `cancel` takes it back."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Take it back: the call does not happen if it has not begun."""
        self.call = None


class Timer:
    """Calls functions at times on a daemon thread of its own, started with the first and blocked in between."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def after(self, seconds: float, call: Callable[[], None]) -> Alarm:
        """Call `call` in `seconds`, once, on the timer's thread; it must be short and must not raise."""
        alarm = Alarm(call)
        with self._changed:
            heapq.heappush(self._heap, (monotonic() + seconds, next(self._order), alarm))
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._run, name="mainstage-timer", daemon=True)
                retried(thread.start)
                self._thread = thread
            self._changed.notify()
        return alarm

    def close(self) -> None:
        """Forget what is to come and end the thread."""
        with self._changed:
            self._closed = True
            self._heap.clear()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                alarm = self._next()
                if alarm is None:
                    if self._closed:
                        return
                    self._changed.wait(self._pause())
                    continue
            call = alarm.call
            if call is not None:
                try:
                    call()
                except BaseException:  # noqa: BLE001  # a mistake of ours: it is told, and the next ones come
                    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), self._thread)))

    def _next(self) -> Alarm | None:
        if self._heap and self._heap[0][0] <= monotonic():
            return heapq.heappop(self._heap)[2]
        return None

    def _pause(self) -> float | None:
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - monotonic()) if self._heap else None
