"""Waiting for a journal to grow, without polling it where the system can tell."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import sys
from threading import Event as Flag

LONGEST = 1.0
"""Seconds after which a wait ends in any case: network file systems do not tell of what other machines write."""
MODIFIED, CLOSED = 0x2, 0x8


class FileWatch:
    """Waits for changes of the file at `path`; `close` ends a wait of another thread."""

    def __init__(self, path: str) -> None:
        self._inotify = _inotify(path)
        self._closed = Flag()
        self._ended, self._end = os.pipe() if self._inotify is not None else (-1, -1)

    def wait(self) -> bool:
        """Block until the file was written to, its writer has closed it, or some time has passed; False: `close`."""
        if self._inotify is None:
            return not self._closed.wait(LONGEST)
        ready = select.select([self._inotify, self._ended], [], [], LONGEST)[0]
        if self._inotify in ready:
            os.read(self._inotify, 4096)
        return not self._closed.is_set()

    def close(self) -> None:
        """End all waits, for good."""
        self._closed.set()
        if self._end >= 0:
            with contextlib.suppress(OSError):
                os.write(self._end, b"x")

    def release(self) -> None:
        """Close what it holds, once no thread waits."""
        for fd in (self._inotify, self._ended, self._end):
            if fd is not None and fd >= 0:
                os.close(fd)


def _inotify(path: str) -> int | None:
    """Return a descriptor that can be read when the file has changed; None: the system has none such."""
    if sys.platform != "linux":
        return None
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        fd: int = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if fd < 0:
            return None
        if libc.inotify_add_watch(fd, os.fsencode(path), MODIFIED | CLOSED) < 0:
            os.close(fd)
            return None
    except (OSError, AttributeError):
        return None
    return fd
