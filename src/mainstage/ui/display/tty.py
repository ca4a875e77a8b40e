"""What only POSIX can do, and what a Windows console needs: one door, and elsewhere each answer is the modest one."""

from __future__ import annotations

import os
import select
import stat
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

from mainstage.core import unpatched

POSIX = os.name == "posix"
STANDARD = 2
"""The descriptors up to it are the standard streams'."""
PIPE_ROOM = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes whole once it says that it is writable."""
CONSOLE_ROOM = 8192
"""Bytes that go to a Windows console in one call, at most: well below what it refuses to take whole."""


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


def reserve_standard() -> None:
    """Keep the numbers of standard streams that the shell has closed (`>&-`) from what is opened from now on.

    What C code and children write to 1 and 2 would go into our terminal, log or pipe. Children still find it closed.
    """
    try:
        while (fd := os.open(os.devnull, os.O_RDWR)) <= STANDARD:
            pass
    except OSError:  # nothing can be opened: nothing takes that place either
        return
    os.close(fd)


class Kind(Enum):
    """How a descriptor takes bytes."""

    NEVER_BLOCKS = "a file, or a terminal of our own"
    TERMINAL = "a shared terminal: whole frames, once it is ready"
    PIPE = "a pipe or a socket: small pieces, each once it is ready"
    CONSOLE = "a Windows console: whole characters of UTF-8, not too many in one call"


def kind(fd: int) -> Kind:
    """Return how `fd` takes bytes; one that is closed will say so when it is written to."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return Kind.NEVER_BLOCKS
    if not POSIX:
        return Kind.CONSOLE if _console(fd) is not None else Kind.NEVER_BLOCKS
    if stat.S_ISREG(mode):
        return Kind.NEVER_BLOCKS
    return Kind.TERMINAL if os.isatty(fd) else Kind.PIPE


def writer(fd: int) -> Callable[[bytes | bytearray], int]:
    """Return what writes bytes to `fd` and returns how many were taken.

    `os.write` to a Windows console shows UTF-8 as the characters of its code page; Python's own stream for consoles
    does not.
    """
    console = None if POSIX else _console(fd)
    return partial(unpatched.write, fd) if console is None else console.write


def _console(fd: int) -> io.RawIOBase | None:
    """Return Python's stream for the Windows console behind `fd`; None: it is none."""
    try:
        stream = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115  # a descriptor that stays open
    except OSError:
        return None
    return stream if type(stream).__name__ == "_WindowsConsoleIO" else None


def whole_characters(data: bytes | bytearray, most: int) -> int:
    """Return how many bytes of UTF-8 `data` to take, up to `most`, so that no character is cut."""
    if len(data) <= most:
        return len(data)
    while most > 1 and data[most] & 0xC0 == 0x80:  # noqa: PLR2004  # a byte within a character
        most -= 1
    return most


def write_all(fd: int, data: bytes) -> None:
    """Write all of UTF-8 `data` to a descriptor that blocks, a Windows console too."""
    write = writer(fd)
    while data:
        data = data[write(data[: whole_characters(data, CONSOLE_ROOM)]) :]


def writable(fd: int, seconds: float) -> bool:
    """Wait up to `seconds` until `fd` takes something, or would report an error; False: it does not."""
    if not POSIX or unpatched.poll is None:
        return True
    waiter = unpatched.poll()
    waiter.register(fd, select.POLLOUT)
    return bool(waiter.poll(max(0, int(seconds * 1000))))


def readable(fd: int, seconds: float) -> bool:
    """Wait up to `seconds` until `fd` has something, or would report an error; False: it does not, or cannot wait."""
    if not POSIX or unpatched.poll is None:
        return False
    try:
        waiter = unpatched.poll()
        waiter.register(fd, select.POLLIN)
        return bool(waiter.poll(max(0, int(seconds * 1000))))
    except OSError:
        return False
