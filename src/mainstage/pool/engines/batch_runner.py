"""A bundle in a worker of an engine: short items of a map, done one after the other, their results sent all at once.

A short item costs no task and no event of its own. One that turns out long parts the bundle: what came of the items
before it goes ahead, and those after it are given back, for other workers to take.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mainstage.core import pickling
from mainstage.core.item_names import describe_named
from mainstage.errors import Cancelled, Unpicklable, is_instance
from mainstage.pool.items import GLANCE, Lane
from mainstage.pool.lazy_item import LazyItem
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstage.channels.outbox import RemoteChannel
    from mainstage.events import Event
    from mainstage.pool.items import Entry

LONG_S = 0.1
"""Seconds after which no further item of a bundle is begun."""
NOT_BEGUN = "it was asked to stop before it began"
LARGE = 1 << 19
"""Bytes of results after which no further one is."""


class Packed(NamedTuple):
    """What work came to, as it goes home: `value` pickled, with its buffers, or `error` packed."""

    value: bytes
    buffers: list[bytes]
    error: bytes
    completed: float


def pack_outcome(
    value: Any, error: BaseException | None, close: Callable[[BaseException | None], float | None]
) -> Packed:
    """Return what work came to; a result that does not travel is an error.

    `close` ends its task and returns its position.
    """
    packed = pickling.Pickled(b"", [])
    if error is None:
        try:
            packed = pickling.pack(value, "the result")
        except Unpicklable as refused:
            error = refused
    completed = float(close(error) or 0)
    told = b"" if error is None else pickling.pack_error(error)
    return Packed(packed.data, [bytes(one) for one in packed.buffers], told, completed)


class Ended(NamedTuple):
    """What became of an item of a bundle: `value` pickled, with its buffers, or `error` packed."""

    task: int
    value: bytes
    buffers: list[bytes]
    error: bytes
    started: float
    ended: float
    completed: float


class BatchSplit(NamedTuple):
    """News of a bundle of which one item takes long: what is `over`, each as an `Ended`, and the tasks given back."""

    bundle: int
    over: list[tuple[Any, ...]]
    left: list[int]


class BatchWorker(Protocol):
    """The worker of an engine, as far as a bundle uses it."""

    name: str
    closed: bool

    @property
    def channel(self) -> RemoteChannel:
        """Where its reports go."""
        ...

    def enter(self, number: int, task: LazyItem) -> str | None:
        """Register a task that may be asked to stop; return why it has been, if it has."""
        ...

    def leave(self, number: int) -> None:
        """Remove a task that is over."""
        ...


class BatchRunner(Lane):
    """The items of a bundle. The reporter's thread looks at it while it is worked through."""

    patience = GLANCE
    current: LazyItem | None

    def __init__(self, station: BatchWorker, number: int, orders: Iterable[tuple[int, bytes]]) -> None:
        super().__init__(station.channel, 0, station.name)
        self.over: list[Ended] = []
        self._station = station
        self._number = number
        self._left = deque(orders)
        self._parted = False

    def work_through(self, fn: Callable[..., Any]) -> None:
        """Do the items, until none is left, or what is done has taken long enough or is large enough to be sent."""
        began, size = self.reporter.now(), 0
        token = ambient.set(None)
        self.polled = True
        self._station.channel.watch(self)
        try:
            while size < LARGE and not self._station.closed and (order := self._next()) is not None:
                size += self._one(fn, *order)
                if self.over[-1].ended - began > LONG_S:
                    break
        except KeyboardInterrupt:  # Ray's way to stop what runs
            pass
        finally:
            self.polled, self.closed, self.current = False, True, None
            ambient.reset(token)

    def name_of(self, entry: Entry) -> str:
        """Return what an item is called here; the run may have been given another name for it."""
        return describe_named("", entry[2])

    def _next(self) -> tuple[int, bytes] | None:
        """Take the next of the items that are neither begun nor given back. Any thread."""
        try:
            return self._left.popleft()
        except IndexError:
            return None

    def _one(self, fn: Callable[..., Any], task: int, data: bytes) -> int:
        """Do one item; return how large its result is."""
        started = self.reporter.now()
        value: Any = None
        error: BaseException | None = None
        try:
            args, kwargs = pickling.unpack(data)
        except BaseException as trouble:  # noqa: BLE001  # a class of the user's may raise anything as it is made
            args, error = ("?",), pickling.not_made(trouble)
        item = LazyItem(self, (0, task, args, 1), started)
        try:
            if self._station.enter(task, item) is not None:
                error = Cancelled(NOT_BEGUN)
            elif error is None:
                value, error = self._call(item, fn, args, kwargs)
        finally:
            self._station.leave(task)
        self.over.append(ended := self._ended(item, value, error))
        if is_instance(error, KeyboardInterrupt):
            raise error
        return len(ended.value) + sum(map(len, ended.buffers))

    def _call(self, item: LazyItem, fn: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, BaseException | None]:
        self.current = item
        ambient.set(item)
        try:
            return fn(*args, **kwargs), None
        except BaseException as raised:  # noqa: BLE001  # whatever it is, it is this item's outcome
            return None, raised
        finally:
            self.current = None

    def _ended(self, item: LazyItem, value: Any, error: BaseException | None) -> Ended:
        packed = pack_outcome(
            value, error, lambda final: item.task._close_silently(final) if item.task is not None else 0
        )
        return Ended(item.id, *packed[:3], item.started, self.reporter.now(), packed.completed)

    def sample(self, now: float) -> list[Event]:
        """Announce the item at hand once it has run for long, and part with the others."""
        item = self.current
        if item is None or now - item.started < GLANCE or self._parted:
            return []
        self._parted = True
        item.send_start()
        left: list[int] = []
        while (order := self._next()) is not None:
            left.append(order[0])
        part = BatchSplit(self._number, [tuple(one) for one in self.over], left)
        return [part]  # type: ignore[list-item]  # what carries news takes it


def refuse(error: Exception) -> Callable[..., Any]:
    """Return what raises `error` in the place of a function that could not be made."""

    def raises(*_: Any, **__: Any) -> Any:
        raise error

    return raises
