"""Where the cursor is: the one question that the display asks the terminal (DSR), and its answer among the keys.

A terminal answers as if the answer were typed. So it is not asked where that could reach anybody else: in the
background, where something typed waits unread, where another reader waits for keys. From the question to the answer the
modes are ours (unechoed, key by key), and it is read byte by byte up to its end, not one further. A key that was typed
in between comes before it, and is given back to the terminal.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import Protocol, TextIO

from mainstage.core import stdin as shared
from mainstage.core import unpatched
from mainstage.core.clock import monotonic
from mainstage.ui.display.tty import readable, reopen
from mainstage.ui.display.tty_modes import Modes, reads_lines, type_again

QUESTION = "\x1b[6n"
PATIENCE = 0.2
"""Seconds that a picture waits for the answer; it comes within a millisecond, or within a round trip of ssh."""
LIMIT = 3.0
"""Seconds after which no answer is expected any more."""
LAST = 0.5
"""The same, once somebody else is to have the keys: a later answer is typed into a question, or at the shell's prompt.

A process waits once for a terminal that does not answer."""
READS = ("0", "63")
POLLS = ("7", "23", "232", "270", "271", "281", "22", "72", "73")
"""Numbers of Linux's system calls, on x86 and on ARM: `read`; `poll`, `select`, `epoll_wait` and their kin."""
_ANSWER = re.compile(shared.ANSWER.encode())


class KeyReader(Protocol):
    """Who waits for the keys of a terminal."""

    def lend(self, modes: Modes) -> bool:
        """Give `modes` what was taken of the terminal, and read nothing until `take_over`; False: it was not taken."""
        ...

    def take_over(self, modes: Modes) -> None:
        """Read keys with the `modes` that were lent, or taken before there was anything to lend."""
        ...

    def typed(self, data: bytes) -> None:
        """Take keys that were typed meanwhile."""
        ...


