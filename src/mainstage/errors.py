"""The exceptions of the library, and how an exception is described on the other side of a process boundary."""

from __future__ import annotations

import sys
from itertools import islice

from mainstage._typing import TYPE_CHECKING
from mainstage.events import ErrorReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, TracebackType
    from typing import Any, TypeGuard, TypeVar

    E = TypeVar("E", bound=BaseException)

MOST_INSIDE = 12
"""So many exceptions of a group are told one by one."""
MOST_STACKS, DEEPEST = 256, 32
"""So many stacks are known by heart, of so many frames each."""
TALKATIVE = (BaseExceptionGroup, SyntaxError, NameError, AttributeError, ImportError)
"""Of these Python prints more: what is in it, where in a line, what may have been meant."""
MUTE = "<str() of it raised "
"""The text of an exception that has none begins so; Python has other words for it."""


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


class DisplayError(MainstageError, ValueError):
    """A view or display argument makes no sense; the message lists what does."""


def is_instance(error: object, kinds: type[E] | tuple[type[E], ...]) -> TypeGuard[E]:
    """Return whether `error` is of one of these classes, by its type alone: a `__class__` of its own may raise."""
    return issubclass(type(error), kinds)


def is_cancellation(error: BaseException | None) -> bool:
    """Return whether `error` is asyncio's `CancelledError`; a program without asyncio does not load it for that."""
    asyncio = sys.modules.get("asyncio.exceptions")
    return asyncio is not None and is_instance(error, asyncio.CancelledError)


def name_of(error: BaseException) -> str:
    """Return the name of the class of `error`, whatever its metaclass does."""
    return str(_qualname(type(error)))


def text_of(error: BaseException) -> str:
    """Return `str(error)`; never raises."""
    try:
        return str.__str__(str(error))
    except BaseException as trouble:  # noqa: BLE001  # a worker's own exception class may raise anything here
        return f"{MUTE}{name_of(trouble)}>"


def explain(error: BaseException) -> str:
    """Return "ValueError: what it says"; never raises, whatever the class does."""
    return f"{name_of(error)}: {text_of(error)}"


# What an exception is asked and given goes to the slots of `BaseException` itself: its class may be a frozen dataclass,
# or have attributes that raise.


def traceback_of(error: BaseException) -> TracebackType | None:
    """Return the `__traceback__`."""
    found: TracebackType | None = _traceback.__get__(error)
    return found


def set_traceback(error: BaseException, where: TracebackType | None) -> None:
    """Set the `__traceback__`; None lets go of the frames that it holds."""
    _traceback.__set__(error, where)


def cause_of(error: BaseException) -> BaseException | None:
    """Return the `__cause__`."""
    found: BaseException | None = _cause.__get__(error)
    return found


def context_of(error: BaseException) -> BaseException | None:
    """Return the `__context__`."""
    found: BaseException | None = _context.__get__(error)
    return found


def set_cause(error: BaseException, cause: BaseException | None) -> None:
    """Set the `__cause__`."""
    _cause.__set__(error, cause)


def inner_errors(error: BaseException) -> tuple[BaseException, ...]:
    """Return what an exception group holds; nothing for any other exception."""
    found: tuple[BaseException, ...] = _exceptions.__get__(error) if is_instance(error, BaseExceptionGroup) else ()
    return found


def notes_of(error: BaseException) -> list[str]:
    """Return the notes on `error`; what is no text among them, or in their place, is left out."""
    notes: Any = _dict.__get__(error).get("__notes__", ())
    if type(notes) not in (list, tuple):
        return []
    return [note if type(note) is str else str.__str__(note) for note in notes if issubclass(type(note), str)]


def add_note(error: BaseException, note: str) -> None:
    """Put `note` on the exception once, unless its notes are no list."""
    notes = state_of(error).setdefault("__notes__", [])
    if type(notes) is list and (not notes or note not in notes_of(error)):
        notes.append(note)


def args_of(error: BaseException) -> tuple[object, ...]:
    """Return the `args`."""
    found: tuple[object, ...] = _args.__get__(error)
    return found


def set_args(error: BaseException, args: tuple[object, ...]) -> None:
    """Set the `args`."""
    _args.__set__(error, args)


def state_of(error: BaseException) -> dict[str, object]:
    """Return the attributes of `error`, as `vars` does."""
    found: dict[str, object] = _dict.__get__(error)
    return found


