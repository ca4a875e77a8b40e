"""Waiting for futures while the display lives: what `Run` and the drop-ins share."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import weakref
from collections import deque
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED
from concurrent.futures._base import DoneAndNotDoneFutures as DoneAndNotDone
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from mainstage.core.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

__all__ = ["DoneAndNotDone", "OwnerHost", "iterate_completed", "map_ahead", "wait_for_futures"]

R = TypeVar("R")


class OwnerHost(Protocol):
    """The run whose display is to live meanwhile, or whose workers wait for each other."""

    def _can_wait(self) -> bool:
        """Return whether this thread is one that waits by `wait_until`."""
        ...

    def _wait_until(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait for `done()`, drawing."""
        ...

    def _wake(self) -> None:
        """Make the waiter check its condition again."""
        ...

    def _now(self) -> float:
        """Return the seconds on the run's clock."""
        ...


class DoneFuture(NamedTuple):
    """A future that is done, and whether by an exception."""

    future: Future[Any]
    failed: bool


class Waiter:
    """Hears of the end of futures as the standard library's own waiters do.

    A done-callback would not serve: it comes at `cancel()`, and a cancelled future counts as done only once its
    executor has seen that.
    """

    def __init__(self, host: OwnerHost) -> None:
        self._host = host
        self._ended: SimpleQueue[DoneFuture] = SimpleQueue()

    def begin(self, future: Future[Any]) -> None:
        """Register for the end of `future`; of one that is done, at once."""
        with future._condition:  # noqa: SLF001  # the standard library's wait does the same; there is no other way
            if _is_done(future):
                self._ended.put(DoneFuture(future, future._exception is not None))  # noqa: SLF001  # this is not a look
            else:
                future._waiters.append(self)  # type: ignore[arg-type]  # noqa: SLF001  # as above

    def end(self, future: Future[Any]) -> None:
        """Unregister."""
        with future._condition, contextlib.suppress(ValueError):  # noqa: SLF001  # it ended first, and is none of its waiters
            future._waiters.remove(self)  # type: ignore[arg-type]  # noqa: SLF001  # as above

    def some(self) -> bool:
        """Return whether any has ended that was not taken."""
        return not self._ended.empty()

    def take(self) -> list[DoneFuture]:
        """Return those that have ended since the last call."""
        ended = []
        try:
            while True:
                ended.append(self._ended.get_nowait())
        except Empty:
            return ended

    # --- what a future calls, holding its lock ---

    def add_result(self, future: Future[Any]) -> None:
        """Called when it has a result."""
        self._hear(DoneFuture(future, failed=False))

    def add_exception(self, future: Future[Any]) -> None:
        """Called when it has an exception."""
        self._hear(DoneFuture(future, failed=True))

    def add_cancelled(self, future: Future[Any]) -> None:
        """Called when it was cancelled, and its executor knows."""
        self._hear(DoneFuture(future, failed=False))

    def _hear(self, ended: DoneFuture) -> None:
        self._ended.put(ended)
        self._host._wake()


def iterate_completed(
    run: OwnerHost | None, fs: Iterable[Future[R]], timeout: float | None = None
) -> Iterator[Future[R]]:
    """As `concurrent.futures.as_completed`, keeping the display alive while it waits."""
    if run is None or not run._can_wait():
        yield from concurrent.futures.as_completed(fs, timeout)
        return
    deadline = None if timeout is None else run._now() + timeout
    watch = Waiter(run)
    pending = set(fs)
    total = len(pending)
    for future in pending:
        watch.begin(future)
    future = None  # type: ignore[assignment]  # nothing here keeps a future that its caller lets go
    try:
        ended = [one.future for one in watch.take()]
        while True:
            ended.reverse()  # they are popped, so that the list keeps none that was given out
            while ended:
                pending.remove(ended[-1])
                yield ended.pop()
            if not pending:
                return
            left = None if deadline is None else deadline - run._now()
            if (left is not None and left < 0) or not run._wait_until(watch.some, left):
                raise TimeoutError(f"{len(pending)} (of {total}) futures unfinished")
            ended = [one.future for one in watch.take()]
    finally:
        for future in pending:
            watch.end(future)


def wait_for_futures(
    run: OwnerHost | None, fs: Iterable[Future[R]], timeout: float | None = None, return_when: str = ALL_COMPLETED
) -> DoneAndNotDone[R]:
    """As `concurrent.futures.wait`, keeping the display alive."""
    futures = set(fs)
    known = return_when in (ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION)
    if run is None or not run._can_wait() or not known:  # it knows best how to refuse
        return concurrent.futures.wait(futures, timeout, return_when)
    watch = Waiter(run)
    for future in futures:
        watch.begin(future)
    left = len(futures)

    def over() -> bool:
        nonlocal left
        ended = watch.take()
        left -= len(ended)
        first = (return_when == FIRST_COMPLETED and ended) or (
            return_when == FIRST_EXCEPTION and any(one.failed for one in ended)
        )
        left = 0 if first else left
        return left <= 0

    try:
        run._wait_until(over, timeout)
    finally:
        for future in futures:
            watch.end(future)
    done = {future for future in futures if _is_done(future)}
    return DoneAndNotDone(done, futures - done)


def _is_done(future: Future[Any]) -> bool:
    """Return whether it is done for those who wait; asking for its exception would be a look at it."""
    return future._state in (CANCELLED_AND_NOTIFIED, FINISHED)  # noqa: SLF001  # as in `Watch.begin`


def map_ahead(
    executor: Executor,
    fn: Callable[..., R],
    iterables: Iterable[Iterable[Any]],
    timeout: float | None,
    buffersize: int,
) -> Iterator[R]:
    """Return the results in order; no more than `buffersize` items are submitted whose results were not taken.

    `timeout` is for all of them together. Raises `TypeError` and `ValueError` for a `buffersize` that makes no sense.
    """
    if not isinstance(buffersize, int):
        raise TypeError("buffersize must be an integer or None")
    if buffersize < 1:
        raise ValueError("buffersize must be None or > 0")
    ends = None if timeout is None else monotonic() + timeout
    items = zip(*iterables, strict=False)
    submitted = deque(executor.submit(fn, *args) for args in itertools.islice(items, buffersize))
    submit: weakref.WeakMethod[Callable[..., Future[R]]] = weakref.WeakMethod(
        executor.submit
    )  # an iterator that nobody ends does not keep the pool
    return _in_order(submit, fn, items, submitted, ends)


def _in_order(
    submit: weakref.WeakMethod[Callable[..., Future[R]]],
    fn: Callable[..., R],
    items: Iterator[tuple[Any, ...]],
    submitted: deque[Future[R]],
    ends: float | None,
) -> Iterator[R]:
    try:
        while submitted:
            more = submit()
            if more is not None:
                submitted.extend(more(fn, *args) for args in itertools.islice(items, 1))
            del more
            yield _result(submitted.popleft(), ends)
    finally:
        for future in submitted:
            future.cancel()


def _result(future: Future[R], ends: float | None) -> R:
    try:
        return future.result(None if ends is None else ends - monotonic())
    finally:
        future.cancel()
        del future  # the exception has this frame: no cycle
