"""The process backend: runs calls and maps in worker processes, under the contract of the one for threads."""

from __future__ import annotations

import os
import weakref
from contextlib import nullcontext
from multiprocessing import process as mp_process
from typing import TYPE_CHECKING, Any

from mainstage.core.commands import Cancel, Hold, Locate, SetInterval
from mainstage.core.interpreter import is_beside_the_main_one
from mainstage.errors import PoolBroken
from mainstage.pool.options import NO_GUARD, UNGUARDED, Crew, closers, context_of
from mainstage.pool.processes.calls import ProcessCall
from mainstage.pool.processes.dispatcher import Dispatcher
from mainstage.pool.processes.maps import ProcessMap
from mainstage.pool.remote_calls import CallSpec
from mainstage.pool.timer import Timer
from mainstage.tasks.outcome import describe_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from multiprocessing.context import BaseContext

    from mainstage.core.commands import Command
    from mainstage.core.policy import Policy
    from mainstage.pool.processes.process import WorkerProcess
    from mainstage.pool.task_future import TaskFuture
    from mainstage.tasks.reporter import Reporter

CLOSED_IN = 8.0
"""Seconds that the end of a run waits for its processes to end; past that they are killed already, and cannot die."""

_backends: weakref.WeakSet[ProcessBackend] = weakref.WeakSet()


