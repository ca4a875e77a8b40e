"""The writer of a journal: a recorder that gathers events and appends them, one write a picture.

It runs on the owner's thread, has no thread of its own and wakes up for nothing. A full disk ends the
journal, is reported once, and changes nothing else.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from typing import TYPE_CHECKING
from weakref import WeakSet

from mainstage.core import codec
from mainstage.core.file_lock import lock_file
from mainstage.events import (
    SCHEMA,
    CallFailed,
    KeyPressed,
    RunEnded,
    RunStarted,
    StopRequested,
    TaskChanged,
    TaskFailed,
    TaskQueued,
    TaskReopened,
    TaskRetried,
    TaskStarted,
)
from mainstage.journal.format import (
    FIRST_LINE,
    JournalError,
    JournalHeader,
    first_line,
    header_note,
    is_journal,
    make_frame,
    make_note,
)
from mainstage.journal.places import link_to

if TYPE_CHECKING:
    from mainstage.events import ErrorReport, Event

MOST = 2000
"""Events that are gathered at the most."""
RESERVED = 1024
"""Bytes that are kept of the limit for the last notes."""
OLD = ".old"
"""What is put behind the name of a journal that another one replaces."""

_NOTES = re.compile(r"^(in task|while working on input) .*\n?", re.MULTILINE)
"""What is noted on an exception of a task's."""

_open: WeakSet[JournalWriter] = WeakSet()
_hooked: list[int] = []


def _in_child() -> None:
    """Close the journals of the parent: the lock would live as long as a forked child."""
    for journal in list(_open):
        journal.forsake()


class JournalWriter:
    """Appends the events of a run to the journal at `path`, a new file that its user alone may read.

    An existing journal becomes `path`.old. `limit` bounds its bytes; without `inputs` the inputs of tasks and the names
    that are made of them stay out. One that is not to be `kept` is removed at the end of a run in which nothing failed;
    one that is has a link in the folder where journals are found, until its end. Raises `JournalError`: a live run
    writes there, or another file is in the way.
    """

    wants_events = False
    """Short calls may come as sums."""

    def __init__(
        self, path: str | os.PathLike[str], *, limit: int | None = None, inputs: bool = True, kept: bool = True
    ) -> None:
        codec.load_msgspec()  # not in a signal handler, in the middle of another import
        self.path = os.path.abspath(path)  # noqa: PTH100  # strings throughout
        self.trouble = ""
        """Why the journal is not whole, until it was told."""
        self._limit = limit
        self._inputs = inputs
        self._kept = kept
        self._link = ""
        self._failed: set[int] = set()
        self._stopped = False
        self._events: list[Event] = []
        self._broken = False
        self._fd = _create(self.path)
        self._size = 0
        if kept:
            self._link = link_to(self.path)
        if not _hooked and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_in_child)
            _hooked.append(os.getpid())
        _open.add(self)

    def record(self, event: Event) -> None:
        """Take one event; the write comes with the next picture, or when there are many."""
        kind = type(event)
        if self._broken or kind is KeyPressed:  # a key: what the user of one terminal looked at
            return
        if kind is RunStarted and not self._size:
            self._begin(event)  # type: ignore[arg-type]  # by `kind`
        elif kind is TaskFailed or kind is CallFailed or kind is TaskReopened:
            self._failed ^= {event.task}  # type: ignore[union-attr, arg-type]  # by `kind`
        elif kind is StopRequested:
            self._stopped = True
        self._events.append(event if self._inputs else _without_inputs(event))
        if len(self._events) >= MOST or kind is RunEnded:
            self.flush()
        if kind is RunEnded:
            self._end()

    def flush(self) -> None:
        """Append what was gathered, in one write."""
        if self._events:
            events, self._events = self._events, []
            self._append(make_frame(codec.to_compact(events)))

    def tell_end(self, status: int | None, unretrieved: int | None) -> None:
        """Append how the run ends."""
        self.flush()
        if not self._broken:
            self._append(make_note({"end": {"status": status, "unretrieved": unretrieved}}))

    def _end(self) -> None:
        """Close the file at the end of its run."""
        self._broken = True
        good = not (self._kept or self._failed or self._stopped)
        with contextlib.suppress(OSError):
            for name in [*([self.path] if good else []), *([self._link] if self._link else [])]:
                os.unlink(name)  # noqa: PTH108  # strings throughout
        self.forsake()

    def close(self) -> None:
        """Close the file of a run that never began, and remove it."""
        self._kept = False
        self._end()

    def forsake(self) -> None:
        """Close the file as it is: in a forked child, which does not own it."""
        fd, self._fd, self._broken = self._fd, -1, True
        _open.discard(self)
        if fd >= 0:
            with contextlib.suppress(OSError):  # what was not written yet has been told, or is of a network's
                os.close(fd)

    def _begin(self, event: RunStarted) -> None:
        header = JournalHeader(
            SCHEMA,
            os.getpid(),
            event.title,
            tuple(sys.argv) if self._inputs else tuple(sys.argv[:1]),
            event.at,
            event.wall,
            boot_id(),
            self._inputs,
        )
        self._append(first_line() + header_note(header))

    def _append(self, data: bytes) -> None:
        if self._limit is not None and self._size + len(data) > self._limit - RESERVED:
            self._stop(f"it has reached its limit of {self._limit:,} bytes", data=make_note({"cut": "limit"}))
            return
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            self._stop(error.strerror or str(error))
            return
        if written < len(data):
            self._stop("the disk is full")
            return
        self._size += written

    def _stop(self, why: str, data: bytes = b"") -> None:
        """Write nothing more but `data`, and have it told; what is torn is cut off."""
        self._broken = True
        self.trouble = f"the journal {self.path} is not whole: {why}"
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._size)
            if data:
                os.write(self._fd, data)


