"""A run beside an event loop: its block in a coroutine, and what coroutines begin in it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

from mainstage.errors import is_cancellation
from mainstage.run.asyncio_driver import MainTask, Waker, events_here, is_of_a_runner
from mainstage.run.exit import suppress_traceback

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from mainstage.run.asyncio_driver import AsyncioDriver
    from mainstage.run.display_session import DisplaySession
    from mainstage.run.external_work import ExternalWorkSet
    from mainstage.run.shutdown import Shutdown, Stoppable
    from mainstage.tasks.reporter import Reporter

ALL = 1_000_000

current_async_run: ContextVar[Stoppable | None] = ContextVar("mainstage_run", default=None)
"""The run whose block the code running now stands in: others may be entered, and left, meanwhile."""


class ScopeCallbacks(NamedTuple):
    """What a run may have to say to something under way in it."""

    cancel: Callable[[], object] | None = None
    """Stop: somebody cancelled the run. Called on the event loop's thread."""
    ask: Callable[[str], object] | None = None
    """Stop, since the run is to: for what asyncio's own cancellation does not reach. Called on any thread."""
    close: Callable[[], object] | None = None
    """Begin nothing more: the run's block is left. Called on the event loop's thread."""


class AsyncRunScope:
    """The block of `work`, which is shown by `show`; `branch`: it stands within another run."""

    def __init__(
        self, work: Stoppable, show: DisplaySession, ending: Shutdown, guests: ExternalWorkSet, *, branch: bool
    ) -> None:
        """Enter it."""
        self._show = show
        self._ending = ending
        self._guests = guests
        self._main: MainTask | None = None
        self._seat: AsyncioDriver | None = show.attach_asyncio()
        if self._seat is not None and not branch:
            self._main = MainTask()
            show.interrupts.use_asyncio_rules(self._main.cancel, is_of_a_runner, suppress_traceback)
        self._token: Token[Stoppable | None] = current_async_run.set(work)

    @staticmethod
    def is_of_a_call(error: BaseException | None) -> bool:
        """Return whether `error` says that a call was cancelled which the block awaited, and not the block itself."""
        task = asyncio.current_task()
        return isinstance(error, concurrent.futures.CancelledError) or (
            isinstance(error, asyncio.CancelledError) and task is not None and not task.cancelling()
        )

    async def leave(self, error: BaseException | None) -> BaseException | None:
        """Wait for what was begun; return what is to leave the block: `error`, or a cancellation that came meanwhile.

        A cancellation that stands for a signal is taken back, and None returned: the signal is to be raised.
        """
        ending, seat = self._ending, self._seat
        self._guests.close()
        waker = Waker()
        self._show.wakers.append(waker)
        try:
            if seat is not None:
                seat.run_round(turn=ALL)  # a request to stop that was just made
            error = await self._settle(waker, error)
        finally:
            self._show.wakers.remove(waker)
            with contextlib.suppress(ValueError):  # left in another context than it was entered in
                current_async_run.reset(self._token)
            if seat is not None:
                self._show.detach_asyncio(seat)
        if self._main is not None and self._main.asked:
            if is_cancellation(error):
                self._main.take_back()
                return None
        elif self._main is not None and ending.stop is not None:
            ending.raised = True  # by asyncio, once the main task has ended
        return error

    async def _settle(self, waker: Waker, error: BaseException | None) -> BaseException | None:
        """As `Ending.settle`; the first cancellation stops what is pending, the next one abandons it."""
        ending = self._ending
        if error is not None and ending.stop is None:
            ending.stop_for(error)
        stopping = error is not None
        while not ending.finished() and not (ending.stop is not None and ending.stop.stage > 1):
            try:
                async with asyncio.timeout(ending.grace if stopping else None):
                    await waker.wait(ending.wait_condition(stopping=stopping))
            except TimeoutError:
                break
            except asyncio.CancelledError as cancelled:
                if error is not None:
                    break
                error = cancelled
                if ending.stop is None:
                    ending.stop_for(cancelled)
            else:
                if stopping:
                    break
            stopping = True
        ending.abandon()
        return error


class ExternalScope:
    """Something that a coroutine has begun in a run: the run waits for it, and its event loop draws meanwhile."""

    def __init__(self, show: DisplaySession, guests: ExternalWorkSet, orders: ScopeCallbacks) -> None:
        """Begin it, on the event loop's thread."""
        self.reporter: Reporter = show.channel
        self.events = asyncio.get_running_loop()
        self._show = show
        self._guests = guests
        self._orders = orders
        self._left = False
        guests.begin(self)  # before a round that would end an implicit run in which nothing is pending
        self._seat = show.attach_asyncio()

    def leave(self) -> None:
        """End it, on that thread too; a second call does nothing."""
        if self._left:
            return
        self._left = True
        seat, self._seat = self._seat, None
        if seat is not None:
            self._show.detach_asyncio(seat)
        self._guests.over(self)

    def leave_from_anywhere(self) -> None:
        """End it, on any thread."""
        try:
            self.events.call_soon_threadsafe(self.leave)
        except RuntimeError:  # the loop is closed: nothing draws on it any more
            self._guests.over(self)

    def ask(self, reason: str) -> None:
        """Pass on that the run is to stop."""
        if self._orders.ask is not None:
            self._orders.ask(reason)

    def cancel(self, reason: str) -> None:
        """Pass on that the run was cancelled."""
        self.ask(reason)
        if self._orders.cancel is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and all that ran on it is gone
                self.events.call_soon_threadsafe(self._orders.cancel)

    def close(self) -> None:
        """Pass on that the run's block is left."""
        if self._orders.close is not None:
            self._orders.close()

    def would_deadlock(self) -> bool:
        """Return whether this thread, waiting, would wait for itself."""
        return events_here() is self.events
