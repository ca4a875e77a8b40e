"""Text that the owner has no time for waits in a temporary file: none is dropped, and no worker waits for a screen.

Lines that would make the inbox too long are appended to the file, and one block in the inbox stands for a run of them.
A block is closed by the next other event, so that the order within each task is kept.
"""

from __future__ import annotations

import pickle
import tempfile
import threading
from typing import IO, TYPE_CHECKING

from mainstage.events import TextWritten

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 10_000
"""Entries of the inbox from which on text goes to the file."""
LONG = 16_384
"""Characters from which on a text goes to the file if there are but a `FEW` entries."""
FEW = 100


class Block:
    """A run of texts in the file, in the place of their events in the inbox."""

    __slots__ = ("at", "left")

    def __init__(self, start: int) -> None:
        self.at = start
        self.left = 0


class Spill:
    """The file. `take` on any thread, `read` by the owner."""

    def __init__(self, put: Callable[[Block], None]) -> None:
        self._put = put
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._end = 0
        self._waiting = 0
        self.open: Block | None = None
        """The block that the next text goes to; whoever puts another event into the inbox sets it to None after."""

    def take(self, event: TextWritten) -> None:
        """Append `event`, opening a block where none is."""
        data = pickle.dumps(tuple(event))
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  # lives until the run is over
            block = self.open
            fresh = block is None
            if block is None:
                block = Block(self._end)
            self._file.seek(self._end)
            self._file.write(len(data).to_bytes(8, "big") + data)
            self._end += 8 + len(data)
            self._waiting += 1
            block.left += 1
            if fresh:  # and not "it is no longer open": another event came meanwhile, and this block stands before it
                self.open = block  # before the put: whoever closes it after has sent its event before the block
                self._put(block)

    def close(self) -> None:
        """Forget what is in the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def read(self, block: Block, *, patient: bool = True) -> TextWritten | None:
        """Return the next text of `block`, or None when there is none left; the block takes no more from now on.

        Not `patient` (in a signal handler, whose thread may be the one that holds the lock): None too if the file is
        in use; `block.left` tells.
        """
        if not self._lock.acquire(blocking=patient):
            return None
        try:
            if self.open is block:
                self.open = None
            return self._next(block) if block.left else None
        finally:
            self._lock.release()

    def _next(self, block: Block) -> TextWritten:
        assert self._file is not None  # noqa: S101  # a block is in it
        self._file.seek(block.at)
        size = int.from_bytes(self._file.read(8), "big")
        event = TextWritten(*pickle.loads(self._file.read(size)))  # noqa: S301  # our own, from our own unlinked file
        block.at += 8 + size
        block.left -= 1
        self._waiting -= 1
        if not self._waiting:  # all read: begin the file anew
            self._file.seek(0)
            self._file.truncate()
            self._end = 0
        return event
