"""A `concurrent.futures.Future` that is cheaper to make and to settle: the standard code, on a leaner lock."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures._base import PENDING
from threading import Condition
from typing import Any, TypeVar

__all__ = ["LeanFuture"]

R = TypeVar("R")
_Lock: Any = type(threading.RLock())


class LeanCondition(_Lock):  # type: ignore[misc]  # it has no name that is public
    """A `threading.Condition` that is its own lock: one object where no thread waits, entered and left in C.

    The standard one is nine objects, and a call of a Python function each time it is entered or left.
    """

    _waiters: Any = ()
    """The locks of the threads that wait, as the standard methods keep them; a queue once there has been one."""
    wait_for = Condition.wait_for
    notify = Condition.notify

    def wait(self, timeout: float | None = None) -> bool:
        """As `Condition.wait`."""
        if self._waiters == ():
            self._waiters = deque()
        return Condition.wait(self, timeout)

    def notify_all(self) -> None:
        """As `Condition.notify_all`."""
        if self._waiters:
            self.notify(len(self._waiters))


class LeanFuture(Future[R]):
    """A future whose condition is lean."""

    _state = PENDING
    _result: Any = None
    _exception: BaseException | None = None

    def __init__(self) -> None:
        """Make one that is pending."""
        self._condition = LeanCondition()
        self._waiters: list[Any] = []
        self._done_callbacks: list[Any] = []
