"""The standard library's executors: each call submitted to one becomes a task, while a program is shown.

What a call returns or raises is none of our business, so no frame of ours stands around it: a pool's own item is
watched as it runs, and a traceback begins where it does under plain Python.
"""

from __future__ import annotations

import functools
import sys
from contextvars import ContextVar
from threading import current_thread
from typing import TYPE_CHECKING, Any, Protocol

from mainstage.events import TaskCancelled, TaskQueued
from mainstage.tasks.integrations.origin import asked_by_program, is_function_of_program
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap
from mainstage.tasks.outcome import describe_call
from mainstage.tasks.task import ambient, open_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from mainstage.tasks.reporter import Reporter

MARK = "_mainstage"
_submitting: ContextVar[OutsideCall | None] = ContextVar("mainstage.submitting", default=None)
"""The call that is being submitted; green threads that share a thread each have their own."""


class Outside(Protocol):
    """Submits a call whose worker is out of reach, and shows what becomes of its future."""

    def __call__(self, description: str, worker: str, submit: Callable[[], Any], /) -> Any:
        """Return what `submit()` does."""
        ...


class OutsideCall:
    """One call on a thread of a pool, from its submission on."""

    def __init__(self, reporter: Reporter, description: str) -> None:
        self._reporter = reporter
        self._description = description
        self._id = reporter.new_id()
        self._began = False

    def queued(self, future: Any) -> None:
        """Tell that it waits."""
        self._reporter.send(TaskQueued(self._reporter.now(), self._id, self._description))
        future.add_done_callback(self._done)

    def _done(self, future: Any) -> None:
        if future.cancelled() and not self._began:
            reason = "cancelled before it began"
            self._reporter.send(TaskCancelled(self._reporter.now(), self._id, 0, 0, reason))

    def run(self, future: Any, run: Callable[[], Any]) -> None:
        """Call `run()`, which settles `future`, as a task."""
        if future.cancelled():
            run()
            return
        self._began = True
        task = open_task(self._reporter, self._id, 1, self._description, worker=current_thread().name)
        token = ambient.set(task)
        try:
            run()
        finally:
            ambient.reset(token)
            task.close(future.exception() if future.done() and not future.cancelled() else None, self._description)


class PoolBridge:
    """Shows the calls of `ThreadPoolExecutor` from within, those of `ProcessPoolExecutor` from outside."""

    def __init__(self, reporter: Reporter, outside: Outside) -> None:
        self._reporter = reporter
        self._outside = outside
        self._patches: list[Patch] = []
        self._on = False
        self._watch = ImportWatch(
            {"concurrent.futures.thread": self._found_threads, "concurrent.futures.process": self._found_processes}
        )

    def start(self) -> None:
        """Replace the methods, now or when the module is imported."""
        self._on = True
        self._watch.start()

    def stop(self) -> None:
        """Put them back; a call that waits or runs is followed to its end."""
        self._on = False
        self._watch.stop()
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()

    reset_after_fork = stop

    def _found_threads(self, module: ModuleType) -> None:
        self._patches += [
            wrap(module._WorkItem, "__init__", self._item),  # noqa: SLF001  # where a future meets its call
            wrap(module._WorkItem, "run", self._run),  # noqa: SLF001  # as above
            wrap(module.ThreadPoolExecutor, "submit", self._submit_to_threads),
        ]

    def _found_processes(self, module: ModuleType) -> None:
        self._patches.append(wrap(module.ProcessPoolExecutor, "submit", self._submit_to_processes))

    # --- threads ---

    def _submit_to_threads(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def submit(pool: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if (
                not self._on
                or not _is_programs(fn, args)
                or getattr(pool, "shows_itself", False)
                or _shows_itself(fn, args)
            ):
                return original(pool, fn, *args, **kwargs)
            token = _submitting.set(OutsideCall(self._reporter, describe_external_call(fn, args)))
            try:
                return original(pool, fn, *args, **kwargs)
            finally:
                _submitting.reset(token)

        return submit

    def _item(self, original: Callable[..., None]) -> Callable[..., None]:
        def init(item: Any, future: Any, *args: Any, **kwargs: Any) -> None:
            original(item, future, *args, **kwargs)
            call = _submitting.get()
            if call is not None:
                vars(item)[MARK] = call
                call.queued(future)

        return init

    def _run(self, original: Callable[..., None]) -> Callable[..., None]:
        def run(item: Any, *args: Any, **kwargs: Any) -> None:
            call = vars(item).pop(MARK, None)
            if call is None:
                original(item, *args, **kwargs)
            else:
                call.run(item.future, functools.partial(original, item, *args, **kwargs))

        return run

    # --- processes ---

    def _submit_to_processes(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def submit(pool: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if (
                not self._on
                or not _is_programs(fn, args)
                or getattr(pool, "shows_itself", False)
                or "submit" in vars(pool)
            ):
                return original(pool, fn, *args, **kwargs)
            name = describe_external_call(fn, args)
            return self._outside(name, type(pool).__name__, functools.partial(original, pool, fn, *args, **kwargs))

        return submit


def describe_external_call(fn: Callable[..., Any], args: Sequence[Any]) -> str:
    """Return a short name for a submitted call: of what the standard library wraps, what is in it."""
    call: Any = fn
    while isinstance(call, functools.partial):
        if getattr(call.func, "__module__", "") == "concurrent.futures.process" and call.args:
            return _describe_chunk(call.args[0], args[0] if args else ())
        call, args = call.func, (*call.args, *args)
    owner = getattr(call, "__self__", None)
    if args and type(owner).__name__ == "Context" and getattr(call, "__name__", "") == "run":
        return describe_external_call(args[0], args[1:])  # asyncio.to_thread
    return describe_call(call, args)


def _is_programs(fn: Any, args: Sequence[Any]) -> bool:
    """Return whether the program has asked for the call, or its function is called: not what a library does for itself.

    To be called by what stands in for `submit`.
    """
    return is_function_of_program(fn, args) or asked_by_program(sys._getframe(2))  # noqa: SLF001  # who asks


def _shows_itself(fn: Any, args: Sequence[Any]) -> bool:
    """Return whether another face of the library stands around the call, and shows it."""
    while isinstance(fn, functools.partial):
        fn, args = fn.func, (*fn.args, *args)
    inner = args[0] if args and getattr(fn, "__name__", "") == "run" else fn  # a context's
    return hasattr(fn, "shows_itself") or type(inner).__module__.startswith("mainstage.")


def _describe_chunk(fn: Callable[..., Any], chunk: Sequence[Sequence[Any]]) -> str:
    first = describe_call(fn, chunk[0] if chunk else ())
    return first if len(chunk) <= 1 else f"{first} and {len(chunk) - 1} more"
