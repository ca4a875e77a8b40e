"""What can go wrong, by name, and how an exception is told on the other side of a border."""

from __future__ import annotations

import sys
from itertools import islice

from mainstage._typing import TYPE_CHECKING
from mainstage.events import ErrorReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MOST_INSIDE = 12
"""So many exceptions of a group are told one by one."""


class Cancelled(BaseException):
    """Raised once per request inside a worker that was asked to stop, by its next report of progress.

    A `BaseException`, as `asyncio.CancelledError`: an `except Exception` that keeps a worker going does not swallow it.
    """


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP reached a run; `signum` says which. Uncaught, the process dies of that signal."""

    def __init__(self, message: str = "", signum: int = 15) -> None:
        super().__init__(message)
        self.signum = signum


class MainstageError(Exception):
    """The root of the errors that the library raises of its own accord."""


class TaskTimeout(MainstageError, TimeoutError):
    """A task was over its `timeout`."""


class WorkerLost(MainstageError):
    """A worker process died with this task in hand: `pid`, its `exitcode` (negative: the signal) and the `input`."""

    def __init__(self, message: str = "", pid: int = 0, exitcode: int | None = None, told_input: str = "") -> None:
        super().__init__(message, pid, exitcode, told_input)
        self.pid = pid
        self.exitcode = exitcode
        self.input = told_input

    def __str__(self) -> str:
        return str(self.args[0])


class PoolBroken(MainstageError):
    """Worker processes do not come up: the initializer failed, or the main program cannot be imported."""


class EngineMissing(MainstageError, ImportError):
    """Dask or Ray is asked for and not installed; the message names the extra that brings it."""


class EngineLost(MainstageError):
    """The Dask or Ray cluster that ran the work, or was to, does not answer."""


class Unpicklable(MainstageError, TypeError):
    """Something cannot be sent to, or from, another process; the message names it."""


class RemoteTraceback(Exception):
    """The traceback of an exception in the process where it was raised: the cause of the exception here."""

    def __init__(self, tb: str) -> None:
        super().__init__(tb)
        self.tb = tb

    def __str__(self) -> str:
        return f'\n"""\n{self.tb}\n"""'


class QueueError(MainstageError):
    """The senders of a raw queue ended, or erred, before its task was done."""


class UnknownMessage(MainstageError, ValueError):
    """A raw queue or a stepwise worker was given a message that is not in the contract."""


class RenderingViolation(MainstageError):
    """Something wrote to a terminal that belongs to the display, in a strict run; raised at the line that wrote."""


class DisplayError(MainstageError):
    """A view or display argument makes no sense; the message lists what does."""


def is_cancellation(error: BaseException | None) -> bool:
    """Return whether `error` is asyncio's `CancelledError`; a program without asyncio does not load it for that."""
    asyncio = sys.modules.get("asyncio.exceptions")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def describe_error(error: BaseException) -> ErrorReport:
    """Describe `error` with its traceback; never raises, whatever its `__str__` does.

    The text of a group goes on with a line for each exception in it, indented by two spaces a level.
    """
    import traceback  # noqa: PLC0415  # only failures pay for it

    text = _text_of(error)
    if isinstance(error, BaseExceptionGroup):
        text = "\n".join([text, *islice(_inside(error, 1), MOST_INSIDE)])
    remote = error.__cause__
    if isinstance(remote, RemoteTraceback):  # it was raised in another process
        return ErrorReport(type(error).__qualname__, text, remote.tb)
    try:
        told = traceback.TracebackException(type(error), error, _from_the_users_code(error.__traceback__))
        lines = "".join(told.format()).rstrip("\n")
    except BaseException as trouble:  # noqa: BLE001  # as above
        lines = f"<its traceback could not be formatted: {type(trouble).__name__}>"
    return ErrorReport(type(error).__qualname__, text, lines)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as trouble:  # noqa: BLE001  # a worker's own exception class may raise anything here
        return f"<str() of it raised {type(trouble).__name__}>"


def _inside(group: BaseExceptionGroup[BaseException], depth: int) -> Iterator[str]:
    for error in group.exceptions:
        text = _text_of(error).partition("\n")[0]
        line = f"{type(error).__qualname__}: {text}" if text else type(error).__qualname__
        yield "  " * depth + line + _raised_at(error.__traceback__)
        if isinstance(error, BaseExceptionGroup):
            yield from _inside(error, depth + 1)


def _raised_at(where: TracebackType | None) -> str:
    """Return " at job.py:12 in load"; of what is in a group there is no other word on that."""
    if where is None:
        return ""
    while where.tb_next is not None:
        where = where.tb_next
    code = where.tb_frame.f_code
    return f" at {code.co_filename.rpartition('/')[2]}:{where.tb_lineno} in {code.co_name}"


def _from_the_users_code(where: TracebackType | None) -> TracebackType | None:
    """Return the traceback from its first frame outside this package; all of it, if there is none."""
    inner = where
    while inner is not None and inner.tb_frame.f_globals.get("__name__", "").startswith("mainstage."):
        inner = inner.tb_next
    return inner or where


def add_note(error: BaseException, note: str) -> None:
    """Put `note` on the exception once, where its class lets us."""
    try:
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    except Exception:  # noqa: BLE001  # frozen or slotted exceptions: the note is a courtesy, the error stands
        return
