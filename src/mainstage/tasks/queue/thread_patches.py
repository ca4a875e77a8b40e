"""How a raw queue finds the threads that it is handed to, while it is open.

`threading.Thread.start` and `ThreadPoolExecutor.submit` look for open queues among the arguments, and
`threading.excepthook` tells what a thread that we did not see start died of; it is passed on unchanged. All three are
restored when the last queue settles, unless they were wrapped meanwhile: then ours stay inside and do nothing.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from mainstage.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from mainstage.tasks.queue.producers import Producer, ProducerSet
    from mainstage.tasks.task import Task

FEW = 16
"""A list, tuple or dict among the arguments is looked into if it has no more items than this."""


class HasProducers:
    """What has senders."""

    roster: ProducerSet


_open: weakref.WeakSet[HasProducers] = weakref.WeakSet()
_ever: list[bool] = []
"""Not empty once there was a queue: until then, none of what follows costs a call more than a look at this."""
_lock = threading.Lock()


class ThreadPatch:
    """One function, replaced for a while."""

    def __init__(self, owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._owner = owner
        self._name = name
        self._wrap = wrap
        self._original: Callable[..., Any] | None = None
        self._ours: Callable[..., Any] | None = None

    def put_on(self) -> None:
        """Replace it, unless it still is. One of ours left inside another wrapper may see a call too: no harm."""
        found = getattr(self._owner, self._name)
        if found is not self._ours:
            self._original = found
            self._ours = functools.wraps(found)(self._wrap(found))
            setattr(self._owner, self._name, self._ours)

    def undo(self) -> None:
        """Restore the original, unless ours has been wrapped."""
        if getattr(self._owner, self._name) is self._ours:
            setattr(self._owner, self._name, self._original)


def watch(queue: HasProducers) -> None:
    """Register `queue` for its producers."""
    _ever[:] = [True]
    with _lock:
        _open.add(queue)
        for patch in _patches():
            patch.put_on()


def unwatch(queue: HasProducers) -> None:
    """Stop doing so."""
    with _lock:
        _open.discard(queue)
        if not _open:
            for patch in _patches():
                patch.undo()


# --- for backends: calls that run on threads that outlive them ---


def expect_senders(args: Iterable[Any], kwargs: Mapping[str, Any]) -> list[tuple[HasProducers, Producer]]:
    """Return a sender for each open queue among the arguments of a call that waits: it lives from now on."""
    return [(queue, queue.roster.reserve("a call that waits")) for queue in receivers_among(args, kwargs)]


def end_senders(expected: Iterable[tuple[HasProducers, Producer]]) -> None:
    """End those whose call was never made; those that were have ended, and stay as they are."""
    for queue, sender in expected:
        if not sender.depth:
            queue.roster.end(sender)


def enter_senders(args: Iterable[Any], kwargs: Mapping[str, Any], task: Task | None = None) -> list[HasProducers]:
    """Make this thread a sender of each open queue among the arguments of the call that it begins; return those.

    They end with `leave_sender`, or with `task`, if its thread is stuck and has been abandoned.
    """
    queues = receivers_among(args, kwargs)
    for queue in queues:
        queue.roster.bind(task=task)
    return queues


def leave_sender(queue: HasProducers, error: BaseException | None) -> None:
    """End on this thread what `enter_senders` began; `error` is what the call ended with, None if it runs again."""
    queue.roster.leave(error)


def any_open() -> bool:
    """Return whether there is any open queue."""
    return bool(_ever) and bool(_open)


def receivers_among(args: Iterable[Any], kwargs: Mapping[str, Any]) -> list[HasProducers]:
    """Return the open queues among the arguments of a call, each once."""
    if not _open:
        return []
    found = (queue for value in (*args, *kwargs.values()) for queue in _within(value))
    return list(dict.fromkeys(queue for queue in found if queue in _open))


def _within(value: Any) -> Iterator[HasProducers]:
    """Yield the queues that `value` is or evidently holds."""
    kind = type(value)
    if issubclass(kind, HasProducers):  # by its type alone: a `__class__` of the user's own may raise
        yield value
    elif kind is tuple or kind is list:
        if len(value) <= FEW:
            yield from (item for item in value if issubclass(type(item), HasProducers))
    elif kind is dict:
        if len(value) <= FEW:
            yield from (item for item in value.values() if issubclass(type(item), HasProducers))
    elif issubclass(kind, functools.partial):
        yield from _within(value.func)
        for inner in (*value.args, *value.keywords.values()):
            yield from _within(inner)


def _of_thread(thread: threading.Thread) -> list[HasProducers]:
    """Return the open queues that a thread to be started was given: as arguments, or as attributes of its object."""
    given = vars(thread)
    args, kwargs = given.get("_args") or (), given.get("_kwargs") or {}
    owner = getattr(given.get("_target"), "__self__", None)
    attributes = getattr(owner, "__dict__", None) or {}
    return receivers_among((*args, *given.values(), *attributes.values()), kwargs)


# --- the three wrappers ---


def _start(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: threading.Thread) -> None:
        expected = [(queue, queue.roster.reserve(self.name)) for queue in _of_thread(self)] if _open else []
        if not expected:
            original(self)
            return
        run = self.run

        def run_as_sender() -> None:
            vars(self).pop("run", None)
            try:
                _as_sender(expected, run)
            except Cancelled:
                return  # it was asked to stop and did: nothing to tell

        self.run = run_as_sender  # type: ignore[method-assign]  # for this one thread, until it runs
        try:
            original(self)
        except BaseException:
            vars(self).pop("run", None)
            end_senders(expected)
            raise

    return start


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        expected = expect_senders(args, kwargs)
        if not expected:
            return original(self, fn, *args, **kwargs)  # type: ignore[no-any-return]  # whatever it is
        try:
            future: Future[Any] = original(self, functools.partial(_as_sender, expected, fn), *args, **kwargs)
        except BaseException:
            end_senders(expected)
            raise
        future.add_done_callback(lambda _: end_senders(expected))
        return future

    return submit


def _excepthook(original: Callable[..., Any]) -> Callable[..., Any]:
    def excepthook(args: threading.ExceptHookArgs, /) -> Any:
        senders = [sender for queue in list(_open) if (sender := queue.roster.mine()) is not None]
        for sender in senders:
            sender.error = args.exc_value if sender.error is None else sender.error
        if senders and issubclass(args.exc_type, Cancelled):
            return None
        return original(args)

    return excepthook


def _as_sender(
    expected: list[tuple[HasProducers, Producer]], call: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    """Call `call`, this thread being the expected senders meanwhile."""
    for queue, sender in expected:
        sender.name = threading.current_thread().name
        queue.roster.bind(sender)
    error: BaseException | None = None
    try:
        return call(*args, **kwargs)
    except BaseException as caught:
        error = caught
        raise
    finally:
        for queue, _ in expected:
            queue.roster.leave(error)
        del error


_THREAD_PATCHES = (ThreadPatch(threading.Thread, "start", _start), ThreadPatch(threading, "excepthook", _excepthook))
_POOL_PATCHES: list[ThreadPatch] = []


def _patches() -> tuple[ThreadPatch, ...]:
    """Return what is replaced; the standard pool only where the program has loaded it."""
    module = sys.modules.get("concurrent.futures.thread")
    if module is not None and not _POOL_PATCHES:
        _POOL_PATCHES.append(ThreadPatch(module.ThreadPoolExecutor, "submit", _submit))
    return (*_THREAD_PATCHES, *_POOL_PATCHES)
