"""The future of a submitted call."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures._base import FINISHED
from typing import TYPE_CHECKING, Any, TypeVar

from mainstage.pool.lean_future import LeanFuture

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


class TaskFuture(LeanFuture[R]):
    """A `concurrent.futures.Future` whose `result` and `exception` keep the display alive while they wait."""

    awaited = False
    """Whether somebody waits by other means than its condition: then its end must wake the run."""
    looked = False
    """Whether somebody has asked for the outcome."""
    task = 0
    """The number of the task in the events."""

    def __init__(
        self, wait: Callable[[TaskFuture[Any], float | None], bool], unretrieved: dict[int, TaskFuture[Any]]
    ) -> None:
        """Make one; it leaves `unretrieved`, where its run keeps it, once its outcome has been asked for."""
        super().__init__()
        self._wait = wait
        self._unretrieved = unretrieved

    def result(self, timeout: float | None = None) -> R:
        """As `Future.result`: the value, or the worker's own exception; `TimeoutError` after `timeout` seconds."""
        if self._state != FINISHED and self._wait(self, timeout) and timeout is not None:
            timeout = 0
        try:
            return Future.result(self, timeout)
        finally:
            if not self.looked:
                self._mark_retrieved()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As `Future.exception`."""
        if self._state != FINISHED and self._wait(self, timeout) and timeout is not None:
            timeout = 0
        try:
            return Future.exception(self, timeout)
        finally:
            if not self.looked:
                self._mark_retrieved()

    def _mark_retrieved(self) -> None:
        if self._state == FINISHED or self.done():
            self.looked = True
            self._unretrieved.pop(self.task, None)

    def failure(self) -> BaseException | None:
        """Return what it failed with, without having looked; None: it did not, or not yet."""
        return super().exception() if self.done() and not self.cancelled() else None

    def left(self) -> bool:
        """Return whether it ended well, and was not retrieved."""
        return self.done() and not self.looked and not self.cancelled() and super().exception() is None
