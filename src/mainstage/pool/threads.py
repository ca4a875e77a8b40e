"""The thread backend: runs calls and maps, settles their futures and carries out commands, without any owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstage.core.commands import Cancel, Hold, SetInterval
from mainstage.pool.job import Call, Spec, TaskFuture
from mainstage.pool.mapping import Claims
from mainstage.pool.thread_pool import ThreadPool
from mainstage.pool.timer import Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from mainstage.core.commands import Command
    from mainstage.core.policy import Policy
    from mainstage.pool.thread_pool import Worker
    from mainstage.tasks.reporter import Reporter


class ThreadBackend:
    """Work on threads of this process."""

    receive_cpu_s = 0.0
    """Nothing: its workers are in this process."""
    remote_workers = 0
    """None reports by batches."""

    def __init__(self, reporter: Reporter, max_workers: int, *, wake: Callable[[], None], name: str = "thread") -> None:
        self.reporter = reporter
        self.pool = ThreadPool(max_workers, name=name, on_idle=wake)
        self.timer = Timer()
        self.halted: str | None = None
        self.on_failure: Callable[[BaseException], None] | None = None
        """Called on the worker's thread with each final failure of a call."""
        self._wake = wake
        self._calls: dict[int, Call] = {}
        self._maps: dict[int, Claims] = {}

    def submit(self, spec: Spec, future: TaskFuture[Any]) -> None:
        """Have `spec` called on a thread, its outcome set on `future`."""
        future.task = self.reporter.new_id()
        call = Call(self, spec, future)
        call.announce()
        self._calls[future.task] = call  # from now on it can be cancelled
        self.pool.put(call)

    def open_map(self, fn: Callable[..., Any], source: Iterator[tuple[Any, ...]], policy: Policy) -> Claims:
        """Return a map of `fn` over the argument tuples of `source`; it works as it is fed."""
        claims = Claims(fn, source, pool=self.pool, timer=self.timer, reporter=self.reporter, policy=policy)
        self._maps[claims.id] = claims
        return claims

    def close_map(self, claims: Claims) -> None:
        """Learn that nobody takes from a map any more: it is forgotten once none of its items is under way."""
        claims.left = True
        for ident, one in list(self._maps.items()):
            if one.left and not one.active():
                self._maps.pop(ident, None)

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
            case Cancel(task=task, reason=reason):
                call_or_none = self._calls.get(task) if task is not None else None
                if call_or_none is not None:
                    call_or_none.cancel(reason)
                elif task is not None:
                    for claims in list(self._maps.values()):
                        claims.cancel(task, reason)
            case Hold(on=on):
                self.pool.hold(on=on)
            case SetInterval():  # positions are read where they are: there is no interval
                return
        self._wake()  # a worker that waits for others may have been asked to stop

    def find(self, future: Future[Any]) -> Call | None:
        """Return the call that settles `future`, if it has not yet."""
        return self._calls.get(getattr(future, "task", 0))

    def abandon(self, reason: str) -> None:
        """Settle everything although its threads did not stop."""
        for call in list(self._calls.values()):
            call.abandon(reason)
        for claims in list(self._maps.values()):
            claims.abandon(reason)

    def close(self) -> None:
        """Take no more work; the threads end when what there is has been done."""
        self.pool.close()
        if not self.pending():
            self.timer.close()

    def idle(self) -> bool:
        """Return whether every thread that was not abandoned has ended."""
        return not any(thread.is_alive() for thread in self.pool.threads())

    def here(self) -> bool:
        """Return whether the calling thread is one of the workers."""
        return self.pool.here()

    def blocked(self) -> AbstractContextManager[None]:
        """Return a block within which another thread takes the place of the calling one, a worker that waits."""
        return self.pool.blocked()

    def worker_of(self, call: Call) -> Worker | None:
        """Return the thread that works on `call`."""
        return next((thread for thread in self.pool.threads() if thread.unit is call), None)

    def failed(self, error: BaseException) -> None:
        """Learn of a final failure; a call's own side."""
        if self.on_failure is not None:
            self.on_failure(error)

    def ended(self, call: Call) -> None:
        """Learn that `call` is settled and its last event sent; a call's own side."""
        self._calls.pop(call.future.task, None)
        self._wake()
