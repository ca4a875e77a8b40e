"""The modes of a terminal that is read: keys one by one and unechoed, and as they were before.

Only the process group in the foreground touches them: another one would be stopped for it (SIGTTOU).
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

try:
    import fcntl
    import termios
except ImportError:  # no POSIX: `Modes.possible` says so
    termios = fcntl = None  # type: ignore[assignment]  # as above

LOCAL, CONTROLS = 3, 6
"""Where `tcgetattr` has the local modes and the control characters."""


_set: Any = getattr(termios, "tcsetattr", None)
"""As it was before anybody has replaced it: what the program sets is watched."""


def modes_of(fd: int) -> list[Any] | None:
    """Return the modes of the terminal behind `fd`; None: there are none."""
    if not Modes.possible():
        return None
    try:
        return termios.tcgetattr(fd)
    except (OSError, termios.error):
        return None


def reads_lines(fd: int) -> bool:
    """Return whether the terminal behind `fd` hands out whole lines: no program reads keys one by one."""
    found = modes_of(fd)
    return found is not None and bool(found[LOCAL] & termios.ICANON)


def in_other_hands(fd: int, before: list[Any] | None) -> bool:
    """Return whether another program reads keys of the terminal behind `fd` one by one: the screen is its own.

    Not where it had these modes `before`.
    """
    found = modes_of(fd)
    if found is None or found[LOCAL] & termios.ICANON:
        return False
    return found not in (before, Modes.set_by_us)


def type_again(fd: int, typed: bytes) -> bytes:
    """Put back what was read from the terminal behind `fd`; return what it does not take, as kernels may be told to."""
    for index in range(len(typed)):
        try:
            fcntl.ioctl(fd, termios.TIOCSTI, typed[index : index + 1])
        except (OSError, AttributeError):
            return typed[index:]
    return b""


def ask_for_repaint(fd: int) -> None:
    """Make the program in the foreground of the terminal behind `fd` draw its screen anew, as after a resize."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(os.tcgetpgrp(fd), signal.SIGWINCH)


class Modes:
    """The modes of the terminal behind `fd`. No method raises, or waits for a terminal that takes no output."""

    set_by_us: list[Any] | None = None
    """What the terminal of this process was last set to here."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pid = os.getpid()
        self._before: list[Any] | None = None
        self._ours: list[Any] | None = None

    @staticmethod
    def possible() -> bool:
        """Return whether this platform has such modes."""
        return termios is not None

    @property
    def taken(self) -> bool:
        """Whether they are ours now."""
        return self._before is not None

    def foreground(self) -> bool:
        """Return whether this is the process that took them, and in the foreground of that terminal."""
        try:
            return os.getpid() == self._pid and os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False

    def take(self) -> bool:
        """Make each key readable at once and unechoed; Ctrl-C and Ctrl-Z stay signals. False: out of reach.

        What has been typed and not read is neither lost nor echoed again.
        """
        if not self.foreground():
            return False
        try:
            found = termios.tcgetattr(self._fd)
            ours = [*found[:CONTROLS], list(found[CONTROLS])]
            ours[LOCAL] &= ~(termios.ICANON | termios.ECHO)
            ours[CONTROLS][termios.VMIN] = 1
            ours[CONTROLS][termios.VTIME] = 0
            if found == self._ours:
                return True
            self._before, self._ours = found, ours  # first: a signal handler may give them back in between
            _set(self._fd, termios.TCSANOW, ours)
            self._ours = Modes.set_by_us = termios.tcgetattr(self._fd)
        except (OSError, termios.error):
            self._before = None
            return False
        return True

    def take_over(self, other: Modes) -> None:
        """Take over the modes that `other` has set on this terminal, without restoring them in between."""
        self._before, self._ours = other._before, other._ours
        other._before = other._ours = None

    def give_back(self) -> None:
        """Put the modes back as they were found."""
        before, self._before, self._ours = self._before, None, None
        if before is not None and self.foreground():
            try:
                _set(self._fd, termios.TCSANOW, before)
            except (OSError, termios.error):
                return

    def waiting(self) -> int:
        """Return how many bytes have been typed and not read."""
        try:
            count = fcntl.ioctl(self._fd, termios.FIONREAD, b"\0" * 4)
        except OSError:
            return 0
        return int.from_bytes(count, "little" if memoryview(b"\1\0").cast("H")[0] == 1 else "big")
