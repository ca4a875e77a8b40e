"""Whether others write to the terminal: Linux tells by inotify, other systems do not tell."""

from __future__ import annotations

import contextlib
import os

from mainstage.core import unpatched

IN_MODIFY = 2
MOST = 65536
"""Bytes of news that are read at once."""


class WriteWatch:
    """Watches the terminal behind `fd` for writes of anybody; nothing is seen where the system does not tell."""

    def __init__(self, fd: int) -> None:
        self._fd = -1
        with contextlib.suppress(Exception):  # no Linux, or a C library of another shape
            import ctypes  # noqa: PLC0415  # a run that shows nothing does not load it

            libc = ctypes.CDLL(None)
            self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if self._fd >= 0 and libc.inotify_add_watch(self._fd, os.ttyname(fd).encode(), IN_MODIFY) < 0:
                self.close()

    def written(self) -> bool:
        """Return whether anything was written since the last call, also by us."""
        if self._fd < 0:
            return False
        try:
            return bool(unpatched.read(self._fd, MOST))
        except OSError:
            return False

    def close(self) -> None:
        """Watch no more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
