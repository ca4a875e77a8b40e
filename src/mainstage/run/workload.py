"""What a run has pending, in any pool: calls, maps, queues of messages, futures of other executors."""

from __future__ import annotations

import contextlib
import inspect
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from mainstage.core.commands import Cancel
from mainstage.core.item_names import namer
from mainstage.pool.mapping import MapSettings
from mainstage.pool.results import ResultIterator
from mainstage.run.external import ExternalExecutors
from mainstage.run.key_commands import CommandFanout
from mainstage.tasks.position import known_length, plain_total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mainstage.channels.inbox import ThreadChannel
    from mainstage.core.item_names import ItemName
    from mainstage.core.retry_policy import Policy
    from mainstage.pool.memory import ResultMemory
    from mainstage.pool.open import Backend
    from mainstage.pool.results import WaitHost
    from mainstage.pool.task_future import TaskFuture
    from mainstage.tasks.queue.raw_queue import RawQueue

MANY = 64
"""Calls after which the display is looked at."""


class Workload:
    """The work of one run: all of it is waited for, asked to stop and given up together."""

    def __init__(self, backend: Backend, reporter: ThreadChannel, wake: Callable[[], None]) -> None:
        self.backend = backend
        self.adoption = ExternalExecutors(reporter, wake)
        self.queues: list[RawQueue] = []
        self._submitted = 0
        self.unretrieved: dict[int, TaskFuture[Any]] = {}
        """The futures whose outcome nobody has asked for, in order of submission; each leaves by itself."""
        self._consumers: list[ResultIterator] = []
        self._missed = 0
        """Failures of maps that have ended, and were not retrieved."""

    # --- more work ---

    def submit(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        name: str | None,
        policy: Policy,
        future: TaskFuture[Any],
    ) -> bool:
        """Run a call that settles `future`; return whether it is time to look at the display."""
        self.backend.submit(fn, args, kwargs, name, policy, future)
        self.unretrieved[future.task] = future
        self._submitted += 1
        return self._submitted % MANY == 0

    def map(  # noqa: PLR0913  # keyword-only options
        self,
        fn: Callable[..., Any],
        iterables: tuple[Iterable[Any], ...],
        host: WaitHost,
        policy: Policy,
        *,
        buffersize: int | None,
        unordered: bool,
        sizes: Iterable[float] | None,
        total: float | None = None,
        name: ItemName | None = None,
        halt_on_failure: bool = False,
        on_dispatch: Callable[[int, int], None] | None = None,
        memory: ResultMemory | None = None,
    ) -> ResultIterator:
        """Return what takes the results of `fn` of each item, on behalf of `host`.

        Raises `TypeError` without an iterable, `ValueError` for a `buffersize` below 1 or `sizes` that do not fit, and
        what `namer` raises for `name`.
        """
        check_map(fn, iterables)
        if buffersize is not None and buffersize < 1:
            msg = f"buffersize must be at least 1, not {buffersize}"
            raise ValueError(msg)
        options = MapSettings(namer(name, fn, len(iterables)), buffersize, halt_on_failure, on_dispatch, memory)
        items = _length(iterables) if total is None else _whole_total(total)
        known = _checked(sizes, items)
        claims = self.backend.open_map(fn, zip(*iterables, strict=False), policy, options)
        claims.open(items, known)
        consumer = ResultIterator(claims, host, ordered=not unordered)
        self._consumers.append(consumer)
        return consumer

    def consumed(self, consumer: ResultIterator) -> None:
        """Forget a map that was taken to its end."""
        self._missed += consumer.unretrieved()
        if consumer.claims.memory is not None:
            consumer.claims.memory.close()
        self.backend.close_map(consumer.claims)
        with contextlib.suppress(ValueError):
            self._consumers.remove(consumer)

    # --- what there is ---

    def close_memories(self) -> None:
        """Close what maps keep their results in that were not taken to their end."""
        for consumer in self._consumers:
            if consumer.claims.memory is not None:
                consumer.claims.memory.close()

    def pending(self) -> bool:
        """Return whether anything runs or waits to."""
        return self.backend.pending() or self.adoption.pending() or any(queue.pending() for queue in self.queues)

    def futures(self) -> list[TaskFuture[Any]]:
        """Return the futures whose outcome was not retrieved, in order of submission."""
        return list(self.unretrieved.values())

    def results(self) -> list[Any]:
        """Return results that were not retrieved: of futures, in order of submission, then of maps."""
        values = [Future.result(future) for future in self.futures() if future.left()]
        return values + [value for consumer in self._consumers for value in consumer.leftovers()]

    def unretrieved_failures(self) -> int:
        """Return how many failures the program has not taken from the future, the map or the queue that holds them."""
        calls = sum(future.failure() is not None for future in self.futures())
        maps = self._missed + sum(consumer.unretrieved() for consumer in self._consumers)
        queues = sum(queue.error() is not None for queue in self.queues)
        return calls + maps + queues + len(self.adoption.threads.unretrieved)

    def crowd(self) -> CommandFanout:
        """Return who carries out the commands of keys."""
        return CommandFanout((self.backend, self.adoption), self.queues)

    # --- no more work ---

    def cancel(self, future: Future[Any]) -> bool:
        """Cancel a future that waits, ask the one that runs to stop; return False if it had ended already."""
        return self.backend.cancel(future, "cancelled")

    def drain(self, reason: str) -> None:
        """Cancel what has not begun, items of maps too, and let what runs end."""
        for future in self.futures():
            future.cancel()
        for consumer in list(self._consumers):
            consumer.claims.drain(reason)

    def close_ends(self, reason: str) -> None:
        """Hand out no more items, and take no more messages: the program that took and put them is over."""
        for consumer in list(self._consumers):
            consumer.claims.halt(reason)
        for queue in self.queues:
            queue.close()

    def cancel_all(self, reason: str) -> None:
        """Ask all that is under way to stop, and take no notice of whether it does."""
        self.backend.command(Cancel(None, reason))
        self.adoption.cancel(reason)
        for queue in self.queues:
            queue.request_cancel(reason)

    def abandon(self, reason: str) -> None:
        """Settle everything although it did not stop; nothing happens to what did."""
        for queue in self.queues:
            queue.close()
        self.backend.abandon(reason)
        self.adoption.abandon()


