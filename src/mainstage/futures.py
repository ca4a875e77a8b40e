"""Drop-ins for `concurrent.futures`: change the import, and the program has a display.

Signatures and semantics are the standard library's (a running future does not cancel, one failure cancels nothing, a
generator function gives a generator), with one exception: Ctrl-C while a call of this module waits asks the work to
stop and raises `KeyboardInterrupt` when it has. The display begins with the first submit, and ends when no future is
pending.
"""

from __future__ import annotations

import concurrent.futures
import threading
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Executor,
    Future,
)
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mainstage.session import Run, current_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "CancelledError",
    "DoneAndNotDone",
    "Executor",
    "Future",
    "ThreadPoolExecutor",
    "as_completed",
    "wait",
]

R = TypeVar("R")


class DoneAndNotDone(NamedTuple):
    """What `wait` returns: `done` and `not_done`, two sets of futures."""

    done: set[Future[Any]]
    not_done: set[Future[Any]]


class _Implicit:
    """The run that exists because a drop-in executor has work: opened by a submit, closed when none is pending."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._run: Run | None = None

    def run(self) -> Run:
        """Return the run that is live, opening one if there is none."""
        with self._lock:
            run = current_run()
            if run is None:
                run = self._run = Run.implicit()
            return run


_implicit = _Implicit()


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """`concurrent.futures.ThreadPoolExecutor` under a display; its workers may use `track`, `task` and the rest."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:  # type: ignore[override]  # ParamSpec there too
        """As the standard library's."""
        return _implicit.run().adopt(super().submit, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the standard signature
        """As the standard library's; the display stays alive while it waits."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            run = current_run()
            threads = list(self._threads)
            if run is not None:
                run.wait_for_threads(threads)
            super().shutdown(wait=True)


def as_completed(fs: Iterable[Future[R]], timeout: float | None = None) -> Iterator[Future[R]]:
    """As `concurrent.futures.as_completed`, keeping the display alive while it waits."""
    run = current_run()
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


def wait(fs: Iterable[Future[Any]], timeout: float | None = None, return_when: str = ALL_COMPLETED) -> DoneAndNotDone:
    """As `concurrent.futures.wait`, keeping the display alive."""
    futures = set(fs)
    run = current_run()
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
        failed = not future.cancelled() and future.exception() is not None
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
