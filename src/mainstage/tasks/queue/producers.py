"""The producers that may still put something into a raw queue.

A sender is a thread, or a call that runs on one: a thread that was started with the queue among its arguments is one
from its start, a submitted call as long as it is under way, anything else from its first put until its thread ends. The
end of a thread that we did not see start is found by an object in its thread-local storage, which dies with it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mainstage.errors import Cancelled
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Protocol

    from mainstage.tasks.task import Task

    class Lock(Protocol):
        """A reentrant lock."""

        def __enter__(self) -> bool: ...
        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
        ) -> None: ...


class Producer:
    """One producer. `bound`: its start and its end are reported, they need not be guessed."""

    __slots__ = ("bound", "closed", "depth", "error", "fresh", "given", "name", "requests", "task")

    def __init__(self, name: str, *, bound: bool) -> None:
        self.name = name
        self.bound = bound
        self.closed = True
        self.fresh = True
        """True until it is first counted among the living."""
        self.depth = 0
        self.error: BaseException | None = None
        """Why it ended, if by an exception that has not been told yet."""
        self.given: object = None
        """What stood for the ambient task at its first put."""
        self.task: Task | None = None
        """The task that it works on, if any: it ends with that at the latest, although its thread may be stuck."""
        self.requests = 0
        """The requests to stop that it has heard."""

    def gone(self) -> bool:
        """Return whether the task that it was part of is over."""
        return self.task is not None and self.task.closed


class _Token:
    """Lives in a thread's own storage, and ends its sender when the thread ends."""

    __slots__ = ("_roster", "_sender")

    def __init__(self, roster: ProducerSet, sender: Producer) -> None:
        self._roster = roster
        self._sender = sender

    def __del__(self) -> None:
        self._roster.end(self._sender)


class _Here(threading.local):
    """What this thread is to the queue."""

    sender: Producer | None = None
    token: _Token | None = None
    coroutines: WeakKeyDictionary[Any, Producer] | None = None
    """What the tasks of its event loop are to it."""


def coroutine_here() -> asyncio.Task[Any] | None:
    """Return the task that an event loop of this thread works on now; a program without asyncio does not load it.

    None where that is the one in which a notebook's kernel runs a cell without `await`: its code is no coroutine's.
    """
    module = sys.modules.get("asyncio")
    if module is None or module._get_running_loop() is None:  # noqa: SLF001  # the public one raises instead
        return None
    task: asyncio.Task[Any] | None = module.current_task()
    if task is not None and "ipykernel" in sys.modules:
        code = getattr(task.get_coro(), "cr_code", None)
        if code is not None and f"{os.sep}ipykernel{os.sep}" in code.co_filename:
            return None
    return task


class ProducerSet:
    """The senders of one queue, under the queue's lock, which must be reentrant: a token may die anywhere."""

    def __init__(self, lock: Lock, arrived: Callable[[], None], departed: Callable[[Producer], None]) -> None:
        """Call `arrived()` when there is one more, `departed(sender)` when one has ended, both under the lock."""
        self._lock = lock
        self._arrived = arrived
        self._departed = departed
        self._alive: set[Producer] = set()
        self._here = _Here()
        self.barred = False
        """True once nobody is let in any more."""

    def anyone(self) -> bool:
        """Return whether one lives."""
        for sender in [sender for sender in self._alive if sender.closed or sender.gone()]:
            self._alive.discard(sender)
            sender.closed = True
        return bool(self._alive)

    def count(self) -> int:
        """Return how many live."""
        return len(self._alive) if self.anyone() else 0

    def mine(self) -> Producer | None:
        """Return this thread's sender, if it has one; on an event loop that of the task at work."""
        coroutine = coroutine_here()
        if coroutine is None:
            return self._here.sender
        return None if self._here.coroutines is None else self._here.coroutines.get(coroutine)

    def current(self) -> Producer:
        """Return this thread's sender, made now if need be; a new one is closed until it is admitted.

        Each task of an event loop is one by itself, from its first put until it is done.
        """
        here = self._here
        coroutine = coroutine_here()
        if coroutine is not None:
            return self._of(coroutine, here)
        sender = here.sender
        if sender is not None and (sender.bound or sender.given is ambient.get()):
            return sender
        sender = Producer(threading.current_thread().name, bound=False)
        task = sender.given = ambient.get()
        sender.task = task.resolve() if task is not None else None
        here.sender = sender
        here.token = _Token(self, sender)  # the last one dies, and ends the call that this thread worked on before
        return sender

    def _of(self, coroutine: asyncio.Task[Any], here: _Here) -> Producer:
        if here.coroutines is None:
            here.coroutines = WeakKeyDictionary()
        sender = here.coroutines.get(coroutine)
        if sender is None:
            sender = here.coroutines[coroutine] = Producer(coroutine.get_name(), bound=False)

            def over(done: asyncio.Task[Any]) -> None:
                sender.error = Cancelled("cancelled") if done.cancelled() else getattr(done, "_exception", None)
                self.end(sender)

            coroutine.add_done_callback(over)
        return sender

    def add(self, sender: Producer) -> None:
        """Count `sender` among the living."""
        with self._lock:
            sender.fresh = False
            if not self.barred:
                sender.closed = False
                self._alive.add(sender)
                self._arrived()

    def reserve(self, name: str) -> Producer:
        """Return a sender that lives already and will be bound to its thread, or ended if that never begins."""
        sender = Producer(name, bound=True)
        self.add(sender)
        return sender

    def bind(self, sender: Producer | None = None, task: Task | None = None) -> None:
        """Begin to be `sender` on this thread (None: a new one), until `leave`; within one it goes on as that one.

        A `task` that is given ends it too.
        """
        here = self._here
        outer = here.sender
        if outer is not None and outer.bound:
            outer.depth += 1
            if sender is not None:
                self.end(sender)
            return
        here.token = None
        here.sender = sender or self.reserve(threading.current_thread().name)
        here.sender.depth = 1
        here.sender.task = task

    @contextlib.contextmanager
    def acting_as(self, sender: Producer | None) -> Iterator[None]:
        """Count puts of this thread as those of `sender`, which is in another process, within the block."""
        here = self._here
        before, here.sender = here.sender, sender if sender is not None else here.sender
        try:
            yield
        finally:
            if sender is not None:
                here.sender = before

    def leave(self, error: BaseException | None) -> None:
        """End what `enter` began; `error` is what it ended with."""
        sender = self._here.sender
        if sender is None:
            return
        sender.error = error if sender.error is None else sender.error
        sender.depth -= 1
        if sender.depth <= 0:
            self._here.sender = None
            self.end(sender)

    def end(self, sender: Producer) -> None:
        """Count `sender` out."""
        with self._lock:
            sender.closed = True
            self._alive.discard(sender)
            self._departed(sender)

    def close(self) -> int:
        """Remove all producers, add none from now on, and return how many there were."""
        count = self.count()
        self.barred = True
        for sender in self._alive:
            sender.closed = True
        self._alive.clear()
        return count
