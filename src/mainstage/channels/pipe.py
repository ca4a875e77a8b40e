"""The channel across a process border: a stream socket, its two ends, and a journal of what is on the way.

The worker's half writes into the journal first, memory that both sides see, and from there to the socket, many small
messages at once. So nothing that a worker has said is lost when it is killed: the other side reads on in the journal
where the stream has ended. The parent's half never blocks.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import threading
from collections import deque
from typing import TYPE_CHECKING

from mainstage.channels.frames import Incoming
from mainstage.core.refusals import Refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.channels.frames import Frame

JOURNAL = 1 << 20
"""Bytes of a journal."""
_WORDS = 64
_USED, _BASE, _BEGUN = 0, 1, 2
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)
"""Why a socket takes nothing any more, ever."""
MOST_PIECES = 512
"""Buffers handed to one system call."""


class Journal:
    """What a worker has sent and the socket may not have taken; and which piece of work it began last.

    `used` bytes are in it, the first of which has the place `base` in the stream. The order of the stores below is such
    that a reader after the writer's death, at whatever moment that was, reads nothing twice.
    """

    def __init__(self, fd: int) -> None:
        """Use the memory behind `fd`, and close that."""
        try:
            self._memory = mmap.mmap(fd, JOURNAL)
        finally:
            os.close(fd)
        self._view = memoryview(self._memory)
        self._words = self._view[:_WORDS].cast("Q")
        self._text = self._view[_WORDS:]
        self.room = JOURNAL - _WORDS
        self.used = 0

    @staticmethod
    def make() -> int:
        """Return a descriptor of memory for one."""
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("mainstage")
        else:
            import tempfile  # noqa: PLC0415  # only where there is no better

            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
        try:
            os.ftruncate(fd, JOURNAL)
        except OSError:
            os.close(fd)
            raise
        return fd

    # --- the writer ---

    def add(self, data: bytes) -> None:
        """Append; there must be room."""
        used = self.used
        end = used + len(data)
        self._text[used:end] = data
        self.used = self._words[_USED] = end

    def pending(self) -> memoryview:
        """Return what was added since the last `sent`."""
        return self._text[: self.used]

    def sent(self, count: int) -> None:
        """Called when `count` bytes, all that was pending or something beside it, are in the socket."""
        self.used = self._words[_USED] = 0
        self._words[_BASE] += count

    def begin(self, number: int) -> None:
        """Note that the piece of work `number` is begun."""
        self._words[_BEGUN] = number

    # --- the reader ---

    def rest(self, received: int) -> bytes:
        """Return what was said after the first `received` bytes of the stream; once the writer is dead."""
        known = received - self._words[_BASE]
        return bytes(self._text[known : self._words[_USED]]) if known >= 0 else b""

    def begun(self) -> int:
        """Return the last piece of work that was begun, 0: none."""
        return int(self._words[_BEGUN])

    def close(self) -> None:
        """Give the memory back."""
        self._words.release()
        self._text.release()
        self._view.release()
        self._memory.close()


def _say_nothing(*_: object) -> None:
    """Say nothing: the pipe is another process's."""


class WorkerEnd:
    """The worker's half: blocking, any thread."""

    def __init__(self, fd: int, journal: Journal) -> None:
        self._fd = fd
        self._journal = journal
        self._lock = threading.Lock()
        self._incoming = Incoming(fd)
        self.begin = journal.begin

    def read(self) -> list[Frame] | None:
        """Wait for frames; None: the parent is gone."""
        try:
            return self._incoming.read()
        except OSError:
            return None

    def add(self, data: bytes, buffers: Sequence[memoryview] = ()) -> None:
        """Say something; it is sent with the next `flush`, at once if it is large."""
        journal = self._journal
        with self._lock:
            if journal.used + len(data) > journal.room or buffers:
                self._flush()
                if len(data) > journal.room or buffers:
                    self._send(data, *buffers)
                    return
            journal.add(data)

    def flush(self) -> None:
        """Send what was said; blocks while the parent does not read."""
        if self._journal.used:
            with self._lock:
                self._flush()

    def leave_in_child(self) -> None:
        """Drop the pipe in a forked child; what is sent there afterwards is lost, and the journal left alone."""
        self._lock = threading.Lock()
        self.add = self.flush = self.begin = _say_nothing  # type: ignore[method-assign, assignment]  # from now on
        with contextlib.suppress(OSError):  # a program may have closed all descriptors
            os.close(self._fd)

    def _flush(self) -> None:
        if self._journal.used:
            with self._journal.pending() as pending:
                count = self._write(pending)
            self._journal.sent(count)

    def _send(self, *parts: bytes | memoryview) -> None:
        self._journal.sent(sum([self._write(memoryview(part).cast("B")) for part in parts]))

    def _write(self, data: memoryview) -> int:
        at = 0
        while at < len(data):
            at += os.write(self._fd, data[at:])
        return at


class ParentEnd:
    """The parent's half of one worker's pipe: nothing here blocks."""

    def __init__(self, fd: int, journal: Journal) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.journal = journal
        self._incoming = Incoming(fd)
        self._outgoing: deque[memoryview] = deque()
        self.open = True
        self._unread, self._unsent = Refusals(), Refusals()
        self.dry = False
        """Whether the last `read` found nothing to read."""

    def read(self) -> list[Frame] | None:
        """Return the frames that are there; None: the worker is gone, `rest` has the last ones.

        Raises the `OSError` of a socket that cannot be read for good.
        """
        try:
            self.dry = False
            came = self._incoming.read()
        except BlockingIOError:
            self.dry = True
            return []
        except OSError as trouble:
            if trouble.errno in GONE:
                return None
            self._unread.add(trouble)  # no memory for it now, say: it is there at the next look
            self.dry = True
            return []
        self._unread.count = 0
        return came

    def rest(self) -> list[Frame]:
        """Return what a dead worker had said and not sent."""
        return self._incoming.feed(self.journal.rest(self._incoming.received))

    def write(self, data: bytes, buffers: Sequence[memoryview] = ()) -> None:
        """Send it as soon as there is room."""
        self._outgoing.append(memoryview(data))
        self._outgoing.extend(buffers)

    def flush(self) -> bool:
        """Send what there is room for; return whether nothing is left. Raises as `read` does."""
        outgoing = self._outgoing
        while outgoing:
            pieces = [outgoing[index] for index in range(min(len(outgoing), MOST_PIECES))]
            try:
                count = os.writev(self.fd, pieces)
            except BlockingIOError:
                return False
            except OSError as trouble:
                if trouble.errno not in GONE:  # as above
                    self._unsent.add(trouble)
                    return False
                # it is dead; its end of the stream tells
                outgoing.clear()
                return True
            self._unsent.count = 0
            while outgoing and count >= len(outgoing[0]):
                count -= len(outgoing.popleft())
            if count:
                outgoing[0] = outgoing[0][count:]
        return True

    def close(self) -> None:
        """Close it; the worker sees the end of the stream."""
        if self.open:
            self.open = False
            with contextlib.suppress(OSError):
                os.close(self.fd)
            self.journal.close()
