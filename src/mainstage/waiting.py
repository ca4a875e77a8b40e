"""Waiting for futures while the display lives: what `Run` and the drop-ins share."""

from __future__ import annotations

import concurrent.futures
import threading
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

R = TypeVar("R")


class DoneAndNotDone(NamedTuple):
    """What `wait` returns: `done` and `not_done`, two sets of futures."""

    done: set[Future[Any]]
    not_done: set[Future[Any]]


class Host(Protocol):
    """The run whose display is to live meanwhile."""

    def pumps(self) -> bool:
        """Return whether this thread is the one that draws."""
        ...

    def wait_until(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait for `done()`, drawing."""
        ...

    def wake(self) -> None:
        """Have whoever waits look again."""
        ...

    def now(self) -> float:
        """Return the seconds on the run's clock."""
        ...


def as_completed(run: Host | None, fs: Iterable[Future[R]], timeout: float | None = None) -> Iterator[Future[R]]:
    """As `concurrent.futures.as_completed`, keeping the display alive while it waits."""
    if run is None or not run.pumps():
        yield from concurrent.futures.as_completed(fs, timeout)
        return
    futures = set(fs)
    total = len(futures)
    finished: SimpleQueue[Future[R]] = SimpleQueue()

    def note(future: Future[R]) -> None:
        finished.put(future)
        run.wake()

    for future in futures:
        future.add_done_callback(note)
    deadline = None if timeout is None else run.now() + timeout
    while futures:
        left = None if deadline is None else max(0.0, deadline - run.now())
        if not run.wait_until(lambda: not finished.empty(), left):
            msg = f"{len(futures)} (of {total}) futures unfinished"
            raise TimeoutError(msg)
        future = finished.get()
        futures.discard(future)
        yield future
        del future


def wait(
    run: Host | None, fs: Iterable[Future[Any]], timeout: float | None = None, return_when: str = ALL_COMPLETED
) -> DoneAndNotDone:
    """As `concurrent.futures.wait`, keeping the display alive."""
    futures = set(fs)
    if run is not None and run.pumps():
        count = _Countdown(len(futures), return_when, run.wake)
        for future in futures:
            future.add_done_callback(count)
        run.wait_until(count.satisfied, timeout)
        timeout = 0
    return DoneAndNotDone(*concurrent.futures.wait(futures, timeout, return_when))


class _Countdown:
    """Knows when a `wait` is over, without looking at every future each time."""

    def __init__(self, total: int, return_when: str, wake: Callable[[], None]) -> None:
        self._left = total
        self._return_when = return_when
        self._wake = wake
        self._lock = threading.Lock()
        self._first = False
        self._failed = False

    def __call__(self, future: Future[Any]) -> None:
        """Count one future that is done."""
        failed = not future.cancelled() and Future.exception(future) is not None  # the base's: this is not a look
        with self._lock:
            self._left -= 1
            self._first = True
            self._failed = self._failed or failed
        self._wake()

    def satisfied(self) -> bool:
        """Return whether the wait is over."""
        if self._left <= 0:
            return True
        if self._return_when == FIRST_COMPLETED:
            return self._first
        return self._return_when == FIRST_EXCEPTION and self._failed
