"""`track`: a counted loop at C speed.

No code of ours runs between two items: the loop's iterator is a chain of parts, each `compress(islice(source, 1024),
ticks)` with `ticks` an iterator over ones, and the position is how many ticks are gone, which anybody may ask. It costs
16 ns an item where a generator that only yields costs 23 (bench/worker_cost.py).

Its rules, each for a trap:
1. `compress` takes the item before the tick, so the ticks must outlast the items, or an item is lost: 1025 to 1024.
2. To stop it from outside, its ticks are taken away. That loses their count, so the same C call reads it first. Without
   the GIL no call is alone: there a second iterator, which nothing takes away, is counted down beside the ticks.
3. An error of the source, an error of the body and a break all look alike from here. After the source raised, the
   `islice` has let go of it: only then was the last item finished.
"""

from __future__ import annotations

import gc
import importlib
import sys
from itertools import chain, compress, islice, repeat
from operator import call, length_hint
from threading import current_thread, main_thread

from mainstage._typing import TYPE_CHECKING
from mainstage.errors import Cancelled
from mainstage.tasks.position import known_length, plain_total
from mainstage.tasks.reporter import live
from mainstage.tasks.task import ambient, open_nested, plain_fields, task

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Generator, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

    from mainstage.tasks.asynctrack import AsyncTrack
    from mainstage.tasks.cancel_scope import Request
    from mainstage.tasks.task import Task
else:
    from mainstage._typing import Generic, NamedTuple, TypeVar, cast, overload

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PART = 1024
ONES = b"\1" * (PART + 1)


class LoopPart(NamedTuple):
    """Up to 1024 items: the count before them, and what tells how many of them are gone."""

    base: int
    flags: bytearray | list[int]
    ticks: Any  # an iterator over flags
    counter: Any  # the iterator whose __length_hint__ is the number of ticks that are left
    items: Any  # the islice of the source
    lefts: list[int]  # how many ticks were left when they were taken away


def _part(base: int, source: Iterator[object]) -> LoopPart:
    flags = bytearray(ONES)
    ticks = iter(flags)
    return LoopPart(base, flags, ticks, ticks, islice(source, PART), [])


def _part_without_gil(base: int, source: Iterator[object]) -> LoopPart:
    """Return the same for threads that run at once: a list has a lock against them, and its end leaves the counter."""
    flags = list(ONES)
    counter = repeat(None, PART + 1)
    return LoopPart(base, flags, zip(flags, counter, strict=False), counter, islice(source, PART), [])


if not getattr(sys, "_is_gil_enabled", lambda: True)():
    _part = _part_without_gil


def _taken(part: LoopPart) -> int:
    """Return how many items of the part have been handed to the body."""
    left: int = part.counter.__length_hint__()
    if left <= 0:  # the ticks were taken away
        left = next((left for left in reversed(part.lefts) if left > 0), PART + 1)
    return PART + 1 - left


class TrackLoop(Generic[T]):
    """The state of one `track` loop: the worker's thread runs it, any other may read it or cut it."""

    __slots__ = ("_end", "_part", "_request", "_source", "thread")

    def __init__(self, source: Iterator[T]) -> None:
        self.thread = current_thread()
        self._source = source
        self._part = _part(0, source)
        self._end: int | None = None
        self._request: Request | None = None

    def parts(self) -> Generator[Iterator[T], None, Request | None]:
        """Yield the parts; return the request that cut it short, if one did."""
        while True:
            part = self._part
            yield compress(part.items, part.ticks)
            taken = _taken(part)
            self._part = _part(part.base + taken, self._source)
            if not part.flags:  # looked at after the store: who cuts clears first, then looks for a new part
                return self._request
            if taken < PART:
                return None

    def position(self) -> int:
        """Return how many items are done; the one in the body is not."""
        end = self._end
        if end is not None:
            return end
        part = self._part
        taken = _taken(part)
        if taken and not getattr(self._source, "gi_running", False):  # a generator at work: the body has finished
            taken -= 1
        return part.base + taken

    def interrupt(self, request: Request) -> None:
        """Make the next step end the loop. With the GIL no thread comes between reading and clearing: one C call."""
        self._request = request
        while True:
            part = self._part
            if part.flags:
                part.lefts.extend(filter(None, map(call, (part.counter.__length_hint__, part.flags.clear))))
            if self._part is part:
                return

    def resume(self) -> None:
        """Give the ticks back: an iterator over a bytearray goes on where it stood."""
        flags = self._part.flags
        if not flags:
            flags.extend(ONES)

    def stop(self) -> None:
        """Keep the count as it stands, for ever."""
        if self._end is None:
            part = self._part
            taken = _taken(part)
            in_body = taken > 0 and any(kept is self._source for kept in gc.get_referents(part.items))
            self._end = part.base + taken - in_body


