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
import sys
from itertools import chain, compress, islice, repeat
from operator import call, length_hint
from threading import current_thread

from mainstage._typing import TYPE_CHECKING
from mainstage.errors import Cancelled
from mainstage.tasks.bar import UNNAMED, Bar, BarOptions, InLoop, hold_run, nowhere_to_show, on_main
from mainstage.tasks.position import known_length
from mainstage.tasks.task import ambient, innermost_loop, was_interrupted

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Generator, Iterable, Iterator, Mapping
    from typing import Any, Generic, NamedTuple, Never, TypeVar, cast, overload

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


class Track(Bar, Generic[T_co]):
    """What `track` returns: an iterable with the length of what it was given. Each `iter()` of it is counted anew."""

    __slots__ = ("_iterable",)

    def __init__(self, iterable: Iterable[T_co], options: BarOptions) -> None:
        super().__init__(options)
        self._iterable = iterable

    def __iter__(self) -> Iterator[T_co]:
        if self._options.silent or nowhere_to_show():
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
        held = hold_run(self._options.description or UNNAMED) if on_main() else None
        try:
            yield from self._counted()
        finally:
            if held is not None:  # a break and an error of the body look alike here, and are not the run's
                held.release(interrupted=was_interrupted(self._task))

    def _counted(self) -> Generator[Iterator[T_co], None, None]:
        loop = TrackLoop(iter(self._iterable))
        counting, own = self._open(loop)
        body = InLoop(counting) if on_main() else None
        error: BaseException | None = GeneratorExit()  # a break, and all else that ends it from outside
        try:
            counting.check_cancelled()
            request = yield from loop.parts()
            if request is not None:
                counting._tell_cancelled(request)
            error = None
        except BaseException as trouble:
            error = trouble
            raise
        finally:
            loop.stop()
            if body is not None:
                body.leave()
                counting._close_loop(error)
            elif own:
                counting.close(error if isinstance(error, Cancelled) else None)
            else:
                counting._detach_loop()

    def _open(self, loop: TrackLoop[T_co]) -> tuple[Task, bool]:
        """Return the task that the loop drives from now on, and whether the loop has opened it."""
        options = self._options
        total = known_length(self._iterable) if options.total is None else options.total
        around = ambient.get()
        if around is not None:
            around = around.resolve()
            if options.description is None and around._attach_loop(loop):
                around.set(total=total, unit=options.unit or None, fields=dict(options.fields))
                self._drive(around)
                return around, False
        opened = options.begin_task(innermost_loop() if around is None else around, total)
        opened._attach_loop(loop)
        self._drive(opened)
        return opened, True


_NOTHING: Any = object()
"""In the place of an iterable: the program moves the bar itself."""


@overload
def track(
    iterable: Iterable[T],
    description: str | None = ...,
    *,
    total: float | None = ...,
    unit: str = ...,
    initial: float = ...,
    leave: bool | None = ...,
    disable: bool | None = ...,
    fields: Mapping[str, object] | None = ...,
) -> Track[T]: ...
@overload
def track(
    iterable: AsyncIterable[T],
    description: str | None = ...,
    *,
    total: float | None = ...,
    unit: str = ...,
    initial: float = ...,
    leave: bool | None = ...,
    disable: bool | None = ...,
    fields: Mapping[str, object] | None = ...,
) -> AsyncTrack[T]: ...
@overload
def track(
    *,
    description: str | None = ...,
    total: float | None = ...,
    unit: str = ...,
    initial: float = ...,
    leave: bool | None = ...,
    disable: bool | None = ...,
    fields: Mapping[str, object] | None = ...,
) -> Bar: ...
def track(  # keyword-only options
    iterable: Iterable[T] | AsyncIterable[T] = _NOTHING,
    description: str | None = None,
    *,
    total: float | None = None,
    unit: str = "",
    initial: float = 0,
    leave: bool | None = None,
    disable: bool | None = False,
    fields: Mapping[str, object] | None = None,
    **unknown: Never,
) -> Track[T] | AsyncTrack[T] | Bar:
    """Show the items of a loop: `for row in mainstage.track(rows, "Reading"): ...`, or of an `async for`.

    Without an iterable it is a bar that the program moves: `with mainstage.track(total=60, description="Reading") as
    bar: bar.advance()`. Both are the handle: `set(description=, status=, total=, completed=, fields=)`, `log`,
    `metric`, `close`, `completed`, `total`, `description`.

    `total` is how many there are, where `len` cannot tell (infinity, or None: not known); `unit` what they are ("B" for
    bytes, "rows"); `initial` how many were done before. `leave=True` leaves a line when the loop ends, `leave=False`
    none; by default only the outermost does. `disable=True` is the plain loop, None that where stderr is no terminal.
    `fields` are values of your own, for columns.

    On the main thread it is shown in the live run; where none is live, it opens one once it is 0.1 s old, for as long
    as the loop lasts: a shorter loop leaves its line and no more. `current_task()` in the body is the loop's task. In a
    worker the first one without a description drives the worker's task, any other opens a task of its own in it. In any
    other thread, or in a child process, without a run it is the plain loop. The item that a `break` or an error leaves
    unfinished is not counted. Raises `Cancelled` once at a step after the task was asked to stop; the item after is
    then lost.
    """
    if unknown:
        from mainstage.tasks.keywords import refuse_keyword  # noqa: PLC0415  # a mistake's

        refuse_keyword("track", unknown, KEYWORDS, fields=True)
    options = BarOptions(description, total, unit, fields, initial, leave, disable)
    if iterable is _NOTHING:
        return Bar(options).show()
    if hasattr(iterable, "__aiter__") and not hasattr(iterable, "__iter__"):
        from mainstage.tasks.asynctrack import AsyncTrack  # noqa: PLC0415  # most loops are none

        return AsyncTrack(iterable, options)
    if isinstance(iterable, int | float):
        raise TypeError(
            f"track() goes through an iterable, not a number: range({iterable}), or track(total={iterable})"
        )
    return Track(iterable, options)  # type: ignore[arg-type]  # what is no iterable says so


def status(text: str) -> Bar:
    """Show a spinner beside `text` for as long as the block lasts: `with mainstage.status("Connecting"): ...`."""
    return track(description=text, leave=False)


KEYWORDS = ("description", "total", "unit", "initial", "leave", "disable", "fields")
