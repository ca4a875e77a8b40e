"""The raw queue for coroutines: as an `asyncio.Queue`, with the messages and the end of the raw queue."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import Any

from mainstage.tasks.queue.raw_queue import RawQueue


class LoopWaker(threading.Condition):
    """A condition that wakes coroutines too."""

    def __init__(self, lock: Any) -> None:
        super().__init__(lock)
        self._coroutines: list[asyncio.Future[None]] = []

    def coming(self) -> asyncio.Future[None]:
        """Return a future that is done with the next notification; under the lock."""
        future = asyncio.get_running_loop().create_future()
        self._coroutines.append(future)
        return future

    def notify(self, n: int = 1) -> None:
        """As `Condition.notify`; coroutines are all woken."""
        super().notify(n)
        coroutines, self._coroutines = self._coroutines, []
        for future in coroutines:
            with contextlib.suppress(RuntimeError):  # its loop is closed
                future.get_loop().call_soon_threadsafe(_wake, future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class AsyncQueue(RawQueue):
    """A `RawQueue` whose `put`, `get` and `join` are awaited; threads may put into it as well.

    Each task of the event loop that puts is a sender, until it puts its sentinel or is done.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.not_empty = self._bell = LoopWaker(self.mutex)

    async def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002, ASYNC109  # the queue's own
        """As `RawQueue.get`, awaited. `TimeoutError` after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while True:
                with self.mutex:
                    try:
                        return super().get(block=False)
                    except queue.Empty:
                        if not block:
                            raise
                    self._raise_if_over(block=timeout is None)
                    coming = self._bell.coming()
                await coming

    def get_nowait(self) -> Any:
        """As `asyncio.Queue.get_nowait`: `asyncio.QueueEmpty` if there is nothing."""
        try:
            return super().get(block=False)
        except queue.Empty:
            raise asyncio.QueueEmpty from None

    def put_nowait(self, item: Any) -> None:
        """As `put`."""
        self.put(item)

    async def join(self) -> None:  # type: ignore[override]  # awaited, as asyncio's
        """Return at once: what was put has been handled."""
