"""`to_thread` and `run_in_executor`: asyncio's, whose calls are shown and hear of a cancellation."""

from __future__ import annotations

import asyncio
import functools
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mainstage.aio import implicit
from mainstage.aio.group import Group
from mainstage.events import TaskStarted
from mainstage.run.async_scope import ScopeCallbacks
from mainstage.run.external_threads import describe_submitted, to_future_exception
from mainstage.run.run import Run
from mainstage.tasks import outcome as runner
from mainstage.tasks.queue import raw_queue
from mainstage.tasks.task import Task, ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from mainstage.run.async_scope import ExternalScope

P = ParamSpec("P")
R = TypeVar("R")


async def to_thread(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """As `asyncio.to_thread`; shown while it runs, within the task of the coroutine that waits for it, if there is one.

    A cancellation asks it to stop: its next report (`track`, `advance`, ...) raises `Cancelled` in the thread.
    """
    call = functools.partial(func, *args, **kwargs)
    result: R = await _in_thread(None, call, describe_submitted(func, args), args, kwargs)
    return result


async def run_in_executor(executor: Executor | None, func: Callable[..., R], *args: Any) -> R:
    """As `loop.run_in_executor`, shown while it runs; `executor` may be a `Run`, or a pool of threads or processes.

    In a pool of threads it is as `to_thread`. Of what runs in processes that are not ours no more is seen than that.
    """
    loop = asyncio.get_running_loop()
    if executor is None or type(executor) is ThreadPoolExecutor:
        return await _in_thread(executor, functools.partial(func, *args), describe_submitted(func, args), args, {})  # type: ignore[no-any-return]  # what func returns
    future = loop.run_in_executor(executor, func, *args)
    stay = (
        None
        if getattr(executor, "shows_itself", isinstance(executor, Run))
        else implicit.stay(ScopeCallbacks(future.cancel))
    )
    if stay is not None:
        group = Group(stay, after=stay.leave)
        future.add_done_callback(group.shown(describe_submitted(func, args)).over)
    return await future


class AsyncThreadCall:
    """A call in a thread, shown from its start there to its end."""

    def __init__(self, stay: ExternalScope, description: str) -> None:
        self._stay = stay
        self._description = description
        parent = ambient.get()
        self._parent = parent.id if parent is not None and parent.reporter is stay.reporter else None
        self._asked: str | None = None
        self._task: Task | None = None
        self._unclaimed = [True]

    def claim(self) -> bool:
        """Take the right to decide whether it is made: True once, for its thread or for who cancels it before."""
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

    def ask(self, reason: str) -> None:
        """Ask it to stop, or not to begin; any thread."""
        self._asked = reason
        if self._task is not None:
            self._task.request_cancel(reason)

    def __call__(self, call: Callable[[], R], args: Sequence[Any], kwargs: Mapping[str, Any]) -> R:
        """Make it, on its thread; what it raises is raised, but for a `Cancelled`: that is a `CancelledError`."""
        if not self.claim():
            raise CancelledError
        reporter = self._stay.reporter
        worker = threading.current_thread().name
        task = self._task = Task(reporter, reporter.new_id(), 1, self._description, worker=worker)
        now = reporter.now()
        reporter.send(TaskStarted(now, task.id, 1, worker, self._description, None, "", self._parent))
        if self._asked is not None:
            task.request_cancel(self._asked)
        senders = raw_queue.enter_senders(args, kwargs, task)
        outcome = runner.run(task, call, (), {})
        error = outcome.error
        for queue in senders:  # before the task is over: a queue is to know the error by then
            raw_queue.leave_sender(queue, error)
        runner.finish(task, outcome, self._description)
        self._stay.leave_from_anywhere()
        try:
            if error is not None:
                raise to_future_exception(error)
            value: R = outcome.value
            return value
        finally:
            del error, outcome  # an exception keeps its frames


async def _in_thread(
    executor: Executor | None,
    call: Callable[[], Any],
    description: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    loop = asyncio.get_running_loop()
    context = copy_context()
    shown: AsyncThreadCall | None = None

    def ask(reason: str) -> None:
        if shown is not None:
            shown.ask(reason)

    stay = implicit.stay(ScopeCallbacks(ask=ask))
    if stay is None:
        return await loop.run_in_executor(executor, functools.partial(context.run, call))
    shown = AsyncThreadCall(stay, description)
    try:
        future = loop.run_in_executor(executor, functools.partial(context.run, shown, call, args, kwargs))
    except BaseException:
        stay.leave()
        raise
    try:
        return await future
    except asyncio.CancelledError:
        if shown.claim():
            stay.leave()  # it has not begun, and never will
        else:
            shown.ask("cancelled")
        raise
