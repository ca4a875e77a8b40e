"""What bars of a child process report by: a connection to the process that has started it, whose run shows them.

Nothing is handed to the child: each process that shows what its children do listens under a name that follows from its
number and from the secret that `multiprocessing` gives to its children, whatever their start method. Where no process
listens yet, reports wait, and those of a bar that ends meanwhile are dropped.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from mainstage.channels.outbox import RemoteChannel
from mainstage.core.clock import SystemClock, monotonic
from mainstage.events import TaskEnded, TaskMoved, TaskStarted

if TYPE_CHECKING:
    from mainstage.events import Event

AGAIN = 0.1
"""Seconds between two attempts to reach the parent, at least."""
KEPT = 20
"""Reports of a bar that wait, at most."""


def address_of(pid: int) -> str | None:
    """Return where the process `pid` listens, if this is it or a child of it; None: not on this platform."""
    module = sys.modules.get("multiprocessing.process")
    if module is None or not sys.platform.startswith("linux"):
        return None
    from _blake2 import blake2b  # noqa: PLC0415  # `hashlib` loads OpenSSL, a fifth of what a pool's first result takes

    secret = blake2b(b"mainstage" + bytes(module.current_process().authkey), digest_size=16).hexdigest()
    return f"\0mainstage-{pid}-{secret}"  # of Linux: it is no file, and gone with the process


class ParentConnection:
    """Carries the events of this process's bars to its parent's run, when there is one. Any thread."""

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._connection: Any = None
        self._again = 0.0
        self._open: dict[int, list[Event]] = {}
        """What is known of each bar that has not ended."""
        self._lock = threading.Lock()
        self.channel = RemoteChannel(self, SystemClock(), first_id=1)
        """What bars report to."""

    def send_batch(self, batch: list[Event]) -> None:
        """Send events at once: what a child has said is to be there before its result."""
        with self._lock:
            for event in batch:
                self._keep(event)
            if self._connection is None:
                self._connect()  # it tells of all that is known
            else:
                self._send(batch)

    def flush(self) -> None:
        """Do nothing: nothing waits."""

    def _keep(self, event: Event) -> None:
        task: int = getattr(event, "task", 0) or 0
        if isinstance(event, TaskStarted):
            self._open[task] = [event]
            return
        known = self._open.get(task)
        if known is None:
            return
        if isinstance(event, TaskEnded):
            del self._open[task]
            return
        if isinstance(event, TaskMoved) and isinstance(known[-1], TaskMoved):
            known.pop()
        known.append(event)
        if len(known) > KEPT:
            del known[1]

    def _connect(self) -> None:
        now = monotonic()
        address = address_of(self._parent)
        if not self._open or address is None or now < self._again:
            return
        self._again = now + AGAIN
        import socket  # noqa: PLC0415  # as above
        from multiprocessing.connection import Connection  # noqa: PLC0415

        there = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            there.connect(address)
            mine = is_of_this_user(there)
        except OSError:
            mine = False
        if not mine:
            there.close()
            return
        self._connection = Connection(there.detach())
        self._send([event for events in self._open.values() for event in events])

    def _send(self, batch: list[Event]) -> None:
        try:
            self._connection.send(batch)
        except (OSError, ValueError):  # the run is over: the next one is told anew
            self._connection.close()
            self._connection = None


def is_of_this_user(there: Any) -> bool:
    """Return whether the process at the other end of a socket is of the same user."""
    import socket  # noqa: PLC0415  # as above
    import struct  # noqa: PLC0415

    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", there.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(user == os.getuid())


_known: tuple[int, ParentConnection] | None = None


def parent_channel() -> RemoteChannel | None:
    """Return what a bar of this child process reports to; None: its parent cannot be reached."""
    global _known  # noqa: PLW0603  # of the process
    pid = os.getpid()
    if _known is not None and _known[0] == pid:
        return _known[1].channel
    module = sys.modules.get("multiprocessing.process")
    parent = None if module is None else module.parent_process()
    if parent is None or address_of(parent.pid) is None:
        return None
    connection = ParentConnection(parent.pid)
    try:
        connection.channel.start()
    except RuntimeError:  # the interpreter ends
        return None
    _known = pid, connection
    return connection.channel
