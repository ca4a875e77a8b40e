"""asyncio: each task that a program makes becomes one of ours, while the program is shown.

Nothing of ours runs within a coroutine: its task is seen when it is made, and has a callback for its end. What
`asyncio.run` makes of the main coroutine is the program itself, and what asyncio does for itself is no task.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from mainstage.core.describe import describe
from mainstage.core.item_names import describe_named
from mainstage.errors import Cancelled
from mainstage.tasks.integrations.origin import asked_by_program, is_program
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap
from mainstage.tasks.task import ambient, open_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, ModuleType

    from mainstage.tasks.reporter import Reporter
    from mainstage.tasks.task import Task

STARTERS = ("run", "run_until_complete")
INNER_TASK = sys.version_info < (3, 12)
"""Whether `wait_for` makes a task of its own for what it waits for."""


class CoroutineBridge:
    """Shows the tasks of event loops."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._patches: list[Patch] = []
        self._on = False
        self._folder = ""
        self._watch = ImportWatch({"asyncio.base_events": self._found, "uvloop": self._found_uvloop})

    def start(self) -> None:
        """Replace the method, now or when asyncio is imported."""
        self._on = True
        self._watch.start()

    def stop(self) -> None:
        """Put it back; tasks that run are followed to their ends."""
        self._on = False
        self._watch.stop()
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()

    reset_after_fork = stop

    def _found(self, module: ModuleType) -> None:
        self._folder = os.path.dirname(str(module.__file__))  # noqa: PTH120  # as code objects have it
        self._patches.append(wrap(module.BaseEventLoop, "create_task", self._create_task))

    def _found_uvloop(self, module: ModuleType) -> None:
        self._patches.append(wrap(module.Loop, "create_task", self._create_task))

    def _create_task(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def create_task(loop: Any, coro: Any, **kwargs: Any) -> Any:
            name = self._name_of(loop, coro, kwargs.get("name")) if self._on else ""
            if not name:
                return original(loop, coro, **kwargs)
            task = open_task(self._reporter, self._reporter.new_id(), 1, name, worker="")
            token = ambient.set(task)
            try:
                made = original(loop, coro, **kwargs)
            except BaseException as error:
                task.close(error)
                raise
            finally:
                ambient.reset(token)
            made.add_done_callback(_Done(task))
            return made

        return create_task

    def _name_of(self, loop: Any, coro: Any, name: object) -> str:
        """Return what a new task is shown as; "" if it is not."""
        caller = sys._getframe(2)  # noqa: SLF001  # who asked for it
        if self._is_elses(caller, running=loop.is_running()):
            return ""
        code: CodeType | None = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
        if not (code is not None and is_program(code.co_filename)) and not asked_by_program(caller):
            return ""  # what a library does for itself
        if code is not None and code.co_filename.startswith(self._folder):
            waited = None if INNER_TASK or code.co_name != "wait_for" else _arguments(coro, code).get("fut")
            if waited is not None and hasattr(waited, "cr_code"):
                coro, code = waited, waited.cr_code
            elif code.co_name != "sleep":
                return ""
        if name is None and caller.f_code.co_filename.startswith(self._folder):
            name = caller.f_locals.get("name")  # given to `asyncio.create_task`, which may set it later
        if name is not None:
            return describe(str(name))
        return _described(coro, code)

    def _is_elses(self, frame: FrameType | None, *, running: bool) -> bool:
        """Return whether a face of ours has asked for it, which shows it itself, or the like of `asyncio.run`."""
        while frame is not None and frame.f_code.co_filename.startswith(self._folder):
            if not running and frame.f_code.co_name in STARTERS:
                return True
            frame = frame.f_back
        return frame is not None and str(frame.f_globals.get("__name__", "")).startswith("mainstage.")


class _Done:
    """What a task calls when it is done; it looks without being told as having looked."""

    __slots__ = ("_task",)

    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(self, done: Any) -> None:
        if done.cancelled():
            self._task.close(Cancelled("cancelled"))
        else:
            self._task.close(getattr(done, "_exception", None), self._task.description)


def _described(coro: Any, code: CodeType | None) -> str:
    """Return "fetch(3)": the name and the first arguments of such a coroutine."""
    name = getattr(coro, "__name__", None) or type(coro).__name__
    if code is None:
        return describe(str(name))
    given = _arguments(coro, code)
    values = [value for key, value in given.items() if key not in ("self", "cls")]
    while values and values[-1] is None:  # left out, most likely
        values.pop()
    return describe_named(str(name), values)


def _arguments(coro: Any, code: CodeType) -> dict[str, Any]:
    """Return what a coroutine that has not begun was given by position, or may have been."""
    frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
    known = {} if frame is None else frame.f_locals
    names = code.co_varnames[: code.co_argcount]
    return {name: known[name] for name in names if name in known}
