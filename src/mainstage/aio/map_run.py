"""A `map` over coroutines under way: a feeder pulls the input, each item is a task, a consumer takes the results."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstage.aio import implicit
from mainstage.aio.lazy_tasks import LazyTask, LazyTaskCell
from mainstage.core.describe import describe
from mainstage.core.item_names import describe_call
from mainstage.core.lending import Lending
from mainstage.core.retry_policy import Policy, delay_before
from mainstage.errors import Cancelled, TaskTimeout, add_note, is_instance
from mainstage.events import SourceClosed, SourceOpened
from mainstage.run.async_scope import ScopeCallbacks
from mainstage.tasks import outcome
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.position import known_length
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable

    from mainstage.pool.results import OnError
    from mainstage.run.async_scope import ExternalScope

Record: TypeAlias = "tuple[int, Any, BaseException | None]"
"""What became of an item: its place in the input, value, error."""

STRIDE = 25
"""So many items are begun in one go: then the loop has its turn.

What begins together ends together: by a hundred, the ends of 500 items took the loop for 6 ms at a time, so for 2."""


class MapRunItem:
    """One item under way."""

    __slots__ = ("attempt", "course", "number", "shown", "value")

    def __init__(self, course: MapRun, number: int, value: Any) -> None:
        self.course = course
        self.number = number
        self.value = value
        self.attempt = 1
        self.shown: ShownItem | None = None

    def over(self, task: asyncio.Task[Any]) -> None:
        """Pass on that its task is done: that task's callback."""
        self.course.done(self, task)


class ShownItem(LazyTask):
    """One item as the display has it, under the name of its call."""

    def __init__(self, flight: LazyTaskCell, fn: Callable[..., Any], value: Any, parent: int | None) -> None:
        super().__init__(flight, "")
        self._fn = fn
        self._value: Any = value
        self._name: str | None = None
        if parent is not None:
            self.parent = parent

    @property
    def description(self) -> str:
        """What it is called."""
        name = self._name
        if name is None:
            name = self._name = describe_call(self._fn, (self._value,))
        return name

    def again(self) -> None:
        """Begin the next attempt."""
        self.attempt += 1
        self.started = self.reporter.now()
        for made in ("task", "tree"):
            vars(self).pop(made, None)
        self.flight.unreported[self.id] = self
        self.resolve()