class ProcessBackend:
    """Work in processes beside this one."""

    def __init__(
        self,
        reporter: Reporter,
        max_workers: int,
        *,
        wake: Callable[[], None],
        name: str,
        crew: Crew | None = None,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Start nothing yet."""
        self.receive_cpu_s = 0.0
        """Not measured: its workers are as few as the machine has processors."""
        self.remote_workers = max_workers
        """How many report by batches, at most."""
        leave_an_unguarded_main()
        if not hasattr(os, "killpg"):
            raise RuntimeError('executor="process" needs POSIX (Linux, macOS); take executor="thread" here')
        crew = crew or Crew("process")
        context = context_of(crew.mp_context)
        _have_ours_loaded(context)
        initializer = None
        self.forked = context.get_start_method() == "fork"
        if crew.initializer is not None:
            initializer = crew.initializer, crew.initargs
        self.reporter = reporter
        self.timer = Timer()
        self.halted: str | None = None
        self.on_failure = on_failure
        """Called on the dispatcher's thread with each final failure of a call."""
        self.dispatcher = self.pool = Dispatcher(
            context,
            max_workers,
            reporter=reporter,
            name=name,
            initializer=initializer,
            max_tasks=crew.max_tasks_per_child,
            streams=crew.streams,
        )
        self.dispatcher.on_idle = wake
        self._wake = wake
        self._pid = os.getpid()
        self._calls: dict[int, ProcessCall] = {}
        self._maps: dict[int, ProcessMap] = {}
        _backends.add(self)

    def submit(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        name: str | None,
        policy: Policy,
        future: TaskFuture[Any],
    ) -> None:
        """Call `fn` on a worker and settle `future`; `name` is what is shown, None: the function and its arguments."""
        future.task = self.reporter.new_id()
        spec = CallSpec(fn, args, kwargs, name or describe_call(fn, args or tuple(kwargs.values())), policy)
        call = ProcessCall(self, spec, future)
        call.announce()
        self._calls[future.task] = call  # from now on it can be cancelled
        self.dispatcher.put(call)

    def open_map(self, fn: Callable[..., Any], source: Iterator[tuple[Any, ...]], policy: Policy) -> ProcessMap:
        """Return a map of `fn` over the argument tuples of `source`; it works as it is fed."""
        claims = ProcessMap(self, fn, source, policy)
        self._maps[claims.id] = claims
        self.dispatcher.call(lambda: self.dispatcher.open_map(claims))
        return claims

    def close_map(self, claims: Any) -> None:
        """Learn that nobody takes from a map any more: it is forgotten once none of its items is under way."""
        claims.left = True
        for ident, one in list(self._maps.items()):
            if one.left and not one.active():
                self._maps.pop(ident, None)
                self.dispatcher.call(lambda one=one: self.dispatcher.close_map(one))  # type: ignore[misc]

    def pending(self) -> bool:
        """Return whether anything runs or waits to."""
        return bool(self._calls) or any(claims.active() for claims in list(self._maps.values()))

    def command(self, command: Command) -> None:
        """Carry out a command of the owner's."""
        match command:
            case Cancel(task=None, reason=reason):
                self.halted = reason
                for claims in list(self._maps.values()):
                    claims.halt(reason)
                    claims.abandon_in_time()
                for call in reversed(list(self._calls.values())):  # waiting ones first: none begins meanwhile
                    call.cancel(reason)
            case Cancel(task=int(task), reason=reason):
                self._cancel(task, reason)
            case Hold(on=on):
                self.dispatcher.hold(on=on)
            case SetInterval(seconds=seconds):
                self.dispatcher.set_interval(seconds)
            case Locate():
                self.dispatcher.call(lambda: self.dispatcher.locate(command))

    def _cancel(self, task: int, reason: str) -> None:
        call = self._calls.get(task)
        if call is not None:
            call.cancel(reason)
            return
        for claims in list(self._maps.values()):
            claims.cancel(task, reason)

    def cancel_waiting(self) -> None:
        """Cancel what no worker has been given."""
        for call in reversed(list(self._calls.values())):
            call.future.cancel()
        self.dispatcher.wake()

    def cancel(self, future: Future[Any], reason: str) -> bool:
        """Cancel a call that waits, ask one that runs to stop; return False if it has ended, or is not of this pool."""
        call = self.find(future)
        return call.cancel(reason) if call is not None else future.cancel()

    def find(self, future: Future[Any]) -> ProcessCall | None:
        """Return the call that settles `future`, if it has not yet."""
        return self._calls.get(getattr(future, "task", 0))

    def abandon(self, reason: str) -> None:
        """Settle everything although it did not stop, and kill the workers that have it in hand."""
        for call in list(self._calls.values()):
            call.abandon(reason)
        for claims in list(self._maps.values()):
            claims.abandon(reason)

    def close(self) -> None:
        """Take no more work, wait for what there is, and for the processes to end."""
        self.dispatcher.close()
        self.dispatcher.join(CLOSED_IN if not self.pending() else None)
        self.timer.close()

    def idle(self) -> bool:
        """Return whether every process has ended."""
        return not self.dispatcher.workers

    @property
    def closed(self) -> bool:
        """Whether no more work is taken."""
        return self.dispatcher.closed

    def here(self) -> bool:
        """Return False: the workers are elsewhere."""
        return False

    def blocked(self) -> AbstractContextManager[None]:
        """Return a block in which nothing is different; no worker waits here."""
        return nullcontext()

    def worker_of(self, call: ProcessCall) -> WorkerProcess | None:
        """Return the process that works on `call`."""
        return next((one for one in list(self.dispatcher.workers) if call.future.task in one.inflight), None)

    def failed(self, error: BaseException) -> None:
        """Learn of a final failure; a call's own side."""
        if self.on_failure is not None:
            self.on_failure(error)

    def ended(self, call: Any) -> None:
        """Learn that `call` is settled and its last event sent; a call's own side."""
        self._calls.pop(call.future.task, None)
        self._wake()


def _have_ours_loaded(context: BaseContext) -> None:
    """Have a fork server that is to start load our worker's modules once, unless the program has said what it loads."""
    if context.get_start_method() != "forkserver":
        return
    from multiprocessing import forkserver  # noqa: PLC0415  # where there is one

    server: Any = forkserver._forkserver  # noqa: SLF001  # nobody else can say
    usual = ["__main__"]
    if getattr(server, "_forkserver_pid", 0) is None and getattr(server, "_preload_modules", None) == usual:
        context.set_forkserver_preload([*usual, "mainstage.pool.processes.worker_main"])


def leave_an_unguarded_main() -> None:
    """End this process if it is a worker that imports a main program which starts workers: they would never end."""
    if getattr(mp_process.current_process(), "_inheriting", False):
        if is_beside_the_main_one():  # that exit would be the whole program's
            raise PoolBroken(UNGUARDED)
        os._exit(NO_GUARD)


def _close_all() -> None:
    pid = os.getpid()
    mine = [backend for backend in _backends if backend._pid == pid]  # noqa: SLF001  # a forked child has none
    for backend in mine:
        backend.dispatcher.close()
    for backend in mine:
        backend.dispatcher.join()


closers.append(_close_all)
