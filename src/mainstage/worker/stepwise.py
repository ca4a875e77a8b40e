"""Workers that are generators: they yield the queue's messages, import nothing of ours, and return their result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from functools import update_wrapper
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, overload

from mainstage.errors import Cancelled, QueueError, UnknownMessage, add_note
from mainstage.worker.describe import describe
from mainstage.worker.task import Task, current_task, plain_number

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

MESSAGES = (
    'a number of items, ("progress", n), ("total", n), ("log", text), ("metric", name, value), ("error", exception), '
    '("done", result) or None'
)


class _Over(BaseException):
    """The generator said that it is over: with a result, or with an error."""

    def __init__(self, result: object = None, error: BaseException | None = None) -> None:
        super().__init__()
        self.result = result
        self.error = error


class Stepwise(Generic[P, R_co]):
    """A generator function that is called as a function: run to its end, its messages taken, its result returned."""

    def __init__(self, fn: Callable[P, Generator[object, None, R_co]]) -> None:
        update_wrapper(self, fn)
        self._fn = fn

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        generator = self._fn(*args, **kwargs)
        if not isinstance(generator, Generator):
            raise TypeError(f"stepwise takes a generator function, and {describe(self._fn)} is none: it yields nothing")
        return _steps(generator, current_task())

    def __get__(self, instance: object, owner: type | None = None) -> Stepwise[..., R_co]:
        if instance is None:
            return self
        return Stepwise(self._fn.__get__(instance, owner))  # type: ignore[attr-defined]  # a function in a class has it

    def __reduce__(self) -> str | tuple[Any, ...]:
        name: str | None = getattr(self, "__qualname__", None)
        found: object = sys.modules.get(getattr(self, "__module__", ""))
        for part in (name or "").split("."):
            found = getattr(found, part, None)
        return name if name is not None and found is self else (stepwise, (self._fn,))

    def __repr__(self) -> str:
        return f"stepwise({self._fn!r})"


@overload
def stepwise(fn: Callable[P, Generator[object, None, R]]) -> Stepwise[P, R]: ...
@overload
def stepwise(fn: Callable[P, Iterator[object]]) -> Stepwise[P, Any]: ...
def stepwise(fn: Callable[P, Any]) -> Stepwise[P, Any]:
    """Mark a generator function as a worker: as decorator, or at the call, `map(stepwise(download), urls)`.

    It yields what it would put into a queue: a number of items done, `("total", n)`, `("log", text)`, `("metric", name,
    value)`, `("error", exception)`, `("done", result)`, or None for a point where it may be stopped. What it returns is
    its result. Any other message is thrown back at it as `UnknownMessage`, a request to stop as `Cancelled`.
    """
    return fn if isinstance(fn, Stepwise) else Stepwise(fn)


def _steps(generator: Generator[object, None, R_co], task: Task) -> R_co:
    """Run it to its end, in one context of its own: what it enters there, it leaves there."""
    context = copy_context()
    step: Callable[[Any], object] = generator.send
    given: BaseException | None = None
    try:
        while True:
            message = context.run(step, given)
            step, given = generator.send, None
            try:
                _take(task, message)
                task.check_cancelled()
            except (Cancelled, UnknownMessage) as trouble:
                step, given = generator.throw, trouble
    except StopIteration as end:
        result: R_co = end.value
        return result
    except _Over as over:
        return _closed(over, lambda: context.run(generator.close))
    finally:
        context.run(generator.close)


def _closed(over: _Over, close: Callable[[], None]) -> Any:
    if over.error is None:
        close()
        return over.result
    try:
        close()
    except BaseException as trouble:  # noqa: BLE001  # the error that the worker named is the one to tell
        add_note(over.error, f"and closing the generator raised {type(trouble).__name__}: {trouble}")
    raise over.error from None


def _take(task: Task, message: object) -> None:
    """Do what the message says."""
    if message is None:
        return
    if not isinstance(message, tuple):
        task.advance(_number(message, message))
        return
    match message:
        case ("progress", n):
            task.advance(_number(n, message))
        case ("total", None):
            return
        case ("total", n):
            task.set(total=_number(n, message))
        case ("log", text):
            task.log(str(text))
        case ("metric", name, value):
            task.metric(str(name), float(_number(value, message)))
        case ("done", result):
            raise _Over(result)
        case ("error", BaseException() as error):
            raise _Over(error=error)
        case ("error", text):
            raise _Over(error=QueueError(describe(text)))
        case _:
            _refuse(message)


def _number(n: object, message: object) -> float:
    try:
        return plain_number(n)
    except (TypeError, ValueError):
        _refuse(message)


def _refuse(message: object) -> NoReturn:
    raise UnknownMessage(f"{describe(message)} is not a message that a worker may yield: use {MESSAGES}") from None