def _checked(sizes: Iterable[float] | None, total: int | None) -> list[float]:
    known = [] if sizes is None else [float(size) for size in sizes]
    strange = [size for size in known if not 0.0 <= size < float("inf")]
    if strange:
        msg = f"sizes are numbers from 0 on, not {strange[0]}"
        raise ValueError(msg)
    if known and total is not None and len(known) != total:
        msg = f"{len(known)} sizes for {total} items: give one for each"
        raise ValueError(msg)
    return known


def check_map(fn: object, iterables: tuple[object, ...]) -> None:
    """Raise the `TypeError` for a `map` that cannot work, in the words of its caller."""
    if not callable(fn):
        raise TypeError(f"map() takes the function first, not {type(fn).__name__}: map(fn, iterable)")
    if inspect.iscoroutinefunction(fn):
        name = getattr(fn, "__name__", "fn")
        raise TypeError(f"{name} is async, and map() calls plain functions: use mainstage.aio.map({name}, ...)")
    if not iterables:
        msg = "map needs at least one iterable"
        raise TypeError(msg)
    for given in iterables:
        if isinstance(given, int | float):
            raise TypeError(f"map() goes through iterables, not a number: range({given})")


def _whole_total(total: float) -> int | None:
    """Return how many items the caller expects; None: not known."""
    known = plain_total(total)
    return None if known is None else int(known)


def _length(iterables: tuple[Iterable[Any], ...]) -> int | None:
    lengths = [length for iterable in iterables if (length := known_length(iterable)) is not None]
    return min(lengths) if len(lengths) == len(iterables) else None