def boot_id() -> str:
    """Return what tells one boot of this machine from another; "" where the system does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123  # a few bytes
            return file.read().strip()
    except (OSError, UnicodeError):
        return ""


def _create(path: str) -> int:
    """Return the descriptor of a new, locked file."""
    with contextlib.suppress(FileNotFoundError):
        _move_away(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
    try:
        fd = os.open(path, flags | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be made: {error.strerror or error}") from error
    try:
        lock_file(fd)
    except BlockingIOError:
        os.close(fd)
        raise _taken(path) from None
    except OSError:  # a file system without locks: whether the writer lives is told by its number alone
        pass
    return fd


def _move_away(path: str) -> None:
    """Rename the journal that is there, or refuse. Raises `FileNotFoundError`: there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # strings throughout
        if not stat.S_ISREG(found.st_mode):
            raise JournalError(f"the journal {path} cannot be made: what is there is no regular file")
        with open(path, "rb") as file:  # noqa: PTH123  # as above
            if found.st_size and not is_journal(file.read(FIRST_LINE)):
                raise JournalError(f"{path} is no journal, and is not replaced by one: name another file")
            try:
                lock_file(file.fileno(), shared=True)
            except BlockingIOError:
                raise _taken(path) from None
        os.replace(path, path + OLD)  # noqa: PTH105  # as above
    except FileNotFoundError:
        raise
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be replaced: {error.strerror or error}") from error


def _taken(path: str) -> JournalError:
    return JournalError(f"the journal {path} is being written by a run that is live: name another file")


def _without_notes(error: ErrorReport) -> ErrorReport:
    return error._replace(traceback=_NOTES.sub("", error.traceback))


def _without_inputs(event: Event) -> Event:
    """Return `event` with neither the input of a task nor a name that may be made of it."""
    match event:
        case TaskQueued() | TaskStarted():
            return event._replace(description=f"task {event.task}")
        case TaskChanged() if event.description is not None:
            return event._replace(description=f"task {event.task}")
        case TaskFailed() | TaskRetried():
            return event._replace(input="", error=_without_notes(event.error))
        case CallFailed():
            return event._replace(input="", description=f"task {event.task}", error=_without_notes(event.error))
    return event
