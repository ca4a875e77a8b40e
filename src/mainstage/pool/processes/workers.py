"""Worker processes: what a pool asks of them is done by their dispatcher, on its thread."""

from __future__ import annotations

import os
import weakref
from contextlib import nullcontext
from multiprocessing import process as mp_process
from typing import TYPE_CHECKING, Any

from mainstage.core.interpreter import is_beside_the_main_one
from mainstage.errors import PoolBroken, TaskTimeout
from mainstage.pool.calls import Calls
from mainstage.pool.options import NO_GUARD, UNGUARDED, Crew, closers, start_context
from mainstage.pool.processes.dispatcher import Dispatcher
from mainstage.pool.processes.outgoing import OutgoingCalls, OutgoingItems
from mainstage.pool.remote import RemoteJob
from mainstage.pool.timer import Timer
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from multiprocessing.context import BaseContext

    from mainstage.core.commands import Locate
    from mainstage.pool.job import CallReporter, Job, Share, WindowShare
    from mainstage.pool.mapping import Map

CLOSED_IN = 8.0
"""Seconds that the end of a run waits for its processes to end; past that they are killed already, and cannot die."""

_all: weakref.WeakSet[ProcessWorkers] = weakref.WeakSet()


def _checked_context(crew: Crew) -> BaseContext:
    """Return the start method of a pool; raises where there can be none, and ends a worker that imports its main."""
    leave_an_unguarded_main()
    if not hasattr(os, "killpg"):
        raise RuntimeError('executor="process" needs POSIX (Linux, macOS); take executor="thread" here')
    context = start_context(crew.mp_context)
    _have_ours_loaded(context)
    return context


def _always(streams: tuple[str, ...]) -> Callable[[], tuple[str, ...]]:
    return lambda: streams  # and nothing else of the options: the initializer is freed once all workers have begun


class ProcessWorkers:
    """Processes beside this one, started as they are needed."""

    receive_cpu_s = 0.0
    """Not measured: they are as few as the machine has processors."""

    def __init__(
        self,
        reporter: CallReporter,
        max_workers: int,
        *,
        wake: Callable[[], None],
        name: str,
        crew: Crew | None = None,
        streams: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """Start nothing yet; `wake` is called when all of them have ended.

        `streams()` gives what of those that start now is captured; None: what `crew` says.
        """
        crew = crew or Crew("process")
        context = _checked_context(crew)
        self.max_workers = self.most = self.remote_workers = max_workers
        """How many there are, and report by batches, at most."""
        self.reporter = reporter
        self.timer = Timer()
        self.dispatcher = Dispatcher(
            context,
            max_workers,
            reporter=reporter,
            name=name,
            initializer=None if crew.initializer is None else (crew.initializer, crew.initargs),
            max_tasks=crew.max_tasks_per_child,
            streams=streams or _always(crew.streams),
            on_idle=wake,
        )
        self._forked = context.get_start_method() == "fork"
        self._pid = os.getpid()
        _all.add(self)

    @property
    def closed(self) -> bool:
        """Whether no more work is taken."""
        return self.dispatcher.closed

    def open(self, share: Calls | Map) -> None:
        """Register `share`, until `forget`."""
        if isinstance(share, Calls):
            self.dispatcher.open_calls(OutgoingCalls(share, forked=self._forked))
            return
        items = OutgoingItems(share, forked=self._forked)
        self.dispatcher.call(lambda: self.dispatcher.open_map(items))

    def forget(self, share: Map) -> None:
        """Remove it."""
        self.dispatcher.call(lambda: self.dispatcher.close_map(share.id))

    def offer(self, share: WindowShare) -> None:  # noqa: ARG002  # it looks at all of them
        """Look what a window has for them. Any thread."""
        self.dispatcher.wake()

    def lookahead(self, share: Map) -> None:  # the protocol's
        """Return nothing: the speed of the items says how many are pulled ahead."""

    def post(self, call: Callable[[], None]) -> None:
        """Call `call` on the dispatcher's thread, soon."""
        self.dispatcher.call(call)

    def request_cancel(self, share: Share, reason: str) -> None:
        """Ask all jobs of `share` that are at hand to stop. Any thread, signal handlers too."""
        self.post(lambda: self._ask_all(share, reason))

    def _ask_all(self, share: Share, reason: str) -> None:
        for job in share.jobs():
            job.request_cancel(reason)

    def give_up(self, job: Job, error: BaseException) -> None:
        """Kill the process of `job`: at its deadline that is lost with `error`, and may run again; else it ends now."""
        assert isinstance(job, RemoteJob)  # noqa: S101  # its worker is one of these
        job.verdict = error
        if not isinstance(error, TaskTimeout) and job.leave_hands() and job.try_settle():
            job.end(Outcome(None, error))
        worker = job.slot.ref
        self.dispatcher.call(lambda: self.dispatcher.kill(worker, holding=job))
        job.left()

    def hold(self, *, on: bool) -> None:
        """Hand out nothing more, or go on."""
        self.dispatcher.hold(on=on)

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports: positions are sent at most once in `seconds`."""
        self.dispatcher.set_interval(seconds)

    def locate(self, asked: Locate) -> None:
        """Ask a worker where it stands."""
        self.dispatcher.call(lambda: self.dispatcher.locate(asked))

    def here(self) -> bool:
        """Return False: they are elsewhere."""
        return False

    def blocked(self) -> AbstractContextManager[None]:
        """Return a block in which nothing is different: none of them waits here."""
        return nullcontext()

    def close(self, *, pending: bool) -> None:
        """Take no more work, wait for what there is, and for the processes to end; `pending`: there is work."""
        self.dispatcher.close()
        self.dispatcher.join(None if pending else CLOSED_IN)
        self.timer.close()

    def is_idle(self) -> bool:
        """Return whether every process has ended."""
        return not self.dispatcher.workers


def _have_ours_loaded(context: BaseContext) -> None:
    """Preload our worker's modules in a fork server that is to start, unless the program has said what it loads."""
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
    mine = [workers for workers in _all if workers._pid == pid]  # noqa: SLF001  # a forked child has none
    for workers in mine:
        workers.dispatcher.close()
    for workers in mine:
        workers.dispatcher.join()


closers.append(_close_all)
