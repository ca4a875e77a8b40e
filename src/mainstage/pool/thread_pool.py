"""Threads that take units of work from one queue.

They are daemon threads, so that one stuck in C code cannot hold the interpreter's exit; a hook of ours joins the
healthy ones first. A thread may be abandoned: another takes its place, and it ends as soon as it comes back.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Unit: TypeAlias = Callable[["Worker"], None]

_pools: weakref.WeakSet[ThreadPool] = weakref.WeakSet()


class Worker(threading.Thread):
    """A thread of a pool; `name` is what the display calls it."""

    def __init__(self, pool: ThreadPool, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._pool = pool
        self.abandoned = False
        self.unit: object = None
        """What it works on now, for whoever must name it."""

    def run(self) -> None:
        """Take units until the pool closes."""
        self._pool.serve(self)


class ThreadPool:
    """At most `max_workers` threads, started as they are needed."""

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
        self._others: SimpleQueue[None] = SimpleQueue()  # a token for each unit in the queue that does not yield
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._threads: set[Worker] = set()
        self._names = itertools.count(1)
        self._gate = threading.Event()
        self._gate.set()
        self._holds = 0
        self.closed = False
        _pools.add(self)

    def put(self, unit: Unit, *, yields: bool = False) -> None:
        """Have `unit` run on some thread, in order of arrival; `yields`: it makes way for others, see `alone`."""
        if not yields:
            self._others.put(None)
        self._units.put((unit, yields))
        if not self._idle.acquire(blocking=False):
            self._grow()

    def busy(self) -> bool:
        """Return whether units wait for a thread."""
        return not self._units.empty()

    @property
    def alone(self) -> Callable[[], bool]:
        """A cheap call that says whether no unit waits for a thread, but those that yield themselves."""
        return self._others.empty

    def hold(self, *, on: bool) -> None:
        """Hand out no more units, or go on once everybody who held has let go. What yields makes way meanwhile."""
        with self._lock:
            self._holds = max(0, self._holds + (1 if on else -1))
            if on and self._holds == 1:
                self._others.put(None)
                self._gate.clear()
            elif not on and not self._holds and not self._gate.is_set():
                self._gate.set()
                self._others.get_nowait()

    def abandon(self, worker: Worker) -> None:
        """Count `worker` out: it ends when it comes back, another takes its place if work waits."""
        with self._lock:
            worker.abandoned = True
            self._threads.discard(worker)
        if self.busy():
            self._grow()

    def close(self) -> None:
        """Take no more; the threads end when the queue is empty."""
        with self._lock:
            self.closed = True
        self._gate.set()
        self._units.put(None)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the threads to end, up to `timeout` seconds each; return whether all have."""
        for thread in self.threads():
            if thread is not threading.current_thread():
                thread.join(timeout)
        return not any(thread.is_alive() for thread in self.threads())

    def threads(self) -> list[Worker]:
        """Return the threads that are not abandoned."""
        with self._lock:
            return list(self._threads)

    def _grow(self) -> None:
        with self._lock:
            if len(self._threads) >= self.max_workers:
                return
            worker = Worker(self, f"{self._prefix}-{next(self._names)}")
            self._threads.add(worker)
        worker.start()

    def serve(self, worker: Worker) -> None:
        """Run units on this thread until the pool is closed and empty, or the thread abandoned."""
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
            self._gate.wait()
            worker.unit = unit
            unit(worker)
            worker.unit = None
            del unit, taken
            if worker.abandoned:
                break
        with self._lock:
            self._threads.discard(worker)
        if self._on_idle is not None:
            self._on_idle()

    def _take(self) -> tuple[Unit, bool] | None:
        try:
            return self._units.get_nowait()
        except Empty:
            self._idle.release()
            return self._units.get()


def _join_all() -> None:
    for pool in list(_pools):
        pool.close()
    for pool in list(_pools):
        pool.join()


# Before the interpreter waits for other threads, as concurrent.futures does: work in hand is finished, not cut off.
threading._register_atexit(_join_all)  # type: ignore[attr-defined]  # noqa: SLF001  # the hook the standard pool uses
