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
from typing import TYPE_CHECKING, Any, TypeVar

from mainstage import waiting
from mainstage.session import Run, current_run
from mainstage.waiting import DoneAndNotDone

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
    return waiting.as_completed(current_run(), fs, timeout)


def wait(fs: Iterable[Future[Any]], timeout: float | None = None, return_when: str = ALL_COMPLETED) -> DoneAndNotDone:
    """As `concurrent.futures.wait`, keeping the display alive."""
    return waiting.wait(current_run(), fs, timeout, return_when)
