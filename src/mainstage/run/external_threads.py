"""Calls on threads of executors that are not ours: told of in sums while they are short, as calls of our own.

A call reports from inside, by a function around the one that was submitted. What stands for its task is a `Job`, made
where the call begins; nothing waits for it, gives it up or tries it again, which is the executor's business.
"""

from __future__ import annotations

import functools
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Protocol

from mainstage.core.policy import Policy
from mainstage.errors import Cancelled, TaskTimeout, is_instance, set_traceback, traceback_of
from mainstage.events import TaskCancelled, TaskQueued
from mainstage.pool.items import FOLD, Lane
from mainstage.pool.job import Job, Share, WorkerSlot
from mainstage.tasks.outcome import Outcome, describe_call
from mainstage.tasks.queue import raw_queue
from mainstage.tasks.queue.thread_patches import any_open
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from mainstage.events import Event
    from mainstage.pool.job import CallReporter, Entry

MOST_TOLD = 5000
"""Calls of which a picture tells that they wait; the others are told of with the next."""


def describe_submitted(fn: Callable[..., Any], args: Sequence[Any]) -> str:
    """Return a short name for a submitted call: of what `ProcessPoolExecutor.map` wraps, what is in it."""
    if isinstance(fn, functools.partial) and fn.args and fn.func.__module__ == "concurrent.futures.process":
        return describe_call(fn.args[0], args)
    return describe_call(fn, args)


def to_future_exception(error: BaseException) -> BaseException:
    """Return what to raise for `error`: itself, without the runner's frame; a request to stop by its standard name."""
    if is_instance(error, Cancelled):
        return CancelledError(*error.args)
    where = traceback_of(error)
    set_traceback(error, where.tb_next if where is not None else None)
    return error


class Unsettled(Protocol):
    """The calls of one executor that have not ended, by the number of their tasks."""

    def pop(self, task: int, default: None) -> object:
        """Remove one."""
        ...

    def __len__(self) -> int: ...


