"""`track` over an async iterable: counted item by item, read as any loop.

An item is done when the next one is asked for. Unlike `track` over a plain iterable this is a call an item; waiting for
the item costs a hundred times that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from threading import current_thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mainstage.errors import is_instance
from mainstage.tasks.bar import UNNAMED, Bar, InLoop, nowhere_to_show, on_main, run_at_once
from mainstage.tasks.reporter import live
from mainstage.tasks.task import ambient, innermost_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from mainstage.tasks.bar import BarOptions
    from mainstage.tasks.cancel_scope import Request
    from mainstage.tasks.task import Task

T_co = TypeVar("T_co", covariant=True)


class AsyncTrack(Bar, Generic[T_co]):
    """What `track` returns for an async iterable. Each `aiter()` of it is counted anew."""

    __slots__ = ("iterable",)

    def __init__(self, iterable: AsyncIterable[T_co], options: BarOptions) -> None:
        super().__init__(options)
        self.iterable = iterable

    def __aiter__(self) -> AsyncIterator[T_co]:
        if self._options.silent or nowhere_to_show():
            return aiter(self.iterable)
        return Counted(self)

    def begin(self, loop: AsyncTrackLoop) -> tuple[Task, bool]:
        """Return the task that the loop drives from now on, and whether the loop has opened it."""
        options, around = self._options, ambient.get()
        if around is not None:
            around = around.resolve()
            if options.description is None and around._attach_loop(loop):
                around.set(total=options.total, unit=options.unit or None, fields=dict(options.fields))
                self._drive(around)
                return around, False
        opened = options.begin_task(innermost_loop() if around is None else around, options.total)
        opened._attach_loop(loop)
        self._drive(opened)
        return opened, True

    @property
    def run_title(self) -> str:
        """What the run is called that it opens where none is live."""
        return self._options.description or UNNAMED


class Counted(AsyncIterator[T_co]):
    """One loop over it. Dropping it, as a `break` does, ends its task; the item in the body then does not count."""

    _counting: Task | None = None
    _body: InLoop | None = None
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
                counting._tell_cancelled(loop.request)
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
        if ambient.get() is None and live.reporter is None:
            run: Any = run_at_once(self._track.run_title)
            await run.__aenter__()
            self._run = run
        opened, self._own = self._track.begin(self._loop)
        self._counting = opened
        if on_main():
            self._body = InLoop(opened)
        return opened

    def _end(self, error: BaseException | None) -> None:
        counting = self._counting
        if self._over or counting is None:
            return
        self._over = True
        if self._body is not None:
            self._body.leave()
            counting._close_loop(error)
        elif self._own:
            counting.close(None if error is None or is_instance(error, GeneratorExit) else error)
        else:
            counting._detach_loop()

    def __del__(self) -> None:
        self._end(GeneratorExit())
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