def open_run(description: str) -> AbstractContextManager[object]:
    """Open the run of a `track` that has none; by name, since the worker side knows no session."""
    run: AbstractContextManager[object] = importlib.import_module("mainstage.run.run").own_run(description)
    return run


class Track(Generic[T_co]):
    """What `track` returns: an iterable with the length of what it was given. Each `iter()` of it is counted anew."""

    __slots__ = ("_description", "_fields", "_iterable", "_total", "_unit")

    def __init__(
        self,
        iterable: Iterable[T_co],
        description: str | None,
        total: float | None,
        unit: str,
        fields: dict[str, object],
    ) -> None:
        self._iterable = iterable
        self._description = description
        self._total = total
        self._unit = unit
        self._fields = fields

    def __iter__(self) -> Iterator[T_co]:
        if ambient.get() is None and live.reporter is None and current_thread() is not main_thread():
            return iter(self._iterable)
        return chain.from_iterable(self._parts())

    def __len__(self) -> int:
        try:
            return len(self._iterable)  # type: ignore[arg-type]  # its TypeError says what has no length
        except (TypeError, OverflowError):
            raise
        except Exception as error:  # `list` goes on without a length after a TypeError, and after nothing else
            raise TypeError(f"the length of {type(self._iterable).__name__} is not known: {error}") from error

    def __length_hint__(self) -> int:
        try:
            return length_hint(self._iterable)
        except Exception:  # noqa: BLE001  # as `known_length`
            return cast("int", NotImplemented)

    def __bool__(self) -> bool:
        return known_length(self._iterable) != 0

    def _parts(self) -> Generator[Iterator[T_co], None, None]:
        if ambient.get() is not None or live.reporter is not None:
            yield from self._counted()
            return
        run = open_run(self._description or "track")
        run.__enter__()
        try:
            yield from self._counted()
        finally:
            run.__exit__(None, None, None)  # a break and an error of the body look alike here, and are not the run's

    def _counted(self) -> Generator[Iterator[T_co], None, None]:
        loop = TrackLoop(iter(self._iterable))
        counting, own = self._open(loop)
        error: BaseException | None = None
        try:
            counting.check_cancelled()
            request = yield from loop.parts()
            if request is not None:
                counting.tell_cancelled(request)
        except Cancelled as cancelled:
            error = cancelled
            raise
        finally:
            loop.stop()
            if own:
                counting.close(error)
            else:
                counting.detach_loop()

    def _open(self, loop: TrackLoop[T_co]) -> tuple[Task, bool]:
        """Return the task that the loop drives from now on, and whether the loop has opened it."""
        total = self._known_total()
        around = ambient.get()
        if around is not None:
            around = around.resolve()
        if around is not None and self._description is None and around.attach_loop(loop):
            unit = {"unit": self._unit} if self._unit else {}
            around.set(total=total, **unit, **self._fields)  # type: ignore[arg-type]  # the caller's own fields
            return around, False
        name = self._description if self._description is not None else "track"
        if around is not None:
            opened = open_nested(around, str(name), total=total, unit=self._unit, fields=plain_fields(self._fields))
        else:
            opened = task(name, total=total, unit=self._unit, **self._fields)
        opened.attach_loop(loop)
        return opened, True

    def _known_total(self) -> float | None:
        return plain_total(self._total) if self._total is not None else known_length(self._iterable)


@overload
def track(
    iterable: Iterable[T],
    description: str | None = ...,
    *,
    total: float | None = ...,
    unit: str = ...,
    **fields: object,
) -> Track[T]: ...
@overload
def track(
    iterable: AsyncIterable[T],
    description: str | None = ...,
    *,
    total: float | None = ...,
    unit: str = ...,
    **fields: object,
) -> AsyncTrack[T]: ...
def track(
    iterable: Iterable[T] | AsyncIterable[T],
    description: str | None = None,
    *,
    total: float | None = None,
    unit: str = "",
    **fields: object,
) -> Track[T] | AsyncTrack[T]:
    """Count the items of a loop: `for row in mainstage.track(rows, "Reading"): ...`, or of an `async for`.

    `total` is how many there are, where `len` cannot tell (infinity: nobody knows); `unit` what they are ("B" for
    bytes, "rows"); further keywords are fields of the task, for columns.

    In a worker the first one without a description drives the worker's task, any other opens a task of its own in it.
    On the main thread it is a task of the live run; where none is live, it opens one for as long as the loop lasts.
    In any other thread without a run it is the plain loop. The item that a `break` or an error leaves unfinished is
    not counted. Raises `Cancelled` once at a step after the task was asked to stop; the item after is then lost.
    """
    if hasattr(iterable, "__aiter__") and not hasattr(iterable, "__iter__"):
        from mainstage.tasks.asynctrack import AsyncTrack  # noqa: PLC0415  # most loops are none

        return AsyncTrack(iterable, description, total, unit, fields)
    return Track(iterable, description, total, unit, fields)  # type: ignore[arg-type]  # what is no iterable says so
