"""Text that the owner has no time for waits in a temporary file: none is dropped, and no worker waits for a screen.

Lines that would make the inbox too long are appended to the file, and one block in the inbox stands for a run of them.
A block is closed by the next other event, so that the order within each task is kept.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from importlib import import_module
from typing import IO, TYPE_CHECKING

from mainstage.events import TextWritten

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 10_000
"""Entries of the inbox from which on text goes to the file."""
LONG = 16_384
"""Characters from which on a text goes to the file if there are but a `FEW` entries."""
FEW = 100


class TextBlock:
    """A run of texts in the file, in the place of their events in the inbox."""

    __slots__ = ("at", "left")

    def __init__(self, start: int) -> None:
        self.at = start
        self.left = 0


class Spill:
    """The file. `take` on any thread, `read` by the owner. Neither raises: what fails is kept in `trouble`.

    One that is not to be `used` loads nothing: a worker hands its text to a pipe, and starts sooner without `tempfile`.
    """

    def __init__(self, put: Callable[[TextBlock], None], *, used: bool = True) -> None:
        if used:
            import_module("tempfile")  # and not when it is wanted: a lock is held then, and descriptors may be out
        self._put = put
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._closed = False
        self._end = 0
        self._waiting = 0
        self.trouble: OSError | None = None
        """Why the file could not be opened, written or read, the first time."""
        self.lost = 0
        """Lines that were in the file, and cannot be read any more, or had no room in memory either."""
        self.open: TextBlock | None = None
        """The block that the next text goes to; whoever puts another event into the inbox sets it to None after."""

    def take(self, event: TextWritten) -> bool:
        """Append `event`, opening a block where none is; False: it could not be written."""
        data = pickle.dumps(tuple(event))
        with self._lock:
            if self._closed:
                return True
            try:
                self._append(len(data).to_bytes(8, "big") + data)
            except OSError as trouble:
                self.trouble = self.trouble or trouble
                return False
            block = self.open
            fresh = block is None
            if block is None:
                block = TextBlock(self._end)
            self._end += 8 + len(data)
            self._waiting += 1
            block.left += 1
            if fresh:  # and not "it is no longer open": another event came meanwhile, and this block stands before it
                self.open = block  # before the put: whoever closes it after has sent its event before the block
                self._put(block)
        return True

    def lose(self, event: TextWritten) -> None:
        """Count `event` as lost."""
        with self._lock:
            self.lost += event.text.count("\n") + 1

    def close(self) -> None:
        """Forget what is in the file."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()
                self._file = None

    def read(self, block: TextBlock, *, patient: bool = True) -> TextWritten | None:
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

    def _append(self, data: bytes) -> None:
        """Write after what is there, unbuffered: what fails leaves nothing behind that would fail again later."""
        if self._file is None:
            import tempfile  # noqa: PLC0415  # loaded by now

            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # lives until the run is over
        self._file.seek(self._end)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def _next(self, block: TextBlock) -> TextWritten | None:
        try:
            size = int.from_bytes(self._bytes(block.at, 8), "big")
            event = TextWritten(*pickle.loads(self._bytes(block.at + 8, size)))  # noqa: S301  # our own, unlinked file
        except OSError as trouble:
            self.trouble = self.trouble or trouble
            self.lost += block.left
            self._waiting -= block.left
            block.left = 0
            return None
        block.at += 8 + size
        block.left -= 1
        self._waiting -= 1
        if not self._waiting:
            self._begin_anew()
        return event

    def _bytes(self, start: int, size: int) -> bytes:
        if self._file is None:
            raise OSError("the file is closed")
        self._file.seek(start)
        data = b""
        while len(data) < size:
            more = self._file.read(size - len(data))
            if not more:
                raise OSError("the file is shorter than what was written")
            data += more
        return data

    def _begin_anew(self) -> None:
        assert self._file is not None  # noqa: S101  # something has been read from it
        self._end = 0
        with contextlib.suppress(OSError):  # it is written over all the same
            self._file.truncate(0)