class MapRun:
    """One `map`. All of it happens on its event loop's thread."""

    def __init__(
        self,
        fn: Callable[[Any], Awaitable[Any]],
        source: Iterable[Any] | AsyncIterable[Any],
        *,
        limit: int,
        ordered: bool,
        policy: Policy,
        on_error: OnError,
    ) -> None:
        self._fn = fn
        self._plain = inspect.iscoroutinefunction(fn) and policy.timeout is None and not policy.retries
        self._source = source
        self._limit = limit
        self._ordered = ordered
        self._policy = policy
        self._on_error = on_error
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stay: ExternalScope | None = None
        self._flight: LazyTaskCell | None = None
        self._parent: int | None = None
        self._feeder: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[Any], MapRunItem] = {}
        self._ready: deque[Record] = deque()
        self._early: dict[int, Record] = {}
        self._next = 0
        self._handed = 0
        self._taken = 0
        self._lending = Lending()
        self._lent = 0
        self._exhausted = False
        self._source_error: BaseException | None = None
        self._first_failure: BaseException | None = None
        self._halted = False
        self._room: asyncio.Future[None] | None = None
        self._waiting: asyncio.Future[None] | None = None

    # --- the consumer's side ---

    async def next(self) -> Any:
        """Return what is to be given out next, or raise: a failure, what the source raised, `StopAsyncIteration`."""
        if self._waiting is not None:
            raise RuntimeError("another task waits for the next result of this map already")
        if self._feeder is None:
            self._start(asyncio.get_running_loop())
        while True:
            while self._ready:
                _, value, error = self._ready.popleft()
                self._taken += 1
                self._make_room()
                if error is None:
                    return value
                if self._on_error == "collect":
                    return error
                if self._on_error == "raise":
                    await self._fail(error)
            await self._wait()

    async def _fail(self, error: BaseException) -> None:
        await self.stop()
        raise self._first_failure or error

    async def _wait(self) -> None:
        """Wait for news, or raise the end; cancelled meanwhile, end everything first."""
        if self._on_error == "raise" and self._first_failure is not None:
            await self._fail(self._first_failure)
        if self._exhausted and not self._running:
            raise self._source_error or StopAsyncIteration
        self._waiting = asyncio.get_running_loop().create_future()
        self._lend()
        self._make_room()
        try:
            await self._waiting
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            self._waiting = None

    async def stop(self) -> None:
        """Cancel what is under way, and wait until it has ended; cancelled meanwhile, wait no more."""
        self.halt()
        while self._running or (self._feeder is not None and not self._feeder.done()):
            await asyncio.wait([*self._running, *([self._feeder] if self._feeder is not None else ())])

    def halt(self) -> None:
        """Begin nothing more, and cancel what is under way. On the loop's thread."""
        if self._halted:
            return
        self._halted = True
        self.close()
        for task in list(self._running):
            task.cancel()

    def close(self) -> None:
        """Begin nothing more."""
        if self._feeder is not None:
            self._feeder.cancel()
        self._exhaust(None)

    def drop(self) -> None:
        """Called on any thread when its results are no longer taken."""
        if self._loop is not None and not (self._exhausted and not self._running):
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has cancelled them
                self._loop.call_soon_threadsafe(self.halt)

    # --- feeding ---

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stay = implicit.stay(ScopeCallbacks(self.halt, close=self.close))
        if self._stay is not None:
            reporter = self._stay.reporter
            parent = ambient.get()
            self._flight = LazyTaskCell(reporter)
            if parent is None:
                reporter.send(SourceOpened(reporter.now(), self._flight.source, known_length(self._source)))
            else:
                self._parent = parent.id
        self._feeder = loop.create_task(self._feed())

    async def _feed(self) -> None:
        error: BaseException | None = None
        source = self._source
        try:
            if hasattr(source, "__aiter__"):
                async for value in source:
                    self._begin(value)
                    await self._for_room()
            else:
                for value in source:
                    self._begin(value)
                    await self._for_room()
        except asyncio.CancelledError:
            raise
        except Exception as trouble:  # noqa: BLE001  # kept: the results of the items before it are given out first
            error = trouble
        finally:
            self._exhaust(error)

    async def _for_room(self) -> None:
        """Wait until one more may begin; let the loop have its turn now and then."""
        assert self._loop is not None  # noqa: S101  # it has been started
        if not self._handed % STRIDE:
            await asyncio.sleep(0)
        while len(self._running) >= self._limit or self._is_far_ahead():
            self._room = self._loop.create_future()
            try:
                await self._room
            finally:
                self._room = None

    def _make_room(self) -> None:
        room = self._room
        if room is not None and not room.done() and not self._is_far_ahead():
            room.set_result(None)

    def _is_far_ahead(self) -> bool:
        return self._handed - self._taken - self._lent >= 2 * self._limit

    def _exhaust(self, error: BaseException | None) -> None:
        if self._exhausted:
            return
        self._exhausted = True
        self._source_error = error
        if self._flight is not None and self._parent is None:
            reporter = self._flight.reporter
            reporter.send(SourceClosed(reporter.now(), self._flight.source, self._handed))
        self._tell()

    # --- items ---

    def _begin(self, value: Any) -> None:
        assert self._loop is not None  # noqa: S101  # it has been started
        item = MapRunItem(self, self._handed, value)
        self._handed += 1
        context = copy_context()
        flight = self._flight
        if flight is not None:
            shown = item.shown = ShownItem(flight, self._fn, value, self._parent)
            flight.begin(shown)
            context.run(ambient.set, shown)
        coroutine = self._fn(value) if self._plain else self._attempts(item)
        task: asyncio.Task[Any] = self._loop.create_task(coroutine, context=context)  # type: ignore[arg-type]  # a coroutine, if plain
        self._running[task] = item
        task.add_done_callback(item.over, context=context)

    async def _attempts(self, item: MapRunItem) -> Any:
        """Run one item, as often and for as long as the policy says."""
        policy = self._policy
        while True:
            limit = asyncio.timeout(policy.timeout)
            try:
                async with limit:
                    return await self._fn(item.value)
            except Exception as trouble:
                error: Exception = trouble
                if limit.expired() and is_instance(trouble, TimeoutError):
                    error = TaskTimeout(f"not done within its timeout of {policy.timeout:g} s")
                if self._halted or not policy.again(error, item.attempt):
                    if error is trouble:
                        raise
                    raise error from None
            item.attempt += 1
            delay = delay_before(item.attempt)
            if item.shown is not None:
                outcome.retry(item.shown.resolve(), Outcome(None, error), delay, describe(item.value))
            await asyncio.sleep(delay)
            if item.shown is not None:
                item.shown.again()

    def done(self, item: MapRunItem, task: asyncio.Task[Any]) -> None:
        """Take what became of an item."""
        del self._running[task]
        cancelled = task.cancelled()
        error = asyncio.CancelledError() if cancelled else task.exception()
        value = task.result() if error is None else None
        try:
            if item.shown is not None and self._flight is not None:
                self._flight.end(item.shown, Cancelled("cancelled") if cancelled else error)
        finally:  # the show is not the work
            if error is not None and not cancelled:
                self._failed(item, error)
            self._put((item.number, value, error))
            if not self._halted:
                self._make_room()
            self._tell()

    def _failed(self, item: MapRunItem, error: BaseException) -> None:
        add_note(error, f"while working on input {describe(item.value)} (attempt {item.attempt})")
        self._first_failure = error if self._first_failure is None else self._first_failure
        if self._on_error == "raise":
            self.halt()

    def _put(self, record: Record) -> None:
        if not self._ordered:
            self._ready.append(record)
            return
        early = self._early
        early[record[0]] = record
        if record[0] != self._next:
            self._lending.look(record[1])
        while self._next in early:
            self._ready.append(early.pop(self._next))
            self._next += 1
        self._lend()

    def _lend(self) -> None:
        """Count results that wait for their turn as taken while the next one is awaited."""
        stuck = self._waiting is not None and not self._ready
        self._lent = self._lending.lent(len(self._early)) if stuck else 0

    def _tell(self) -> None:
        """Wake who waits for results; leave the run once nothing is under way."""
        waiting = self._waiting
        over = self._exhausted and not self._running
        if waiting is not None and not waiting.done() and (self._ready or over or self._first_failure is not None):
            waiting.set_result(None)
        if over and self._stay is not None:
            self._stay.leave()
