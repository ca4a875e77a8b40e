"""The messages of a raw queue and of a stepwise worker: what each means, and what is none."""

from __future__ import annotations

from mainstage._typing import TYPE_CHECKING
from mainstage.core.describe import describe
from mainstage.errors import QueueError, UnknownMessage, is_instance
from mainstage.tasks.position import plain_number, plain_total

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple, TypeAlias
else:
    from mainstage._typing import NamedTuple

TAKEN = (
    "a number, None, ('progress', n), ('total', n), ('error', exc), ('metric', name, value), ('log', text) "
    "or ('done', result)"
)


class Progress(NamedTuple):
    """So many items were done since the last one."""

    items: float


class Total(NamedTuple):
    """The number of items in all; None: not known."""

    total: float | None


class Erred(NamedTuple):
    """The sender failed."""

    error: BaseException


class MetricMessage(NamedTuple):
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


Message: TypeAlias = Progress | Total | Erred | MetricMessage | Log | Done | Sentinel


def read_message(message: object) -> Message:
    """Return what `message` means; `UnknownMessage` quotes one that means nothing."""
    if message is None:
        return Sentinel()
    if isinstance(message, tuple) and message and isinstance(message[0], str):
        reader = _READERS.get((message[0], len(message)))
        if reader is not None:
            try:
                return reader(*message[1:])
            except Exception:  # noqa: BLE001  # a number or text of the user's own class may raise anything
                raise UnknownMessage(_unknown(message)) from None
        raise UnknownMessage(_unknown(message))
    try:
        return Progress(_number(message))
    except Exception:  # noqa: BLE001  # as above
        raise UnknownMessage(_unknown(message)) from None


def _number(value: object) -> float:
    if isinstance(value, bool):  # a flag, not a count
        raise TypeError("a count is a number, not a bool")
    return plain_number(value)


def read_total(value: object) -> float | None:
    """Return a total, None and infinity being "not known"; `ValueError` or `TypeError` if it is no number from 0 on."""
    if isinstance(value, bool):
        raise TypeError("a total is a number, not a bool")
    total = plain_total(value)
    if total is not None and total < 0:
        raise ValueError(f"a total is 0 or more, not {total}")
    return total


def _erred(value: object) -> Erred:
    if isinstance(value, str):  # recipes put str(exc)
        return Erred(QueueError(value))
    if not is_instance(value, BaseException):
        raise TypeError
    return Erred(value)


def _metric(name: object, value: object) -> MetricMessage:
    if not isinstance(name, str):
        raise TypeError
    return MetricMessage(name, _number(value))


_READERS: dict[tuple[str, int], Callable[..., Message]] = {
    ("progress", 2): lambda count: Progress(_number(count)),
    ("total", 2): lambda total: Total(read_total(total)),
    ("error", 2): _erred,
    ("metric", 3): _metric,
    ("log", 2): lambda text: Log(str(text).rstrip("\n")),
    ("done", 2): Done,
}


def _unknown(message: object) -> str:
    return f"unknown message {describe(message)}; what is taken: {TAKEN}"