class ThreadCall:
    """A call on a thread of another executor: the owner of its one `Job`."""

    policy = Policy()
    began = False
    awaited = False
    """Whether somebody waits for its future by other means than its condition: then its end must wake the run."""
    future: Future[Any] | None = None
    """Only while it is pending: a future that is done is its caller's alone."""
    job: Job | None = None
    unsettled: Unsettled | None = None
    """Where its executor keeps it until its end has been told."""

    def __init__(self, calls: ThreadCalls, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.calls = calls
        self.id = calls.reporter.new_id()
        self.fn = fn
        self.args = args
        self.kwargs: Mapping[str, Any] = {}
        self.name: str | None = None

    # --- what it is called ---

    def describe(self, args: tuple[Any, ...]) -> str:
        """Return the function's name and its first arguments."""
        if self.name is None:
            self.name = describe_submitted(self.fn, args)
        return self.name

    input = describe

    def queued(self, at: float) -> TaskQueued | None:
        """Return the event that it was submitted, the first time."""
        mine = object()
        if vars(self).setdefault("told", mine) is not mine:
            return None
        return TaskQueued(at, self.id, self.describe(self.args))

    def tell_waiting(self, at: float) -> TaskQueued | None:
        """Return the event that it was submitted, the first time, if it has not begun."""
        named = self.calls.named
        named.add(self.id)  # first: its end may come at any moment, and has to be told by name
        if not self.began:
            return self.queued(at)
        named.discard(self.id)
        return None

    # --- where it runs ---

    def wrap(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return `fn`, reporting from where it runs; it returns and raises what `fn` does.

        A `Cancelled` that leaves it is the `CancelledError` of a future that was running.
        """

        def reported(*args: Any, **kwargs: Any) -> Any:
            slot, job, token, queues = self._begin(args, kwargs)
            error: BaseException | None = None
            try:
                value = fn(*args, **kwargs)
            except BaseException as raised:  # noqa: BLE001  # whatever it is, it is this call's outcome
                error = raised
            try:
                for queue in queues:  # before the task is over: a queue is to know the error by then
                    raw_queue.leave_sender(queue, error)
                self._end(slot, job, error)
                ambient.reset(token)
                if error is not None:
                    raise to_future_exception(error)
                return value
            finally:
                del args, kwargs, job, error, queues, token  # an exception keeps its frames, and they what they name

        vars(reported)["shows_itself"] = True
        return reported

    def _begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[WorkerSlot, Job, Any, Any]:
        self.began = True
        calls = self.calls
        slot, reporter = calls.slot_here(), calls.reporter
        job = Job()
        job.slot, job.entry, job.started = slot, (self, self.id, self.args, 1), reporter.now()
        vars(job)["outer"] = slot.current  # an executor may run a call in the middle of another
        self.job = slot.current = job
        slot.polled = True
        token = ambient.set(job)
        if reporter.detailed:
            job.resolve()
        elif slot.armed:
            slot.armed = False
            reporter.moved(slot)
        return slot, job, token, raw_queue.enter_senders(args, kwargs, job.resolve()) if any_open() else ()

    def _end(self, slot: WorkerSlot, job: Job, error: BaseException | None) -> None:
        if error is None and job.task is None and job.cancel_reason is None:
            slot.count += 1
            slot.ended.append((self.id, job.started, slot.reporter.now()))
        else:
            job.send_end(Outcome(None, error), self.describe(self.args))
            self.calls.named.discard(self.id)
        outer = vars(job).pop("outer")
        self.job, slot.current = None, outer
        self.args = ()  # an exception keeps this by the frame that it has passed
        if outer is None:
            slot.note_rest()
        if len(slot.ended) > FOLD:
            slot.fold()

    # --- its ends ---

    def never_began(self) -> None:
        """Report that it was cancelled while it waited."""
        reporter = self.calls.reporter
        if self.name is None and not reporter.detailed:
            self.name = ""  # nobody has seen it, and nobody will
        queued = self.queued(reporter.now())
        if queued is not None:
            reporter.send(queued)
        reporter.send(TaskCancelled(reporter.now(), self.id, 0, 0, "cancelled before it began"))
        self.calls.named.discard(self.id)

    def settle(self, future: Future[Any]) -> bool:
        """Drop what is done; return whether a thread may be waiting for that."""
        vars(future)["settled"] = True
        self.future = None
        unsettled = self.unsettled
        if unsettled is None:
            return True
        unsettled.pop(self.id, None)
        return not len(unsettled) or getattr(future, "awaited", False)

    def cancel(self, reason: str) -> None:
        """Cancel it if it waits, ask it to stop if it runs."""
        future = self.future
        if future is not None and future.cancel():
            return
        job = self.job
        if job is not None:
            job.request_cancel(reason)

    # --- what the executor decides ---

    def where(self, job: Job, given: str) -> str:  # noqa: ARG002  # an owner's
        """Return nothing: an exception has no notes of ours."""
        return ""

    def over_time(self, args: tuple[Any, ...]) -> TaskTimeout:
        """Return an error for a deadline; it has none."""
        return TaskTimeout(self.describe(args))

    def may_retry(self, job: Job, error: BaseException) -> bool:  # noqa: ARG002  # an owner's
        """Return False."""
        return False

    def retry_later(self, entry: Entry) -> None:
        """Do nothing: there is one attempt."""

    def requeue(self, entry: Entry, *, first: bool = False) -> None:
        """Do nothing, as above."""

    def dropped(self, entry: Entry, reason: str) -> None:
        """Do nothing, as above."""

    def settled(self, job: Job, outcome: Outcome) -> None:
        """Do nothing: its future is the executor's to settle."""


class ThreadSlot(WorkerSlot):
    """A thread of another executor."""

    def __init__(self, calls: ThreadCalls, thread: threading.Thread) -> None:
        Lane.__init__(self, calls.reporter, calls.id, thread.name, calls.named)
        self.share = calls
        self.ref = thread


class ThreadCalls(Share):
    """The calls of a run on such threads. To the display it is a cell that tells, for a picture, which of them wait."""

    attempt = 1
    closed = False
    polled = False

    def __init__(self, reporter: CallReporter) -> None:
        super().__init__(0)  # its number comes with the first call: tasks are numbered from 1
        self.reporter = reporter
        self.waiting: dict[int, ThreadCall] = {}
        """Those that have not ended, in the order of submission."""
        self.named: set[int] = set()
        """Calls that were told of as waiting: their end is told by name."""
        self._armed = True
        self._crowded = 64

    def new_call(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> ThreadCall:
        """Return a call that is about to be submitted."""
        call = ThreadCall(self, fn, args)
        reporter = self.reporter
        if reporter.detailed:
            queued = call.queued(reporter.now())
            if queued is not None:
                reporter.send(queued)
        self.waiting[call.id] = call
        if self._armed and not reporter.detailed:
            self._armed = False
            self.id = self.id or reporter.new_id()
            reporter.moved(self)
        return call

    def owner_of(self, entry: Entry) -> ThreadCall:
        """Return the call."""
        call: ThreadCall = entry[0]
        return call

    def slot_here(self) -> WorkerSlot:
        """Return the place of this thread."""
        thread = threading.current_thread()
        slot = self.slots.get(thread)
        if slot is None:
            if len(self.slots) >= self._crowded:
                self._forget_the_dead()
            slot = self.slots[thread] = ThreadSlot(self, thread)
        return slot

    def _forget_the_dead(self) -> None:
        """Drop threads that have ended; what they did is noted, and still read."""
        for thread in list(self.slots):
            if not thread.is_alive():
                self.slots.pop(thread, None)
        self._crowded = max(64, 2 * len(self.slots))

    # --- a cell of the channel ---

    def position(self) -> float:
        """Return 0: it has none."""
        return 0.0

    def arm(self) -> None:
        """Ask for one note at the next change."""
        self._armed = True

    def sample(self, now: float) -> list[Event]:
        """Return which calls wait that were not told of before."""
        untold: list[ThreadCall] = []
        for call in reversed(list(self.waiting.values())):
            if "told" in vars(call):  # and so are all before it, but for those that have begun
                break
            untold.append(call)
        untold.reverse()
        if len(untold) > MOST_TOLD:
            self._armed = False
            self.reporter.moved(self)
        return [event for call in untold[:MOST_TOLD] if (event := call.tell_waiting(now)) is not None]