_qualname = type.__dict__["__qualname__"].__get__
_traceback: Any = BaseException.__dict__["__traceback__"]
_cause: Any = BaseException.__dict__["__cause__"]
_args: Any = BaseException.__dict__["args"]
_context: Any = BaseException.__dict__["__context__"]
_dict: Any = BaseException.__dict__["__dict__"]
_exceptions: Any = BaseExceptionGroup.__dict__["exceptions"]
_suppressed: Any = BaseException.__dict__["__suppress_context__"]
_module = type.__dict__["__module__"].__get__
_stacks: dict[tuple[object, ...], tuple[list[CodeType], str]] = {}
"""What Python prints of a stack, by the instructions of its frames. A code is named by its `id`, which stays its own
while it is kept beside the text: a line may hold two functions of one name, and comparing codes costs more."""


def describe_error(error: BaseException) -> ErrorReport:
    """Describe `error` with its traceback; never raises, whatever its class does.

    The text of a group goes on with a line for each exception in it, indented by two spaces a level.
    """
    kind = type(error)
    name, text = str(_qualname(kind)), text_of(error)
    remote = cause_of(error)
    if remote is None and not issubclass(kind, TALKATIVE) and not text.startswith(MUTE):
        plain = _plain(error, kind, name, text)
        if plain is not None:
            return ErrorReport(name, text, plain)
    if inner_errors(error):
        text = "\n".join([text, *islice(_inside(error, 1), MOST_INSIDE)])
    if isinstance(remote, RemoteTraceback):  # it was raised in another process
        return ErrorReport(name, text, remote.tb)
    try:
        lines = _formatted(error)
    except BaseException as trouble:  # noqa: BLE001  # as above
        lines = f"<its traceback could not be formatted: {name_of(trouble)}>"
    return ErrorReport(name, text, lines)


def _plain(error: BaseException, kind: type, name: str, text: str) -> str | None:
    """Return what Python prints of an exception of which it prints no more than the stack, name, text and notes.

    None: it prints more, or not even that can be had. Where many fail at one place, its lines are formatted once.
    """
    notes: Any = _dict.__get__(error).get("__notes__")
    told = notes_of(error) if notes else []
    if notes is not None and (type(notes) not in (list, tuple) or len(notes) != len(told)):
        return None
    if context_of(error) is not None and not _suppressed.__get__(error):
        return None
    where = place = traceback_of(error)
    key: list[object] = []
    while place is not None:
        key += id(place.tb_frame.f_code), place.tb_lasti
        place = place.tb_next
    known = _stacks.get(tuple(key)) or _learn_stack(where, tuple(key))
    if known is None:
        return None
    module = _module(kind)
    name = name if module in ("builtins", "__main__") else f"{module}.{name}"
    return "\n".join([known[1], f"{name}: {text}" if text else name, *told]).rstrip("\n")


def _learn_stack(where: TracebackType | None, key: tuple[object, ...]) -> tuple[list[CodeType], str] | None:
    """Keep what Python prints of a stack, with its codes; None: it has no frames, too many, or what is odd."""
    codes: list[CodeType] = []
    place = where
    while place is not None:
        codes.append(place.tb_frame.f_code)
        place = place.tb_next
    if not 0 < len(codes) <= DEEPEST:
        return None
    import traceback  # noqa: PLC0415  # only failures pay for it

    try:
        text = "Traceback (most recent call last):\n" + "".join(
            traceback.format_tb(_from_the_users_code(where))
        ).rstrip("\n")
    except BaseException:  # noqa: BLE001  # it is tried once more, and told
        return None
    if len(_stacks) >= MOST_STACKS:
        _stacks.clear()
    _stacks[key] = found = codes, text
    return found


def _formatted(error: BaseException) -> str:
    """Return what Python prints of `error`."""
    import traceback  # noqa: PLC0415  # as above

    told = traceback.TracebackException(type(error), error, _from_the_users_code(traceback_of(error)))
    return "".join(told.format()).rstrip("\n")


def _inside(group: BaseException, depth: int) -> Iterator[str]:
    for error in inner_errors(group):
        text = text_of(error).partition("\n")[0]
        line = f"{name_of(error)}: {text}" if text else name_of(error)
        yield "  " * depth + line + _raised_at(traceback_of(error))
        if inner_errors(error):
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
