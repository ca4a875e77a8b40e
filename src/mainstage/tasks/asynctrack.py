"""`track` over an async iterable: counted item by item, read as any loop.

An item is done when the next one is asked for. Unlike `track` over a plain iterable this is a call an item; waiting for
the item costs a hundred times that.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mainstage.errors import is_instance
from mainstage.tasks.position import plain_total
from mainstage.tasks.reporter import live
from mainstage.tasks.task import NULL, ambient, open_nested, plain_fields, task

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from mainstage.tasks.cancel_scope import Request
    from mainstage.tasks.task import Task

T_co = TypeVar("T_co", covariant=True)


class AsyncTrack(Generic[T_co]):
    """What `track` returns for an async iterable. Each `aiter()` of it is counted anew."""

    __slots__ = ("description", "fields", "iterable", "total", "unit")

    def __init__(
        self,
        iterable: AsyncIterable[T_co],
        description: str | None,
        total: float | None,
        unit: str,
        fields: dict[str, object],
    ) -> None:
        self.iterable = iterable
        self.description = description
        self.total = plain_total(total)
        self.unit = unit
        self.fields = fields

    def __aiter__(self) -> AsyncIterator[T_co]:
        if ambient.get() is None and live.reporter is None and current_thread() is not main_thread():
            return aiter(self.iterable)
        return Counted(self)


class Counted(AsyncIterator[T_co]):
    """One loop over it. Dropping it, as a `break` does, ends its task; the item in the body then does not count."""

    _counting: Task | None = None
    _run: Any = None
    _over = False

    def __init__(self, track: AsyncTrack[T_co]) -> None:
        self._track = track
        self._source = aiter(track.iterable)
        self._loop = AsyncTrackLoop()
        self._own = False
        self._in_body = False

    async def __anext__(self) -> T_co:
        counting = self._counting
        if counting is None:
            counting = await self._begin()
        loop = self._loop
        if self._in_body:
            self._in_body = False
            loop.count += 1
        try:
            if loop.request is not None:
                counting.tell_cancelled(loop.request)
            item = await anext(self._source)
        except BaseException as error:
            over = is_instance(error, StopAsyncIteration)
            self._end(None if over else error)
            if self._run is not None:
                run, self._run = self._run, None
                await run.__aexit__(None, None, None)  # an error is the caller's, not the run's
            raise
        self._in_body = True
        return item

    async def _begin(self) -> Task:
        """Open the task that the loop drives from now on, and a run for it where none is live."""
        track, around = self._track, ambient.get()
        if around is None and live.reporter is None:
            run: Any = importlib.import_module("mainstage.run.run").own_run(track.description or "track")
            await run.__aenter__()
            self._run = run
        if around is not None:
            around = around.resolve()
        if around is not None and track.description is None and around.attach_loop(self._loop):
            unit = {"unit": track.unit} if track.unit else {}
            around.set(total=track.total, **unit, **track.fields)  # type: ignore[arg-type]  # the caller's own fields
            self._counting = around
            return around
        name = track.description if track.description is not None else "track"
        if around is not None:
            opened = open_nested(
                around, str(name), total=track.total, unit=track.unit, fields=plain_fields(track.fields)
            )
        else:
            opened = task(name, total=track.total, unit=track.unit, **track.fields)
        if opened is not NULL:
            opened.attach_loop(self._loop)
        self._own = True
        self._counting = opened
        return opened

    def _end(self, error: BaseException | None) -> None:
        counting = self._counting
        if self._over or counting is None:
            return
        self._over = True
        if self._own:
            counting.close(error)
        elif counting is not NULL:
            counting.detach_loop()

    def __del__(self) -> None:
        self._end(None)
        if self._run is not None:
            self._run.__exit__(None, None, None)


class AsyncTrackLoop:
    """The state of one loop, as the task that it drives and a request to stop see it."""

    __slots__ = ("count", "request", "thread")

    def __init__(self) -> None:
        self.thread = current_thread()
        self.count = 0
        self.request: Request | None = None

    def position(self) -> int:
        """Return how many items are done; the one in the body is not."""
        return self.count

    def interrupt(self, request: Request) -> None:
        """Make the next step raise."""
        self.request = request

    def resume(self) -> None:
        """Undo that."""
        self.request = None

    def stop(self) -> None:
        """Do nothing: its count is its own."""
