"""What only POSIX can do, behind one door: elsewhere each answer is the modest one."""

from __future__ import annotations

import os
import select
import stat
from enum import Enum

from mainstage.unpatched import poll

POSIX = os.name == "posix"
PIPE_ROOM = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes whole once it says that it is writable."""


def reopen(fd: int, *, reading: bool = False) -> int | None:
    """Return a descriptor of our own for the terminal behind `fd` that never blocks; None where there is none to have.

    The description behind `fd` is shared with the shell and with children: making it non-blocking would break theirs.
    """
    if not POSIX:
        return None
    try:
        way = os.O_RDONLY if reading else os.O_WRONLY
        own = os.open(os.ttyname(fd), way | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.fstat(own).st_rdev == os.fstat(fd).st_rdev and os.isatty(own):
            return own
    except OSError:
        pass
    os.close(own)
    return None


class Kind(Enum):
    """How a descriptor takes bytes."""

    NEVER_BLOCKS = "a file, or a terminal of our own"
    TERMINAL = "a shared terminal: whole frames, once it is ready"
    PIPE = "a pipe or a socket: small pieces, each once it is ready"


def kind(fd: int) -> Kind:
    """Return how `fd` takes bytes; one that is closed will say so when it is written to."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return Kind.NEVER_BLOCKS
    if not POSIX or stat.S_ISREG(mode):
        return Kind.NEVER_BLOCKS
    return Kind.TERMINAL if os.isatty(fd) else Kind.PIPE


def writable(fd: int, seconds: float) -> bool:
    """Wait up to `seconds` until `fd` takes something, or would report an error; False: it does not."""
    if not POSIX or poll is None:
        return True
    waiter = poll()
    waiter.register(fd, select.POLLOUT)
    return bool(waiter.poll(max(0, int(seconds * 1000))))
