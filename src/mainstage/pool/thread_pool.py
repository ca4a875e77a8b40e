"""Threads that take units of work from one queue.

They are daemon threads, so that one stuck in C code cannot hold the interpreter's exit; a hook of ours joins the
healthy ones first. A thread may be abandoned: another takes its place, and it ends as soon as it comes back. While one
waits for other work of its own pool another takes its place too, so that what it waits for can run.

Units may be put, and a pool closed, by a signal handler on a thread that is in the middle of any of this. So nothing
here waits for a lock that the same thread may hold: queues of C code, and one re-entrant lock around the number of
threads.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import weakref
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from mainstage.core.refusals import retried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Unit: TypeAlias = Callable[["Worker"], None]

_pools: weakref.WeakSet[ThreadPool] = weakref.WeakSet()


class Worker(threading.Thread):
    """A thread of a pool; `name` is what the display calls it."""

    def __init__(self, pool: ThreadPool, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.pool = pool
        self.abandoned = False

    def run(self) -> None:
        """Take units until the pool closes."""
        self.pool.serve(self)


class ThreadPool:
    """At most `max_workers` threads that do not wait for each other, started as they are needed."""

    def __init__(
        self,
        max_workers: int,
        *,
        name: str = "thread",
        initializer: Callable[[], None] | None = None,
        on_idle: Callable[[], None] | None = None,
    ) -> None:
        if max_workers <= 0:
            msg = f"max_workers must be greater than 0, not {max_workers}"
            raise ValueError(msg)
        self.max_workers = max_workers
        self._prefix = name
        self._initializer = initializer
        self._on_idle = on_idle
        self._units: SimpleQueue[tuple[Unit, bool] | None] = SimpleQueue()
        self._others: SimpleQueue[None] = SimpleQueue()
        """A token for each unit in the queue that does not yield, and for each hold."""
        self._idle: SimpleQueue[None] = SimpleQueue()
        """A token for each thread that waits for a unit."""
        self._lock = threading.RLock()
        self._threads: dict[Worker, None] = {}
        self._blocked: dict[object, None] = {}
        """One for each thread that waits for other work of this pool."""
        self._names = itertools.count(1)
        self.holds: deque[None] = deque()
        """A token for each hold: nothing begins meanwhile."""
        self.surplus: deque[None] = deque()
        """Not empty while threads are one too many, since one that waited for others goes on."""
        self._released: SimpleQueue[None] = SimpleQueue()
        self.closed = False
        _pools.add(self)

    def put(self, unit: Unit, *, yields: bool = False) -> None:
        """Run `unit` on some thread, in order of arrival; `yields`: it makes way for others, see `alone`."""
        if not yields:
            self._others.put(None)
        self._units.put((unit, yields))
        try:
            self._idle.get_nowait()
        except Empty:
            self._grow()

    def busy(self) -> bool:
        """Return whether units wait for a thread."""
        return not self._units.empty()

    @property
    def alone(self) -> Callable[[], bool]:
        """A cheap call that says whether no unit waits for a thread, but those that yield themselves."""
        return self._others.empty

    @property
    def held(self) -> bool:
        """Whether no unit begins for now."""
        return bool(self.holds)

    def hold(self, *, on: bool) -> None:
        """Begin no more units, or go on once each hold has been ended. What yields makes way meanwhile."""
        if on:
            self.holds.append(None)
            self._others.put(None)
            return
        with contextlib.suppress(IndexError):
            self.holds.pop()
            self._others.get_nowait()
        self._release()

    def _release(self) -> None:
        """Wake the threads: units may begin."""
        for _ in range(len(self._threads)):
            self._released.put(None)

    def here(self) -> bool:
        """Return whether the calling thread is one of this pool."""
        thread = threading.current_thread()
        return isinstance(thread, Worker) and thread.pool is self

    @contextlib.contextmanager
    def blocked(self) -> Iterator[None]:
        """Bring another thread in the place of this one, which waits for work of this pool within the block."""
        token = object()
        self._blocked[token] = None
        try:
            if self.busy():
                self._grow()
            yield
        finally:
            del self._blocked[token]
            if self._is_surplus():
                self.surplus.append(None)
                self.put(_do_nothing)  # the next thread that comes by ends with that

    def abandon(self, worker: Worker) -> None:
        """Count `worker` out: it ends when it comes back, another takes its place if work waits."""
        worker.abandoned = True
        self._threads.pop(worker, None)
        if self.busy():
            self._grow()

    def close(self) -> None:
        """Take no more; the threads end when the queue is empty."""
        self.closed = True
        self._release()
        self._units.put(None)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the threads to end, up to `timeout` seconds each; return whether all have."""
        for thread in self.threads():
            if thread is not threading.current_thread():
                thread.join(timeout)
        return not any(thread.is_alive() for thread in self.threads())

    def threads(self) -> list[Worker]:
        """Return the threads that are not abandoned."""
        return list(self._threads)

    @property
    def most(self) -> int:
        """How many threads there may be now: another one for each that waits for work of this pool."""
        return self.max_workers + len(self._blocked)

    def _grow(self) -> None:
        if len(self._threads) >= self.most:
            return
        worker = Worker(self, f"{self._prefix}-{next(self._names)}")
        with self._lock:
            self._threads[worker] = None  # first, for a handler on this thread that comes here too
            if len(self._threads) > self.most:
                del self._threads[worker]
                return
        try:
            retried(worker.start)
        except RuntimeError:  # the system has no more of them
            self._threads.pop(worker, None)
            if not self._threads:
                raise

    def _is_surplus(self) -> bool:
        return len(self._threads) > self.most

    def _ends(self, worker: Worker) -> bool:
        """Return whether this thread is one too many, now that fewer wait for each other; it is counted out then."""
        if not self._is_surplus():
            self.surplus.clear()
            return False
        with self._lock:
            return self._is_surplus() and self._threads.pop(worker, self) is not self

    def serve(self, worker: Worker) -> None:
        """Run units on this thread until the pool is closed and empty, or the thread abandoned or one too many."""
        try:
            self._serve(worker)
        finally:  # a callback of a future may raise what ends the thread
            self._threads.pop(worker, None)
            if self.busy() and not self.closed:
                self._grow()
            if self._on_idle is not None:
                self._on_idle()

    def _serve(self, worker: Worker) -> None:
        if self._initializer is not None:
            self._initializer()
        while True:
            taken = self._take()
            if taken is None:
                self._units.put(None)  # for the next thread
                break
            unit, yields = taken
            if not yields:
                self._others.get_nowait()
            while self.holds and not self.closed:
                self._released.get()
            unit(worker)
            del unit, taken
            if worker.abandoned or self._ends(worker):
                break

    def _take(self) -> tuple[Unit, bool] | None:
        try:
            return self._units.get_nowait()
        except Empty:
            self._idle.put(None)
            return self._units.get()


def _do_nothing(_: Worker) -> None:
    """Do nothing: a unit that wakes a thread."""


def _join_all() -> None:
    for pool in list(_pools):
        pool.close()
    for pool in list(_pools):
        pool.join()


# Before the interpreter waits for other threads, as concurrent.futures does: work in hand is finished, not cut off.
threading._register_atexit(_join_all)  # type: ignore[attr-defined]  # noqa: SLF001  # the hook the standard pool uses
