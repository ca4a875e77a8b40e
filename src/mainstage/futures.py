"""Drop-ins for `concurrent.futures`: change the import, and the program has a display.

Signatures and semantics are the standard library's (a running future does not cancel, one failure cancels nothing, a
generator function gives a generator), with one exception: Ctrl-C while a call of this module waits asks the work to
stop and raises `KeyboardInterrupt` when it has. The display begins with the main thread's first submit, and ends when
no future is pending; in other threads, and in child processes, an executor is the standard library's and no more,
unless a run is live.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import concurrent.futures.thread
import functools
import itertools
import multiprocessing
import os
import signal
import sys
import threading
import weakref
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    InvalidStateError,
)
from concurrent.futures._base import FINISHED
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mainstage.core.fork import works_for_parent
from mainstage.core.once import Once
from mainstage.errors import Cancelled, PoolBroken, RemoteTraceback, cause_of, is_instance, set_cause
from mainstage.pool.lean_future import LeanFuture
from mainstage.pool.options import Crew, default_processes, start_context
from mainstage.run import exit as exits
from mainstage.run import waiters
from mainstage.run.external_threads import ThreadCall, describe_submitted
from mainstage.run.implicit import last_lines
from mainstage.run.run import Run, current_run, own_run
from mainstage.run.waiters import DoneAndNotDone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from multiprocessing.context import BaseContext
    from types import TracebackType

    from mainstage.run.external import ExternalCall

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "BrokenExecutor",
    "CancelledError",
    "DaskExecutor",
    "DoneAndNotDone",
    "Executor",
    "Future",
    "InterpreterPoolExecutor",
    "InvalidStateError",
    "ProcessPoolExecutor",
    "RayExecutor",
    "ThreadPoolExecutor",
    "TimeoutError",
    "as_completed",
    "wait",
]

STARTED_IN = 5.0
"""Seconds that the first submit to a pool of processes waits for a worker at most."""
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
C = TypeVar("C")
_of_all_pools: Any = concurrent.futures.thread
"""What the standard pools of threads share."""
TimeoutError = TimeoutError  # noqa: A001, PLW0127  # `concurrent.futures` has the builtin under this name too


NEVER_IDLE = (None,)
"""What waits where there is no run to end."""


class Implicit:
    """The run that exists because a drop-in executor has work: opened by a submit, closed when none is pending."""

    def __init__(self) -> None:
        self.run: Run | None = None
        """The run that it opened, while that is live."""
        self.waiting: Collection[object] = NEVER_IDLE
        """Its calls in threads that have not ended: where there are none, who comes by may end it."""
        self._lock = threading.Lock()
        """Held by who submits; who ends the run only tries, since it may be a signal handler on the same thread."""
        self._over = False
        self._stuck: Run | None = None
        """The last run that ended although calls did not stop when they were asked to."""
        self._inherited = False
        """Whether this process was forked: the run is the parent's, and so is the terminal."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._in_child)
        self._executors: weakref.WeakSet[Executor] = weakref.WeakSet()
        """Those that have had a call shown and may have more: the last lines wait for their end."""

    def _in_child(self) -> None:
        self._inherited = True

    def expect(self, executor: Executor | None, announce: Callable[..., C], *args: Any) -> C | None:
        """Return `announce(run, *args)`, what shows a call about to be submitted; a run is opened if need be.

        `executor` is where it is submitted; None: that has a call under way. Return None where there is no display for
        it. Raises `RuntimeError` while the interpreter waits for the last calls.
        """
        if self._over:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        if self._inherited:
            return None
        with self._lock:
            run = current_run() or self._open()
            if run is None:
                return None
            if executor is not None:
                self._executors.add(executor)
            return announce(run, *args)

    def _open(self) -> Run | None:
        if threading.current_thread() is not threading.main_thread() or works_for_parent():
            return None
        run = self.run = Run(on_error="collect")
        run._open_implicitly(self.end)
        self.waiting = run._waiting_thread_calls()  # noqa: SLF001  # of the same library
        return run

    def end(self) -> None:
        """End the run if nothing is pending in it; on its owner's thread, also in a signal handler. Raises nothing."""
        run = self.run
        if run is None or not self._lock.acquire(blocking=False):
            return  # a call is just being submitted: its end brings us here again
        try:
            if run is current_run() and not (run._pending() if self._over else run._goes_on()):
                self.run, self.waiting = None, NEVER_IDLE
                ended = run._close_implicitly()
                self._stuck = run if run._has_abandoned() else self._stuck
                if ended is not None:
                    last_lines.keep(*ended)
        finally:
            self._lock.release()
        if self.run is None and not self._executors:
            last_lines.say()

    def shut(self, executor: Executor) -> None:
        """Take it that no more calls come from `executor`; the last lines come with the end of the last one."""
        self._executors.discard(executor)
        if self.run is None and not self._executors:
            last_lines.say()

    def finish(self) -> None:
        """Wait for what is pending when the interpreter exits, taking no more, and show the end."""
        self._over = True
        error = getattr(sys, "last_value", None)  # what the program ends with, if it is no exit
        interrupt = error if is_instance(error, KeyboardInterrupt) else None
        run = self.run
        if run is not None and run._is_owner():
            try:
                if interrupt is not None:
                    run.cancel("Ctrl-C")
                run._wait_until(lambda: not run._pending())
            except KeyboardInterrupt as caught:
                interrupt = caught
                exits.die_at_exit(caught)
            self.end()
        last_lines.say()
        if interrupt is not None and self._stuck is not None and self._stuck._has_abandoned():
            exits.exit_now(interrupt)