class CursorProbe:
    """Asks the terminal behind the descriptor `fd`, where that is stdin's too. Only the owner calls."""

    mute = False
    """Set for this process once a terminal has not answered: it is not asked again."""

    def __init__(self, fd: int, stdin: TextIO | None = None) -> None:
        self._fd = _same_terminal(fd, sys.stdin if stdin is None else stdin)
        self._modes = Modes(-1 if self._fd is None else self._fd)
        self.keys: KeyReader | None = None
        """Who waits for keys, lends them while the terminal is asked, and takes those that are typed meanwhile."""
        self._got = b""
        self._until = 0.0

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come."""
        return self._modes.taken

    def begin(self) -> bool:
        """Take the keys, so that the question may be sent; False: it is not to be asked here and now."""
        if self._fd is None or CursorProbe.mute or self.waiting or shared.being_read():
            return False
        if _others_read(self._fd) or not (self._borrow() or self._take_keys(self._fd)):
            return False
        self._got = b""
        self._until = monotonic() + LIMIT
        return True

    def _borrow(self) -> bool:
        return self.keys is not None and self.keys.lend(self._modes)

    def _take_keys(self, fd: int) -> bool:
        """Take the keys of a terminal that hands out lines, where no line is being typed."""
        if self._modes.waiting() or not reads_lines(fd) or not self._modes.take():
            return False
        if self._modes.waiting():  # a line in the making, which shows only now
            self._modes.give_back()
            return False
        return True

    def read(self, seconds: float = 0.0, *, last: bool = False) -> int | None:
        """Return the line of the answer, the first one being 1, if it comes within `seconds`; None: not yet, or never.

        The keys are given back with it, or once it is not expected any more: that terminal is not asked again.
        `last`: also where a thread waits for keys.
        """
        if self._fd is None or not self.waiting:
            return None
        deadline = monotonic() + seconds
        while True:
            found = self._take()
            if found is not None:
                self._pass_on(last=last)
                return found
            left = deadline - monotonic()
            if left <= 0 or not readable(self._fd, left):
                break
        if monotonic() >= self._until:
            self._expect_no_more()
            self._pass_on(last=last)
        return None

    def give_up(self) -> None:
        """Wait for an answer that is still to come, for a moment, and give the keys back."""
        left = min(LAST, max(0.0, self._until - monotonic()))
        if self.waiting and self.read(left, last=True) is None and self.waiting:
            self._expect_no_more()
            self._end()

    def emergency(self) -> None:
        """Give the keys back, waiting for nothing."""
        self._end()

    def close(self) -> None:
        """Give all back."""
        self.give_up()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _take(self) -> int | None:
        """Read what is there, up to the end of the answer; return its line."""
        assert self._fd is not None  # noqa: S101  # `read` has looked
        while True:
            try:
                byte = unpatched.read(self._fd, 1)
            except OSError as trouble:
                if trouble.errno != errno.EAGAIN:
                    self._until = 0.0
                return None
            if not byte:
                self._until = 0.0
                return None
            self._got += byte
            found = _ANSWER.search(self._got) if byte == b"R" else None
            if found is not None:
                self._got = self._got[: found.start()]
                return int(found[1])

    @staticmethod
    def _expect_no_more() -> None:
        CursorProbe.mute = True
        shared.expect_late_answer()

    def _pass_on(self, *, last: bool) -> None:
        """End, and leave the modes to who waits for keys: the next key is meant for the same reader."""
        if self.keys is not None:
            typed, self._got = self._got, b""
            self.keys.typed(typed)  # before those that come next
            if not last:
                self.keys.take_over(self._modes)
        self._end()

    def _end(self) -> None:
        self._modes.give_back()
        typed, self._got = self._got, b""
        if typed and self.keys is not None:
            self.keys.typed(typed)
        elif typed and self._fd is not None:
            shared.keep(type_again(self._fd, typed))


def _same_terminal(fd: int, stdin: TextIO | None) -> int | None:
    """Return a description of our own to read the terminal `fd` by, if `stdin` is that; else None."""
    if not Modes.possible() or stdin is None:
        return None
    try:
        number = stdin.fileno()
        same = os.isatty(number) and os.fstat(number).st_rdev == os.fstat(fd).st_rdev
    except (AttributeError, OSError, ValueError):
        return None
    return reopen(number, reading=True) if same else None


def _others_read(fd: int) -> bool:
    """Return whether a thread of ours or a child waits for keys of this terminal, and would take the answer.

    Where the system does not tell what they do: whether there is a child.
    """
    try:
        tasks = list(Path("/proc/self/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text("ascii").split()]
        terminal = os.fstat(fd).st_rdev
    except OSError:
        return _any_child()
    places = [Path("/proc", child) for child in children if _device(f"/proc/{child}/fd/0") == terminal]
    pollers = [place for place in places if place.name not in _of_multiprocessing()]
    return any(map(_reads_stdin, [*tasks, *places])) or any(map(_polls, pollers))


def _of_multiprocessing() -> set[str]:
    """Return the numbers of processes that have the terminal and never poll it: their `sys.stdin` is another file."""
    process, server = map(sys.modules.get, ("multiprocessing.process", "multiprocessing.forkserver"))
    found = [child.pid for child in list(getattr(process, "_children", ()))]
    found.append(getattr(getattr(server, "_forkserver", None), "_forkserver_pid", None))
    return {str(pid) for pid in found if pid is not None}


def _reads_stdin(place: Path) -> bool:
    """Return whether a thread or process reads its descriptor 0."""
    call, first = _system_call(place)
    return call in READS and first == "0x0"


def _polls(place: Path) -> bool:
    """Return whether a process waits on descriptors that are not told. A thread of ours that does has not got stdin."""
    return _system_call(place)[0] in POLLS


def _system_call(place: Path) -> tuple[str, str]:
    """Return the number and the first argument of what a thread or process waits in; empty where it runs or is over."""
    try:
        call, first = (place / "syscall").read_text("ascii").split()[:2]
    except (OSError, ValueError):
        return "", ""
    return call, first


def _device(path: str) -> int:
    try:
        return Path(path).stat().st_rdev
    except OSError:
        return -1


def _any_child() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (OSError, AttributeError):
        return False
    return True
