"""A run's block in a coroutine: entered and left while the event loop of that goes on."""

from __future__ import annotations

import asyncio
import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING

from mainstage.eventloop import MainTask, is_of_a_runner

if TYPE_CHECKING:
    from contextvars import Token

    from mainstage.ending import Ending, Work
    from mainstage.eventloop import Seat
    from mainstage.show import Show

within: ContextVar[Work | None] = ContextVar("mainstage_run", default=None)
"""The run whose block the code running now stands in: others may be entered, and left, meanwhile."""


class Block:
    """The block of `work`, which is shown by `show`; `branch`: it stands within another run."""

    def __init__(self, work: Work, show: Show, ending: Ending, *, branch: bool) -> None:
        """Enter it."""
        self._show = show
        self._ending = ending
        self._main: MainTask | None = None
        self._seat: Seat | None = show.sit()
        if self._seat is not None and not branch:
            self._main = MainTask()
            show.interrupts.follow(self._main.cancel, is_of_a_runner)
        self._token: Token[Work | None] = within.set(work)

    async def leave(self, error: BaseException | None) -> BaseException | None:
        """Wait for what was begun; return what is to leave the block: `error`, or a cancellation that came meanwhile.

        A cancellation that stands for a signal is taken back, and None returned: the signal is to be raised.
        """
        ending = self._ending
        try:
            if self._seat is None:
                await asyncio.to_thread(ending.settle, stopping=error is not None)
            else:
                error = await self._settle(self._seat, error)
        finally:
            with contextlib.suppress(ValueError):  # left in another context than it was entered in
                within.reset(self._token)
            if self._seat is not None:
                self._show.rise(self._seat)
        if self._main is not None and self._main.asked:
            if isinstance(error, asyncio.CancelledError):
                self._main.take_back()
                return None
        elif self._main is not None and ending.stop is not None:
            ending.raised = True  # by asyncio, once the main task has ended
        return error

    async def _settle(self, seat: Seat, error: BaseException | None) -> BaseException | None:
        """As `Ending.settle`; the first cancellation stops what is pending, the next one abandons it."""
        ending = self._ending
        seat.look()  # a request to stop that was just made
        if error is not None and ending.stop is None:
            ending.left_by(error)
        stopping = error is not None
        while not ending.over() and not (ending.stop is not None and ending.stop.stage > 1):
            try:
                async with asyncio.timeout(ending.grace if stopping else None):
                    await seat.wait(ending.enough(stopping=stopping))
            except TimeoutError:
                break
            except asyncio.CancelledError as cancelled:
                if error is not None:
                    break
                error = cancelled
                if ending.stop is None:
                    ending.left_by(cancelled)
            else:
                if stopping:
                    break
            stopping = True
        ending.abandon()
        return error