_implicit = Implicit()
_showing = Once("_shown")


class ShownFuture(LeanFuture[R]):
    """A `concurrent.futures.Future` whose `result` and `exception` keep the display alive while they wait."""

    call: ThreadCall | ExternalCall | None = None
    """What shows it, until that knows of its end."""
    awaited: Callable[[], None] | None = None
    """Wakes who waits by other means than its condition."""
    retrieved = False
    """Whether the program has asked for its failure."""
    unretrieved: dict[int, None] | None = None
    """Where its run keeps its number until then."""
    task = 0

    def result(self, timeout: float | None = None) -> R:
        """As `Future.result`."""
        if self._state != FINISHED or self.call is not None or not _implicit.waiting:
            timeout = self._shown(timeout)
        try:
            return Future.result(self, timeout)
        finally:
            if self._exception is not None:
                self._mark_retrieved()
            self = None  # type: ignore[assignment]  # noqa: PLW0642  # the exception has this frame: no cycle, as there

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As `Future.exception`."""
        if self._state != FINISHED or self.call is not None or not _implicit.waiting:
            timeout = self._shown(timeout)
        try:
            return Future.exception(self, timeout)
        finally:
            if self._exception is not None:
                self._mark_retrieved()

    def _mark_retrieved(self) -> None:
        self.retrieved = True
        if self.unretrieved is not None:
            self.unretrieved.pop(self.task, None)

    def _shown(self, timeout: float | None) -> float | None:
        """Wait where this is the thread that draws, and return how long is left to wait."""
        run = current_run()
        if run is None or not run._is_owner() or (self._over() and run is not _implicit.run):
            return timeout
        self.awaited = run._wake  # before it is asked whether it is over: its end wakes this thread
        run._wait_until(self._over, timeout)
        return None if timeout is None else 0

    def _over(self) -> bool:
        return self.call is None and self.done()

    def _invoke_callbacks(self) -> None:
        """Called when it is done: what shows it hears that before its callbacks do."""
        if self.call is not None:
            self.call.over(self)
            self.call = None
        if self.awaited is not None:
            self.awaited()
        if self._done_callbacks:
            super()._invoke_callbacks()  # type: ignore[misc]  # of the standard library's own


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """`concurrent.futures.ThreadPoolExecutor` under a display; its workers may use `track`, `task` and the rest."""

    shows_itself = True
    _shown: dict[int, ThreadCall] | None = None
    """Calls under a display that have not ended; not made in `__init__`, whose signature is not ours."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As the standard library's."""
        refused = self._shutdown or self._broken  # the standard one says so; there is nothing to show
        unsettled = self._unsettled()
        known = None if unsettled else self
        announce = Run._new_thread_call  # noqa: SLF001  # of the same library
        call = None if refused else _implicit.expect(known, announce, fn, args)
        if call is None:
            return super().submit(fn, *args, **kwargs)
        call.kwargs = kwargs
        call.unsettled = unsettled
        unsettled[call.id] = call
        future: ShownFuture[R] = ShownFuture()
        future.call, call.future = call, future
        try:
            with self._shutdown_lock, _of_all_pools._global_shutdown_lock:  # noqa: SLF001  # as the standard one
                taken = not (self._broken or self._shutdown or _of_all_pools._shutdown)  # noqa: SLF001  # as above
                if taken:
                    self._work_queue.put(call)  # type: ignore[arg-type]  # its threads call `run` of what they take
                    if len(self._threads) < self._max_workers:
                        self._adjust_thread_count()
        except BaseException:
            future.cancel()
            raise
        if not taken:  # from this moment on
            future.cancel()
            return super().submit(fn, *args, **kwargs)
        return future

    def map(
        self,
        fn: Callable[..., R],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[R]:
        """As the standard library's; `buffersize` is of Python 3.14, and works on all."""
        if buffersize is None:
            return super().map(fn, *iterables, timeout=timeout, chunksize=chunksize)
        return waiters.map_ahead(self, fn, iterables, timeout, buffersize)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the standard signature
        """As the standard library's; the display stays alive while it waits."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            unsettled = self._unsettled()
            run = current_run()
            if unsettled and run is not None and run._is_owner():
                run._wait_until(lambda: not unsettled)
            super().shutdown(wait=True)
        _implicit.shut(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """Wait for what was submitted; leaving by Ctrl-C, ask it to stop first."""
        if is_instance(error, KeyboardInterrupt):
            for adopted in reversed(list(self._unsettled().values())):  # waiting ones first: none begins meanwhile
                adopted.cancel("Ctrl-C")
        return super().__exit__(kind, error, traceback)

    def _unsettled(self) -> dict[int, ThreadCall]:
        """Return the calls under a display that have not ended."""
        shown = self._shown
        return _showing.first(self, {}) if shown is None else shown


class BrokenProcessPool(PoolBroken, concurrent.futures.process.BrokenProcessPool):
    """No worker process comes up; what was submitted fails with this, and so does `submit`."""


class ProcessPoolExecutor(Executor):
    """`concurrent.futures.ProcessPoolExecutor` under a display; its workers may use `track`, `task` and the rest.

    One thing is better: a worker that dies costs the call at hand, which fails with `WorkerLost`; the pool goes on. And
    one is another: without `mp_context` processes come from a fork server on Linux, unless the program has said how.
    """

    shows_itself = True

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
    ) -> None:
        """As the standard library's. Raises `ValueError` and `TypeError` for arguments that make no sense."""
        _check_process_pool(max_workers, mp_context, initializer, max_tasks_per_child)
        from mainstage.pool.processes.standalone import StandalonePool  # noqa: PLC0415  # multiprocessing is not cheap

        if mp_context is None and max_tasks_per_child is not None:
            mp_context = multiprocessing.get_context("spawn")
        context = start_context(mp_context)
        self._max_workers = max_workers or default_processes()
        self._mp_context = context
        crew = Crew("process", None, context, initializer, tuple(initargs), max_tasks_per_child)
        self._pool = StandalonePool(crew, self._max_workers, as_standard=_as_standard)
        self._shutdown = False
        self._unsettled: dict[int, ExternalCall] = {}
        weakref.finalize(self, self._pool.dispatcher.close).atexit = False

    @property
    def _broken(self) -> PoolBroken | None:
        return self._pool.dispatcher.broken

    @property
    def _processes(self) -> dict[int, Any]:
        return {worker.pid: worker.process for worker in list(self._pool.dispatcher.workers)}

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As the standard library's."""
        if self._broken is not None:
            raise _as_standard(self._broken)
        if self._shutdown or self._pool.dispatcher.closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        description = describe_submitted(fn, args)
        adopted = _implicit.expect(self, lambda run: run._announce_external(description))
        future: ShownFuture[R] = ShownFuture()
        if adopted is None:
            future.task = self._pool.reporter.new_id()
            self._put(fn, args, kwargs, description, future, None)
            return future
        future.task = adopted.id
        future.call, adopted.future = adopted, future
        unsettled = self._unsettled
        unsettled[adopted.id] = adopted

        def settle(_: Future[Any]) -> None:
            unsettled.pop(adopted.id, None)
            adopted.task = None

        def begin(call: Any) -> None:
            adopted.began = True
            adopted.task = call

        adopted.on_end = settle
        self._put(fn, args, kwargs, description, future, begin)
        return future

    def _put(
        self, fn: Any, args: Any, kwargs: Any, description: str, future: Any, begin: Callable[[Any], None] | None
    ) -> None:
        """Hand it on; the first call waits until there is a worker, as that of the standard library."""
        self._pool.put(fn, args, kwargs, description, future, begin)
        self._pool.dispatcher.manned.wait(STARTED_IN)

    def map(
        self,
        fn: Callable[..., R],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[R]:
        """As the standard library's: `chunksize` items travel together, and succeed or fail together."""
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if chunksize == 1:
            return self._map(fn, iterables, timeout, buffersize)
        chunks = _chunks(zip(*iterables, strict=False), chunksize)
        return _flat(self._map(functools.partial(_run_chunk, fn), (chunks,), timeout, buffersize))

    def _map(
        self, fn: Callable[..., T], iterables: Iterable[Iterable[Any]], timeout: float | None, buffersize: int | None
    ) -> Iterator[T]:
        if buffersize is None:
            return super().map(fn, *iterables, timeout=timeout)
        return waiters.map_ahead(self, fn, iterables, timeout, buffersize)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the standard signature
        """As the standard library's; the display stays alive while it waits."""
        self._shutdown = True
        if cancel_futures:
            self._pool.cancel_waiting()
        self._pool.dispatcher.close()
        if wait:
            unsettled = self._unsettled
            run = current_run()
            if unsettled and run is not None and run._is_owner():
                run._wait_until(lambda: not unsettled)
            self._pool.dispatcher.join()
            self._pool.timer.close()
        _implicit.shut(self)

    def terminate_workers(self) -> None:
        """End the pool now: what waits is cancelled, workers get SIGTERM, those still there soon after SIGKILL."""
        self._end_now(signal.SIGTERM)

    def kill_workers(self) -> None:
        """As `terminate_workers`, with SIGKILL at once."""
        self._end_now(signal.SIGKILL)

    def _end_now(self, signum: int) -> None:
        self._shutdown = True
        self._pool.cancel_waiting()
        self._pool.dispatcher.end_now(signum)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """Wait for what was submitted; leaving by Ctrl-C, ask it to stop first."""
        if is_instance(error, KeyboardInterrupt):
            for adopted in reversed(list(self._unsettled.values())):  # waiting ones first: none begins meanwhile
                adopted.cancel("Ctrl-C")
        return super().__exit__(kind, error, traceback)


def _check_process_pool(
    max_workers: int | None,
    mp_context: BaseContext | None,
    initializer: Callable[..., object] | None,
    max_tasks_per_child: int | None,
) -> None:
    if max_workers is not None and max_workers <= 0:
        raise ValueError("max_workers must be greater than 0")
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")
    if max_tasks_per_child is None:
        return
    if not isinstance(max_tasks_per_child, int):
        raise TypeError("max_tasks_per_child must be an integer")
    if max_tasks_per_child <= 0:
        raise ValueError("max_tasks_per_child must be >= 1")
    if mp_context is not None and mp_context.get_start_method() == "fork":
        raise ValueError("max_tasks_per_child is incompatible with the 'fork' start method; use another mp_context")


def _as_standard(error: BaseException) -> BaseException:
    """Return what a future of the standard library would have for `error`."""
    if is_instance(error, Cancelled):
        return CancelledError(*error.args)
    if is_instance(error, PoolBroken):
        broken = BrokenProcessPool(*error.args)
        broken.__cause__ = error.__cause__
        return broken
    cause = cause_of(error)
    if isinstance(cause, RemoteTraceback):
        remote: Any = concurrent.futures.process._RemoteTraceback  # noqa: SLF001  # what programs look for
        set_cause(error, remote(str(cause)))
    return error


def _chunks(items: Iterator[Any], size: int) -> Iterator[tuple[Any, ...]]:
    while chunk := tuple(itertools.islice(items, size)):
        yield chunk


def _run_chunk(fn: Callable[..., R], chunk: Sequence[tuple[Any, ...]]) -> list[R]:
    return [fn(*args) for args in chunk]


def _flat(lists: Iterator[list[R]]) -> Iterator[R]:
    for results in lists:
        results.reverse()
        while results:
            yield results.pop()


# --- engines: Dask, Ray, interpreters ---


class ClusterExecutor(Executor):
    """A `concurrent.futures.Executor` on an engine; its display begins at the first submit and ends with `shutdown`."""

    shows_itself = True
    engine = ""

    def __init__(self, cluster: Any, max_workers: int | None, options: dict[str, Any]) -> None:
        self._run = own_run(
            executor=self.engine, cluster=cluster, max_workers=max_workers, on_error="collect", **options
        )
        self._live = False
        self._over = False
        self._lock = threading.Lock()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Call `fn(*args, **kwargs)` on the engine. Raises `RuntimeError` after `shutdown`."""
        with self._lock:
            if self._over:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if not self._live:
                self._run.__enter__()
                self._live = True
        return self._run.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the standard signature
        """As the standard library's. Without `wait`, display and cluster end with a later call or with the program.

        Where nothing is pending they end at once.
        """
        with self._lock:
            self._over = True
            if self._live and cancel_futures:
                self._run.shutdown(wait=False, cancel_futures=True)
            ends = self._live and (wait or not self._run._pending())
            self._live = self._live and not ends
        if ends:
            self._run.__exit__(None, None, None)


class DaskExecutor(ClusterExecutor):
    """Calls run on a Dask cluster.

    `client_or_address` is a `distributed.Client` or the address of a scheduler ("tcp://host:8786"); without one a
    cluster of `max_workers` processes is started on this machine, and ended with the executor. `options` are those of
    `Run`. Raises `MainstageError` naming the extra where Dask is not installed.
    """

    engine = "dask"

    def __init__(self, client_or_address: Any = None, max_workers: int | None = None, **options: Any) -> None:
        super().__init__(client_or_address, max_workers, options)


class RayExecutor(ClusterExecutor):
    """Calls run on a Ray cluster.

    `address` is that of a cluster ("auto", "ray://host:10001"); without one, a cluster that this program has joined
    already is used, else one of `max_workers` processors is started on this machine, and ended with the executor.
    `options` are those of `Run`. Raises `MainstageError` naming the extra where Ray is not installed.
    """

    engine = "ray"

    def __init__(self, address: str | None = None, max_workers: int | None = None, **options: Any) -> None:
        super().__init__(address, max_workers, options)


class InterpreterPoolExecutor(ClusterExecutor):
    """Calls run in interpreters of this process, each with a lock of its own; as the standard library's, Python 3.14.

    `initializer(*initargs)` is called in each of them first; if it fails, all calls do, with `PoolBroken`. `options`
    are those of `Run`. Raises `MainstageError` on an older Python.
    """

    engine = "interpreter"

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        **options: Any,
    ) -> None:
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        super().__init__(
            None,
            max_workers,
            {"title": thread_name_prefix, "initializer": initializer, "initargs": initargs, **options},
        )


# --- waiting ---


def as_completed(fs: Iterable[Future[R]], timeout: float | None = None) -> Iterator[Future[R]]:
    """As `concurrent.futures.as_completed`, keeping the display alive while it waits."""
    return waiters.iterate_completed(current_run(), fs, timeout)


def wait(fs: Iterable[Future[R]], timeout: float | None = None, return_when: str = ALL_COMPLETED) -> DoneAndNotDone[R]:
    """As `concurrent.futures.wait`, keeping the display alive."""
    return waiters.wait_for_futures(current_run(), fs, timeout, return_when)


threading._register_atexit(_implicit.finish)  # type: ignore[attr-defined]  # noqa: SLF001  # before the standard pools are joined
