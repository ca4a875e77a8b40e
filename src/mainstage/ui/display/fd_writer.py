"""One descriptor, written to without waiting for it: the one place of the package that writes to a terminal.

Bytes go out in order and whole: what the descriptor did not take is kept and goes first. A broken descriptor is
remembered and everything after that goes nowhere. A forked child writes nothing.
"""

from __future__ import annotations

import os

from mainstage.core.clock import monotonic
from mainstage.ui.display import tty

PATIENCE = 0.05
"""Seconds that one call may wait for a place that is slow; for one that stands still it does not wait at all."""
LAST_PATIENCE = 3.0
"""Seconds without any progress after which what is left at the end is given up."""


class FdWriter:
    """The descriptor `fd`; a terminal is opened anew, so that ours never blocks and the shared one stays as it is."""

    def __init__(self, fd: int) -> None:
        self.broken: OSError | None = None
        self.cut = False
        """True once a write was taken in part: other writers may have come between; whoever acts on it resets it."""
        self._own = tty.reopen(fd)
        self._fd = fd
        self._pid = os.getpid()
        self._rest = bytearray()
        self._stuck = False
        self._closed = False
        self._write = tty.writer(self.fd)
        self._kind = tty.Kind.NEVER_BLOCKS if self._own is not None else tty.kind(fd)

    @property
    def alive(self) -> bool:
        """Whether writing still makes sense here, in this process."""
        return self.broken is None and not self._closed and self._pid == os.getpid()

    @property
    def shows_colors(self) -> bool:
        """Whether SGR sequences mean something there; a Windows console may show them as text."""
        return self._kind is not tty.Kind.CONSOLE

    @property
    def fd(self) -> int:
        """The descriptor that is written to: of our own where there is one, else the one that was given."""
        return self._fd if self._own is None else self._own

    @property
    def waiting(self) -> bool:
        """Whether bytes are left that the descriptor has not taken yet."""
        return bool(self._rest)

    def write(self, data: bytes) -> bool:
        """Send `data` after what is left; False: a part of it is kept for the next call."""
        if self.alive:
            self._rest += data
        return self.flush()

    def flush(self, patience: float = PATIENCE) -> bool:
        """Send what is left, waiting up to `patience` seconds in all for a slow place; False: not everything went."""
        if not self._rest:
            return True
        deadline = monotonic() + patience
        while self._rest and self.alive:
            if self._push():
                self._stuck = False
            elif self._rest and (self._stuck or not self._wait(deadline - monotonic())):
                self._stuck = True
                return False
        return True

    def drain(self) -> bool:
        """Send what is left, all of it to a pipe, however slow; False: a terminal took nothing for three seconds."""
        while self._rest and self.alive:
            before = len(self._rest)
            self._stuck = False
            self.flush(LAST_PATIENCE)
            if len(self._rest) == before and self._kind is not tty.Kind.PIPE:
                return False
        return True

    def stand_by(self, seconds: float) -> bool:
        """Wait up to `seconds` for a place that has yet to take what is left; False: nothing is."""
        if not self._rest or not self.alive:
            return False
        self._wait(seconds)
        return True

    def attempt(self, data: bytes) -> None:
        """Write `data` once, at once, and forget what was left: for the last words of a dying process."""
        self._rest.clear()
        if self.alive:
            try:
                self._write(data)
            except OSError as trouble:
                self.broken = trouble

    def close(self) -> None:
        """Close the descriptor that was opened here; the one that was given stays open."""
        if self._own is not None and self._pid == os.getpid():
            os.close(self._own)
            self._own = None
        self._closed = True

    def _push(self) -> int:
        """Hand what is left to the system, as much as is sure not to block; return how many bytes it took."""
        size = len(self._rest)
        try:
            if self._kind is tty.Kind.PIPE:
                size = min(size, tty.PIPE_ROOM)
            if self._kind is tty.Kind.CONSOLE:
                size = tty.whole_characters(self._rest, tty.CONSOLE_ROOM)
            elif self._kind is not tty.Kind.NEVER_BLOCKS and not tty.writable(self.fd, 0):
                return 0
            taken = self._write(self._rest[:size])
        except BlockingIOError:
            return 0
        except OSError as trouble:
            self._break(trouble)
            return 0
        self.cut = self.cut or 0 < taken < size
        del self._rest[:taken]
        return taken

    def _wait(self, seconds: float) -> bool:
        try:
            return seconds > 0 and tty.writable(self.fd, seconds)
        except OSError as trouble:
            self._break(trouble)
            return True

    def _break(self, trouble: OSError) -> None:
        self.broken = trouble
        self._rest.clear()
