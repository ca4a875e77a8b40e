"""Bars of child processes, as rows of their parent's run: the parent listens, its children report by themselves.

It listens once `multiprocessing` has started a process: while a run is live, and with `mainstage.tqdm` at any time.
Tasks get numbers of the run; what a child leaves open when it ends is ended for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from mainstage.channels.to_parent import address_of, is_of_this_user
from mainstage.core import unpatched
from mainstage.core.fork import works_for_parent
from mainstage.events import TaskChanged, TaskEnded, TaskMoved, TaskStarted
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap
from mainstage.tasks.reporter import live

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from mainstage.tasks.reporter import Reporter

PATIENCE = 1.0
"""Seconds that the end of a run waits for the thread, at most."""
WAITING = 64
"""Children that may wait to be heard first."""
TAKEN = (TaskStarted, TaskMoved, TaskChanged, TaskEnded)
"""What bars say."""


class ChildReports:
    """Takes what bars of child processes report, on a thread of its own, for the run that is live.

    Where none is, what `open_by` was given is called with the name of a bar, and opens one; what that returns is
    released when the last of these bars has ended.
    """

    def __init__(self) -> None:
        self._hold: Callable[[str], Any] | None = None
        self._held: Any = None
        self._reporter: Reporter | None = None
        self._watch = ImportWatch({"multiprocessing.process": self._found})
        self._patches: list[Patch] = []
        self._lock = threading.Lock()
        self._taking = threading.Lock()
        """Held while reports are taken: by the thread, or by the end of a run."""
        self._thread: unpatched.NativeThread | None = None
        self._server: Any = None
        self._children: dict[Any, _Child] = {}

    def open_by(self, hold: Callable[[str], Any]) -> None:
        """Show them where no run is live, too."""
        self._hold = hold
        self.watch()

    def watch(self) -> None:
        """Listen as soon as there are children, from now on."""
        if not self._patches:
            self._watch.start()

    def show_in(self, reporter: Reporter) -> None:
        """Show them in a run that has begun."""
        self._reporter = reporter
        self.watch()

    def leave(self, reporter: Reporter) -> None:
        """Take what has been said to a run that ends, and end what is open there: children go on without it."""
        if self._reporter is not reporter:
            return
        if self._taking.acquire(timeout=PATIENCE):
            try:
                if self._children:
                    self._take_all()
                for connection, child in list(self._children.items()):
                    if child.end(quiet=True):  # it tells of them anew, where it finds us again
                        self._drop(connection)
                self._reporter = None
            finally:
                self._taking.release()
        if self._hold is None:
            self._watch.stop()
            while self._patches:
                self._patches.pop().undo()

    def reset_after_fork(self) -> None:
        """Forget what belongs to the parent: take no lock, send nothing."""
        self._lock, self._taking = threading.Lock(), threading.Lock()
        self._thread = self._held = self._reporter = None
        self._close()

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
        if address is None or (self._reporter is None and works_for_parent()):  # a child opens no display
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
        self._thread = unpatched.NativeThread(self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._serve()
        except (OSError, ValueError):  # a descriptor that somebody else has closed: the rest is not shown
            self._close()

    def _serve(self) -> None:
        wait = sys.modules["multiprocessing.connection"].wait
        while True:
            wait([self._server, *self._children])
            with self._taking:
                self._take_all()
                over = self._held is not None and not any(child.tasks for child in self._children.values())
                held = self._held if over else None
                if over:
                    self._held = None
            if held is not None:
                held.release()  # it may wait for the main thread, which takes what is left

    def _take_all(self) -> None:
        """Take all that has been said, by children that have been heard and new ones."""
        wait = sys.modules["multiprocessing.connection"].wait
        while ready := wait([self._server, *self._children], 0):
            for one in ready:
                if one is self._server:
                    self._accept()
                else:
                    self._take(one)

    def _take(self, connection: Any) -> None:
        child = self._children[connection]
        try:
            child.take(connection.recv())
        except Exception:  # noqa: BLE001  # it has ended, perhaps in the middle of a word
            self._drop(connection)
            child.end()

    def _accept(self) -> None:
        from multiprocessing.connection import Connection  # noqa: PLC0415  # it is loaded

        with contextlib.suppress(OSError):
            there, _ = self._server.accept()
            if is_of_this_user(there):
                self._children[Connection(there.detach())] = _Child(self._reporter_for)
            else:
                there.close()

    def _reporter_for(self, name: str) -> Reporter | None:
        """Return the reporter for a bar of that name: of the live run, or of one that is opened for it."""
        if self._reporter is None and self._held is None and self._hold is not None and not works_for_parent():
            self._held = self._hold(name)
        return self._reporter or live.reporter

    def _drop(self, connection: Any) -> None:
        del self._children[connection]
        connection.close()

    def _close(self) -> None:
        for one in (self._server, *self._children):
            with contextlib.suppress(OSError):
                if one is not None:
                    one.close()
        self._server = None
        self._children.clear()


class _Child:
    """What one process has open."""

    def __init__(self, reporter_for: Callable[[str], Reporter | None]) -> None:
        self._reporter_for = reporter_for
        self._reporter: Any = None
        self.tasks: dict[int, int] = {}
        """The run's numbers, by the child's."""
        self._completed: dict[int, float] = {}

    def take(self, batch: list[Any]) -> None:
        """Hand on what it has sent, as of the run."""
        for event in batch:
            if type(event) not in TAKEN:
                continue
            if type(event) is TaskStarted:
                event = self._started(event)  # noqa: PLW2901  # the same of the run
            number = self.tasks.get(event.task)
            if number is None:
                continue
            if type(event) is TaskMoved:
                self._completed[event.task] = event.completed
            self._reporter.send(event._replace(task=number))
            if type(event) is TaskEnded:
                del self.tasks[event.task], self._completed[event.task]

    def _started(self, event: TaskStarted) -> TaskStarted:
        if not self.tasks:
            self._reporter = self._reporter_for(event.description)
        if self._reporter is not None:
            self.tasks[event.task] = self._reporter.new_id()
            self._completed[event.task] = 0
        return event._replace(parent=None)  # bars of children stand beside each other

    def end(self, *, quiet: bool = False) -> bool:
        """End what is open, if anything is; `quiet`: without a line, the child goes on with it."""
        for known, number in self.tasks.items():
            now = self._reporter.now()
            if quiet:
                self._reporter.send(TaskChanged(now, number, 1, fields=(("leave", False),)))
            self._reporter.send(TaskEnded(now, number, 1, self._completed[known], left=True))
        ended = bool(self.tasks)
        self.tasks.clear()
        return ended


child_reports = ChildReports()
"""Of this process."""


def show_children(hold: Callable[[str], Any]) -> None:
    """Show bars of children from now on, also where no run is live: `hold` opens one then."""
    if sys.platform.startswith("linux"):
        child_reports.open_by(hold)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=child_reports.reset_after_fork)
