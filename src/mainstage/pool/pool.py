"""The one face of what runs work: submit, map, cancel, hold, give up, close. It settles futures without any owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mainstage.core.commands import Cancel, Hold, Locate, SetInterval
from mainstage.pool.calls import Call, Calls, CallWorkers
from mainstage.pool.mapping import DEFAULT_OPTIONS, Map, MapSettings, MapWorkers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from mainstage.core.commands import Command
    from mainstage.core.retry_policy import Policy
    from mainstage.pool.task_future import TaskFuture


class PoolWorkers(CallWorkers, MapWorkers, Protocol):
    """All that a pool asks of its workers, whatever they are: adding a kind of them is writing this."""

    @property
    def closed(self) -> bool:
        """Whether no more work is taken."""
        ...

    @property
    def receive_cpu_s(self) -> float:
        """Seconds of this process's own time that their reports have taken so far; 0: not measured."""
        ...

    @property
    def remote_workers(self) -> int:
        """How many of them report by batches, at most."""
        ...

    def open(self, share: Calls | Map) -> None:
        """Register `share`, until `forget`."""
        ...

    def forget(self, share: Map) -> None:
        """Remove it."""
        ...

    def hold(self, *, on: bool) -> None:
        """Begin nothing more, or go on."""
        ...

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports, where workers send any: at most one in `seconds`."""
        ...

    def locate(self, asked: Locate) -> None:
        """Ask a worker of another process where it stands."""
        ...

    def here(self) -> bool:
        """Return whether the calling thread is one of them."""
        ...

    def blocked(self) -> AbstractContextManager[None]:
        """Return a block within which another one takes the place of the calling one, which waits."""
        ...

    def close(self, *, pending: bool) -> None:
        """Take no more work, and end when what there is has been done; `pending`: there is some."""
        ...

    def is_idle(self) -> bool:
        """Return whether each that was not given up has ended."""
        ...


class Pool:
    """Calls and maps on `workers`. `on_failure` is called on a worker's thread with each final failure of a call."""

    def __init__(
        self,
        workers: PoolWorkers,
        *,
        wake: Callable[[], None],
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.workers = workers
        self.reporter = workers.reporter
        self._wake = wake
        self._calls = Calls(workers, wake=wake, on_failure=on_failure)
        self._maps: dict[int, Map] = {}
        workers.open(self._calls)

    @property
    def closed(self) -> bool:
        """Whether no more work is taken."""
        return self.workers.closed

    @property
    def receive_cpu_s(self) -> float:
        """Seconds of this process's own time that reports of its workers have taken so far; 0: not measured."""
        return self.workers.receive_cpu_s

    @property
    def remote_workers(self) -> int:
        """How many of its workers report by batches, at most."""
        return self.workers.remote_workers

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
        self._calls.put(Call(self._calls, fn, args, kwargs, name, policy, future))

    def open_map(
        self,
        fn: Callable[..., Any],
        source: Iterator[tuple[Any, ...]],
        policy: Policy,
        options: MapSettings = DEFAULT_OPTIONS,
    ) -> Map:
        """Return a map of `fn` over the argument tuples of `source`; it works as it is fed."""
        one = Map(self.workers, fn, source, policy, options, wake=self._wake)
        self._maps[one.id] = one
        self.workers.open(one)
        return one

    def close_map(self, one: Map) -> None:
        """Take no more from a map: it is forgotten once none of its items is under way."""
        one.left = True
        for ident, known in list(self._maps.items()):
            if known.left and not known.is_active():
                self._maps.pop(ident, None)
                self.workers.forget(known)

    def pending(self) -> bool:
        """Return whether anything runs or waits to."""
        return bool(self._calls.pending) or any(one.is_active() for one in list(self._maps.values()))

    def command(self, command: Command) -> None:
        """Carry out a command of the owner's. Any thread, signal handlers too."""
        match command:
            case Cancel(task=None, reason=reason):
                for one in list(self._maps.values()):
                    one.halt(reason)
                    one.abandon_in_time()
                self._calls.cancel_all(reason)
            case Cancel(task=int(task), reason=reason):
                self._cancel(task, reason)
            case Hold(on=on):
                self.workers.hold(on=on)
            case SetInterval(seconds=seconds):
                self.workers.set_interval(seconds)
                return
            case Locate():
                self.workers.locate(command)
                return
        self._wake()  # a worker that waits for others may have been asked to stop

    def _cancel(self, task: int, reason: str) -> None:
        call = self._calls.pending.get(task)
        if call is not None:
            call.cancel(reason)
            return
        for one in list(self._maps.values()):
            one.cancel(task, reason)

    def cancel(self, future: Future[Any], reason: str) -> bool:
        """Cancel a call that waits, ask one that runs to stop; return False if it has ended, or is not of this pool."""
        call = self._calls.pending.get(getattr(future, "task", 0))
        if call is None:
            return future.cancel()
        asked = call.cancel(reason)
        if call.cancel_reason is not None:
            self._wake()  # it may wait for others
        return asked

    def abandon(self, reason: str) -> None:
        """Settle everything although its workers did not stop."""
        self._calls.abandon(reason)
        for one in list(self._maps.values()):
            one.abandon(reason)

    def here(self) -> bool:
        """Return whether the calling thread is one of the workers."""
        return self.workers.here()

    def blocked(self) -> AbstractContextManager[None]:
        """Return a block within which another worker takes the place of the calling one, which waits."""
        return self.workers.blocked()

    def close(self) -> None:
        """Take no more work; the workers end when what there is has been done."""
        self.workers.close(pending=self.pending())

    def idle(self) -> bool:
        """Return whether every worker that was not given up has ended."""
        return self.workers.is_idle()
