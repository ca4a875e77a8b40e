"""Bars of child processes, as rows of their parent's run: the parent listens, its children report by themselves.

It listens while a run is live and `multiprocessing` has started a process. Tasks get numbers of this run; what a child
leaves open when it ends is ended for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from mainstage.channels.to_parent import address_of, is_of_this_user
from mainstage.core import unpatched
from mainstage.events import TaskChanged, TaskEnded, TaskMoved, TaskStarted
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from mainstage.tasks.reporter import Reporter

PATIENCE = 1.0
"""Seconds that the end of a run waits for what its children have said already, at most."""
WAITING = 64
"""Children that may wait to be heard first."""
TAKEN = (TaskStarted, TaskMoved, TaskChanged, TaskEnded)
"""What bars say."""


class ChildReports:
    """Takes what bars of child processes report, on a thread of its own."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._watch = ImportWatch({"multiprocessing.process": self._found})
        self._patches: list[Patch] = []
        self._lock = threading.Lock()
        self._thread: unpatched.NativeThread | None = None
        self._server: Any = None
        self._end: tuple[int, int] | None = None
        """A pipe; what is written to it ends the thread."""
        self._children: dict[Any, _Child] = {}
        _open.add(self)

    def start(self) -> None:
        """Listen as soon as there are children."""
        self._watch.start()

    def stop(self) -> None:
        """Take what has been said, and listen no more."""
        self._restore()
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None and self._end is not None:
                with contextlib.suppress(OSError):  # it has ended by itself
                    os.write(self._end[1], b"x")
                thread.join(PATIENCE)
        _open.discard(self)

    def reset_after_fork(self) -> None:
        """Let go of what is the parent's: take no lock, send nothing."""
        self._restore()
        self._thread = None
        self._close()

    def _restore(self) -> None:
        self._watch.stop()
        while self._patches:
            self._patches.pop().undo()

    def _found(self, module: ModuleType) -> None:
        def listening(original: Callable[..., Any]) -> Callable[..., Any]:
            def start(process: Any) -> Any:
                self._listen()
                return original(process)

            return start

        self._patches.append(wrap(module.BaseProcess, "start", listening))
        if getattr(module, "_children", ()):
            self._listen()

    def _listen(self) -> None:
        address = address_of(os.getpid())
        if address is None:
            return
        with self._lock:
            if self._thread is not None:
                return
            try:
                self._open_at(address)
            except (OSError, RuntimeError):  # no descriptor, or no thread, is left: they are not shown
                self._thread = None
                self._close()

    def _open_at(self, address: str) -> None:
        import multiprocessing.connection  # noqa: F401, PLC0415  # not in the thread: see `early`
        import socket  # noqa: PLC0415  # most programs have no children

        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(address)
        self._server.listen(WAITING)
        self._end = os.pipe()
        self._thread = unpatched.NativeThread(self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._serve()
        except (OSError, ValueError):  # a descriptor that somebody else has closed: the rest is not shown
            pass
        finally:
            for child in self._children.values():
                child.end(quiet=True)
            self._close()

    def _serve(self) -> None:
        assert self._end is not None  # noqa: S101  # it was made before
        wait = sys.modules["multiprocessing.connection"].wait
        over = False
        while True:
            ready = wait([self._server, self._end[0], *self._children], 0 if over else None)
            if self._end[0] in ready:
                over = True
                os.read(self._end[0], 1)
                continue
            if over and not ready:
                break
            for one in ready:
                self._take(one)

    def _take(self, ready: Any) -> None:
        """Take what `ready` has to say: a new child, or reports of one."""
        if ready is self._server:
            self._accept()
            return
        child = self._children[ready]
        try:
            child.take(ready.recv())
        except Exception:  # noqa: BLE001  # it has ended, perhaps in the middle of a word
            del self._children[ready]
            ready.close()
            child.end()

    def _accept(self) -> None:
        from multiprocessing.connection import Connection  # noqa: PLC0415  # it is loaded

        with contextlib.suppress(OSError):
            there, _ = self._server.accept()
            if is_of_this_user(there):
                self._children[Connection(there.detach())] = _Child(self._reporter)
            else:
                there.close()

    def _close(self) -> None:
        for one in (self._server, *self._children):
            with contextlib.suppress(OSError):
                if one is not None:
                    one.close()
        self._server = None
        self._children.clear()
        for end in self._end or ():
            with contextlib.suppress(OSError):
                os.close(end)
        self._end = None


class _Child:
    """What one process has open."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._tasks: dict[int, int] = {}
        """This run's numbers, by the child's."""
        self._completed: dict[int, float] = {}

    def take(self, batch: list[Any]) -> None:
        """Hand on what it has sent, as of this run."""
        for event in batch:
            if type(event) not in TAKEN:
                continue
            if type(event) is TaskStarted:
                self._tasks[event.task] = self._reporter.new_id()
                self._completed[event.task] = 0
                event = event._replace(parent=None)  # noqa: PLW2901  # bars of children stand beside each other
            number = self._tasks.get(event.task)
            if number is None:
                continue
            if type(event) is TaskMoved:
                self._completed[event.task] = event.completed
            self._reporter.send(event._replace(task=number))
            if type(event) is TaskEnded:
                del self._tasks[event.task], self._completed[event.task]

    def end(self, *, quiet: bool = False) -> None:
        """End what is open; `quiet`: without a line, the child goes on with it."""
        for known, number in self._tasks.items():
            now = self._reporter.now()
            if quiet:
                self._reporter.send(TaskChanged(now, number, 1, fields=(("leave", False),)))
            self._reporter.send(TaskEnded(now, number, 1, self._completed[known], left=True))
        self._tasks.clear()


_open: WeakSet[ChildReports] = WeakSet()


def _after_in_child() -> None:
    for reports in list(_open):
        reports.reset_after_fork()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
