"""Workers that are generators: they yield the queue's messages, import nothing of ours, and return their result."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextvars import copy_context
from functools import update_wrapper

from mainstage._typing import TYPE_CHECKING
from mainstage.core.describe import describe
from mainstage.errors import Cancelled, UnknownMessage, add_note, explain
from mainstage.tasks.messages import Done, Erred, Log, MetricMessage, Progress, Sentinel, Total, read_message
from mainstage.tasks.task import current_task

if TYPE_CHECKING:
    from contextvars import Context
    from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, overload

    from mainstage.tasks.messages import Message
    from mainstage.tasks.task import Task
else:
    from mainstage._typing import Generic, ParamSpec, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Stepwise(Generic[P, R_co]):
    """A generator function that is called as a function: run to its end, its messages taken, its result returned."""

    def __init__(self, fn: Callable[P, Generator[object, None, R_co]]) -> None:
        update_wrapper(self, fn)
        self._fn = fn

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it under the current task; without a run its messages go nowhere."""
        generator: Any = self._fn(*args, **kwargs)
        if isinstance(generator, AsyncGenerator):
            coroutine: Any = _async_steps(generator)
            return coroutine  # type: ignore[no-any-return]  # its caller awaits it
        if not isinstance(generator, Generator):
            raise TypeError(f"stepwise takes a generator function, and {describe(self._fn)} is none: it has no yield")
        result: R_co = _steps(generator, current_task())
        return result

    def __get__(self, instance: object, owner: type | None = None) -> Stepwise[..., R_co]:
        """Bind it as a method."""
        if instance is None:
            return self
        fn: Any = self._fn
        return Stepwise(fn.__get__(instance, owner))

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle it by its name where it has taken the function's, else around the function."""
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
def stepwise(fn: Callable[P, AsyncIterator[object]]) -> Stepwise[P, Coroutine[Any, Any, Any]]: ...
@overload
def stepwise(fn: Callable[P, Iterator[object]]) -> Stepwise[P, Any]: ...
def stepwise(fn: Callable[P, Any]) -> Stepwise[P, Any]:
    """Mark a generator function as a worker: as decorator, or at the call, `map(stepwise(download), urls)`.

    It yields what it would put into a queue: a number of items done, `("progress", n)`, `("total", n)`, `("log",
    text)`, `("metric", name, value)`, `("error", exception)`, `("done", result)`, or None for a point where it may be
    stopped. What it returns is its result. Any other message is thrown back at it as `UnknownMessage`, and a request to
    stop as `Cancelled`. An async generator function is one too, called as a coroutine function: `aio.map(stepwise(
    download), urls)`; it returns nothing, so its result is what it says is done.
    """
    return fn if isinstance(fn, Stepwise) else Stepwise(fn)


def _steps(generator: Generator[object, None, Any], task: Task) -> Any:
    """Run it to its end, in one context of its own: what it enters there, it leaves there."""
    context = copy_context()
    step: Callable[[Any], object] = generator.send
    given: BaseException | None = None
    try:
        while True:
            yielded = context.run(step, given)
            step, given = generator.send, None
            try:
                message = read_message(yielded)
                if not isinstance(message, Done | Erred):
                    _report(task, message)
                    task.check_cancelled()
                    continue
            except (Cancelled, UnknownMessage) as trouble:
                step, given = generator.throw, trouble
                continue
            if isinstance(message, Done):
                return message.result
            _fail(message.error, context, generator)
    except StopIteration as end:
        return end.value
    finally:
        context.run(generator.close)


async def _async_steps(generator: AsyncGenerator[object, Any]) -> Any:
    """Run it to its end, as `_steps`, in the context of the awaiting coroutine."""
    task = current_task()
    step: Callable[[Any], Any] = generator.asend
    given: BaseException | None = None
    try:
        while True:
            yielded = await step(given)
            step, given = generator.asend, None
            try:
                message = read_message(yielded)
                if not isinstance(message, Done | Erred):
                    _report(task, message)
                    task.check_cancelled()
                    continue
            except (Cancelled, UnknownMessage) as trouble:
                step, given = generator.athrow, trouble
                continue
            if isinstance(message, Done):
                return message.result
            try:
                await generator.aclose()
            except BaseException as trouble:  # noqa: BLE001  # as in `_fail`
                _note_trouble(message.error, trouble)
            raise message.error
    except StopAsyncIteration:
        return None
    finally:
        await generator.aclose()


def _note_trouble(error: BaseException, trouble: BaseException) -> None:
    add_note(error, f"closing its generator raised {explain(trouble)}")


def _fail(error: BaseException, context: Context, generator: Generator[object, None, Any]) -> NoReturn:
    """Raise the error that the worker named; its clean-up comes first and cannot hide it."""
    try:
        context.run(generator.close)
    except BaseException as trouble:  # noqa: BLE001  # whatever it is, the named error is the one to tell
        _note_trouble(error, trouble)
    raise error


def _report(task: Task, message: Message) -> None:
    match message:
        case Progress(count):
            task.advance(count)
        case Total(None) | Sentinel():
            return
        case Total(total):
            task.set(total=total)
        case Log(text):
            task.log(text)
        case MetricMessage(name, value):
            task.metric(name, value)
