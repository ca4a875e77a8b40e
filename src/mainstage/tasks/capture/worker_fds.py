"""The descriptors of a worker process, led into pipes that its parent reads."""

from __future__ import annotations

import contextlib
import os
import sys
from time import sleep
from typing import TYPE_CHECKING

from mainstage.tasks.capture.fds import NUMBERS

with contextlib.suppress(ImportError):  # where it is missing, there are no worker processes
    from fcntl import ioctl
    from termios import FIONREAD

if TYPE_CHECKING:
    from collections.abc import Mapping

AT_MOST = 0.05
"""Seconds that a worker waits for what it wrote to be read."""
_LINE_BUFFERED = 1


class Piped:
    """The descriptors of this process that lead into pipes; stands for `DescriptorCapture` to the routers."""

    def __init__(self, fds: Mapping[str, int]) -> None:
        """Lead "stdout" and "stderr" into what is given for them."""
        self._names = frozenset(fds)
        self._numbers = [NUMBERS[name] for name in fds]
        for name, fd in fds.items():
            with contextlib.suppress(AttributeError, OSError, ValueError):
                getattr(sys, name).flush()
            os.dup2(fd, NUMBERS[name])
            os.close(fd)
            with contextlib.suppress(AttributeError, OSError, ValueError):
                getattr(sys, name).reconfigure(line_buffering=True)
        _buffer_lines()

    def wait_until_read(self) -> None:
        """Wait until nothing is in the pipes, for a moment at most."""
        waited = 0.0
        while waited < AT_MOST and any(map(_unread, self._numbers)):
            sleep(0.0005)
            waited += 0.0005

    def has(self, name: str) -> bool:
        """Return whether the stream leads into a pipe, which passes for the terminal that shows it."""
        return name in self._names

    def start(self) -> None:
        """Do nothing: it has begun."""

    def stop(self) -> None:
        """Do nothing: it ends with the process."""

    def release_terminal(self, *, on: bool) -> None:
        """Do nothing: the terminal is the parent's to lend."""


def _buffer_lines() -> None:
    """Make C code's stdout line-buffered, as on a terminal."""
    with contextlib.suppress(Exception):  # a C library of another shape: text comes when its buffer is full
        import ctypes  # noqa: PLC0415  # nobody else on this side needs it

        libc = ctypes.CDLL(None)
        libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, _LINE_BUFFERED, 0)


_room = bytearray(4)


def _unread(number: int) -> int:
    """Return how many bytes are unread in the pipe behind a descriptor."""
    try:
        ioctl(number, FIONREAD, _room)
    except OSError:
        return 0
    return int.from_bytes(_room, sys.byteorder)
