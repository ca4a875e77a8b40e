"""What travels on a worker's pipe: frames, each a fixed head, a pickled body, and large buffers beside it.

A frame is cut from the stream without blocking: a reader keeps the part that has arrived, so that a sender killed in
the middle of a message blocks no reader. A buffer is received into its final place: no second copy of a large array.
"""

from __future__ import annotations

import os
from array import array
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

(CALL, FUNCTION, ITEM, CANCEL, RECALL, INTERVAL, STOP, SETUP, ITEMS, LOCATE) = range(10)
"""What a parent says: run a call; the function of a map; run it on an item; ask a task to stop; give back what has not
begun; the interval of the reports; end; how to begin; many items in one frame; say where a task stands."""
(READY, RESULT, FAILURE, EVENTS, PUT, RETURNED, HELLO) = range(16, 23)
"""What a worker says: it is ready; a call or an item returned, or raised; events; a message for a raw queue; what it
gives back; that it runs."""

_KINDS = frozenset((*range(10), *range(16, 23)))

NO_TASK = -1.0
"""In the place of a count: nobody asked for the task of this item."""
NEVER_BEGAN = -2.0
"""In the same place: it was cancelled before it began."""

_HEAD = Struct("<QIIQqddd")
_LENGTH = Struct("<Q")
PIECE = 1 << 18
"""Bytes read at a time."""
LARGE = 1 << 16
"""Bytes from which on a buffer travels beside the pickle."""


class Frame(NamedTuple):
    """One message. What `task`, `number` and the times mean, its `kind` says."""

    kind: int
    task: int
    number: int
    at: float
    until: float
    completed: float
    body: bytes | bytearray | memoryview
    buffers: Sequence[bytearray]


_frame = tuple.__new__
"""A named tuple from a tuple: a third of what its own constructor takes."""


def pack_result(task: int, number: int, at: float, until: float, body: bytes) -> bytes:
    """Return the frame of a short item's result: `pack` in one step."""
    return _HEAD.pack(len(body), 0, RESULT, task, number, at, until, NO_TASK) + body


def split_items(frame: Frame) -> list[Frame]:
    """Return a frame for each item of a frame of many."""
    table, body, number, source = array("q", frame.buffers[0]), memoryview(frame.body), frame.number, frame.until
    single, at = [], 0
    for place in range(0, len(table), 2):
        end = at + table[place + 1]
        number += 1
        single.append(_frame(Frame, (ITEM, table[place], number, 1.0, source, 0.0, body[at:end], ())))
        at = end
    return single


def pack_frame(
    kind: int,
    body: bytes = b"",
    buffers: Sequence[memoryview] = (),
    *,
    task: int = 0,
    number: int = 0,
    at: float = 0.0,
    until: float = 0.0,
    completed: float = 0.0,
) -> bytes:
    """Return head and body as bytes to send; the buffers follow."""
    head = _HEAD.pack(len(body), len(buffers), kind, task, number, at, until, completed)
    if buffers:
        head += b"".join([_LENGTH.pack(buffer.nbytes) for buffer in buffers])
    return head + body


def garbled(kind: int) -> ValueError:
    """Return the error of bytes that are no frame: something else has written to the pipe."""
    return ValueError(f"it sent bytes that are no message of ours (of kind {kind})")


class _Large:
    """A frame of which not all is here: its parts, and how far the one at hand is filled."""

    def __init__(self, head: tuple[int, int, int, float, float, float], lengths: list[int]) -> None:
        self.head = head
        self.parts = [bytearray(length) for length in lengths]
        self._part = 0
        self._filled = 0

    def take(self, data: memoryview) -> int:
        """Copy from `data` what belongs to it; return how many bytes that was."""
        used = 0
        while used < len(data) and not self.whole():
            part = self.parts[self._part]
            count = min(len(part) - self._filled, len(data) - used)
            part[self._filled : self._filled + count] = data[used : used + count]
            used += count
            self._advance(count)
        return used

    def read(self, fd: int) -> int:
        """Read into the part at hand; return how many bytes came, 0 at the end of the stream."""
        with memoryview(self.parts[self._part]) as view:
            count = os.readv(fd, [view[self._filled :]])
        self._advance(count)
        return count

    def _advance(self, count: int) -> None:
        self._filled += count
        self.whole()

    def whole(self) -> bool:
        """Return whether nothing is missing any more."""
        while self._part < len(self.parts) and self._filled == len(self.parts[self._part]):
            self._part, self._filled = self._part + 1, 0
        return self._part == len(self.parts)

    def frame(self) -> Frame:
        """Return it, once it is whole."""
        return Frame(*self.head, self.parts[0], self.parts[1:])


class Incoming:
    """Cuts a stream of bytes into frames."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._data = b""
        self._large: _Large | None = None
        self.received = 0
        """Bytes that have come so far."""

    def read(self) -> list[Frame] | None:
        """Read once and return the frames that are whole by now; None: the stream has ended. `BlockingIOError` too."""
        large = self._large
        if large is not None:
            count = large.read(self._fd)
            self.received += count
            if not count:
                return None
            if not large.whole():
                return []
            self._large = None
            return [large.frame()]
        data = os.read(self._fd, PIECE)
        if not data:
            return None
        self.received += len(data)
        return self.feed(data)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as if they had been read, and return the frames that are whole by now."""
        frames: list[Frame] = []
        if self._large is not None:
            with memoryview(data) as view:
                used = self._large.take(view)
            if not self._large.whole():
                return frames
            frames.append(self._large.frame())
            self._large = None
            data = data[used:]
        if self._data:
            data = self._data + data
        self._data = data[self._cut(data, frames) :]
        return frames

    def _cut(self, data: bytes, frames: list[Frame]) -> int:
        at, end, head = 0, len(data), _HEAD.size
        while end - at >= head:
            size, buffers, kind, task, number, begun, until, count = _HEAD.unpack_from(data, at)
            body = at + head
            if not buffers and size <= end - body:
                frames.append(_frame(Frame, (kind, task, number, begun, until, count, data[body : body + size], ())))
                at = body + size
                continue
            if kind not in _KINDS:
                raise garbled(kind)
            if end - body < buffers * _LENGTH.size:
                break
            lengths = [size, *(length for (length,) in _LENGTH.iter_unpack(data[body : body + buffers * 8]))]
            at = body + buffers * 8
            large = _Large((kind, task, number, begun, until, count), lengths)
            with memoryview(data) as view:
                at += large.take(view[at:])
            if not large.whole():
                self._large = large
                break
            frames.append(large.frame())
        return at
