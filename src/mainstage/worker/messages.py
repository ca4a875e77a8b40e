"""The messages of a raw queue and of a stepwise worker: what each means, and what is none."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mainstage.errors import QueueError, UnknownMessage

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 200
"""Characters of an unknown message that are quoted."""
TAKEN = (
    "a number, None, ('progress', n), ('total', n), ('error', exc), ('metric', name, value), ('log', text) "
    "or ('done', result)"
)


class Progress(NamedTuple):
    """So many items were done since the last one."""

    count: float


class Total(NamedTuple):
    """There are so many items in all; None: nobody knows."""

    total: float | None


class Erred(NamedTuple):
    """The sender failed."""

    error: BaseException


class Metric(NamedTuple):
    """Something was measured."""

    name: str
    value: float


class Log(NamedTuple):
    """Whole lines, without the last newline."""

    text: str


class Done(NamedTuple):
    """The sender is done."""

    result: object


class Sentinel(NamedTuple):
    """The sender puts nothing more."""


Message: TypeAlias = Progress | Total | Erred | Metric | Log | Done | Sentinel


def read_message(message: object) -> Message:
    """Return what `message` means; `UnknownMessage` quotes one that means nothing. Calls no code of the message's own
    but the conversion of a number or of a log's text."""
    if message is None:
        return Sentinel()
    if isinstance(message, tuple) and message and isinstance(message[0], str):
        reader = _READERS.get((message[0], len(message)))
        if reader is not None:
            try:
                return reader(*message[1:])
            except (TypeError, ValueError, OverflowError):
                raise UnknownMessage(_unknown(message)) from None
        raise UnknownMessage(_unknown(message))
    try:
        return Progress(_number(message))
    except (TypeError, ValueError, OverflowError):
        raise UnknownMessage(_unknown(message)) from None


def _number(value: object) -> float:
    """Return a plain number; `TypeError` or `ValueError` if it is none that can be counted with."""
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError
        return float(value)
    return operator.index(value)  # type: ignore[arg-type]  # raises TypeError for what is no whole number of any library


def _total(value: object) -> Total:
    total = None if value is None else _number(value)
    if total is not None and total < 0:
        raise ValueError
    return Total(total)


def _erred(value: object) -> Erred:
    if isinstance(value, str):  # recipes put str(exc)
        return Erred(QueueError(value))
    if not isinstance(value, BaseException):
        raise TypeError
    return Erred(value)


def _metric(name: object, value: object) -> Metric:
    if not isinstance(name, str):
        raise TypeError
    return Metric(name, _number(value))


_READERS: dict[tuple[str, int], Callable[..., Message]] = {
    ("progress", 2): lambda count: Progress(_number(count)),
    ("total", 2): _total,
    ("error", 2): _erred,
    ("metric", 3): _metric,
    ("log", 2): lambda text: Log(str(text).rstrip("\n")),
    ("done", 2): Done,
}


def _unknown(message: object) -> str:
    try:
        quoted = repr(message)
    except Exception as trouble:  # noqa: BLE001  # a message may be of any class, with any __repr__
        quoted = f"<a {type(message).__qualname__} whose repr() raised {type(trouble).__name__}>"
    if len(quoted) > LONGEST:
        quoted = f"{quoted[:LONGEST]}..."
    return f"unknown message {quoted}; what is taken: {TAKEN}"
