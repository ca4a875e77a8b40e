"""Calls on threads of the standard pool: told of in sums while they are short, as calls of our own.

A call of an executor of ours is what its threads take from their queue; one of another executor reports by a function
around the one that was submitted. What stands for its task is a `Job`, made where the call begins; nothing waits for
it, gives it up or tries it again, which is the executor's business.
"""

from __future__ import annotations

import functools
import threading
from concurrent.futures import CancelledError
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mainstage.core.once import Once
from mainstage.core.retry_policy import Policy
from mainstage.errors import Cancelled, TaskTimeout, explain, is_instance, set_traceback, traceback_of
from mainstage.events import TaskCancelled, TaskQueued
from mainstage.pool.calls import CallsCell
from mainstage.pool.items import FOLD, Lane
from mainstage.pool.job import Job, WorkerSlot
from mainstage.tasks.outcome import Outcome, describe_call
from mainstage.tasks.queue import raw_queue
from mainstage.tasks.queue.thread_patches import any_open
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from mainstage.events import Event
    from mainstage.pool.job import CallReporter, Entry

NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})
_told = Once("told")


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


class ThreadCall:
    """A call on a thread of the standard pool: the owner of its one `Job`."""

    policy = Policy()
    submitted = True
    told: object = None
    """What the thread that tells that it was submitted has put here."""
    began = False
    name: str | None = None
    future: Any = None
    """Only while it is pending: a future that is done is its caller's alone."""
    job: Job | None = None
    unsettled: dict[int, ThreadCall] | None = None
    """The calls of its executor that have not ended, if that is one of ours."""

    def __init__(self, calls: ThreadCalls, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.calls = calls
        self.id = calls.reporter.new_id()
        self.fn = fn
        self.args = args
        self.kwargs: Mapping[str, Any] = NO_KEYWORDS

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
        if _told.first(self, mine) is not mine:
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

    def run(self, *_: object) -> None:
        """Call the function and settle the future, unless that was cancelled: what a thread of the pool calls."""
        future, fn, args, kwargs = self.future, self.fn, self.args, self.kwargs
        if not future.set_running_or_notify_cancel():
            return
        slot, outer, job, token, queues = self.begin(args, kwargs)
        try:
            value = fn(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this call's outcome
            for queue in queues:  # before the task is over: a queue is to know the error by then
                raw_queue.leave_sender(queue, error)
            self.failed(slot, outer, job, error)
            ambient.reset(token)
            future.set_exception(CancelledError(*error.args) if is_instance(error, Cancelled) else error)
            del self, future, fn, args, kwargs, slot, outer, job, token, queues  # what its frame has
        else:
            for queue in queues:
                raw_queue.leave_sender(queue, None)
            self.returned(slot, outer, job)
            ambient.reset(token)
            future.set_result(value)

    def wrap(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return `fn`, reporting from where it runs; it returns and raises what `fn` does.

        A `Cancelled` that leaves it is the `CancelledError` of a future that was running.
        """

        def reported(*args: Any, **kwargs: Any) -> Any:
            slot, outer, job, token, queues = self.begin(args, kwargs)
            error: BaseException | None = None
            try:
                value = fn(*args, **kwargs)
            except BaseException as raised:  # noqa: BLE001  # whatever it is, it is this call's outcome
                error = raised
            try:
                for queue in queues:  # before the task is over: a queue is to know the error by then
                    raw_queue.leave_sender(queue, error)
                if error is None:
                    self.returned(slot, outer, job)
                else:
                    self.failed(slot, outer, job, error)
                ambient.reset(token)
                if error is not None:
                    raise to_future_exception(error)
                return value
            finally:
                del args, kwargs, outer, job, error, queues, token  # an exception keeps what its frames name

        vars(reported)["shows_itself"] = True
        return reported

    def begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[ThreadSlot, Any, Job, Any, Any]:
        """Take its place on this thread; return that, what had it, its job, the token of its context and its queues."""
        self.began = True
        calls = self.calls
        slot, reporter = calls.slot_here(), calls.reporter
        job = object.__new__(Job)
        job.slot, job.entry, job.started = slot, (self, self.id, self.args, 1), reporter.now()
        outer = slot.current  # an executor may run a call in the middle of another
        self.job = slot.current = job
        token = ambient.set(job)
        if reporter.detailed:
            job.resolve()
        elif slot.armed:
            slot.begin_to_report()
        return slot, outer, job, token, raw_queue.enter_senders(args, kwargs, job.resolve()) if any_open() else ()

    def returned(self, slot: ThreadSlot, outer: Any, job: Job) -> None:
        """Report that its function has returned."""
        if job.task is None and job.cancel_reason is None:
            slot.count += 1
            slot.ended.append((self.id, job.started, slot.reporter.now()))
            if len(slot.ended) > FOLD:
                slot.fold()
            if job.announced is not None:
                slot.reporter.moved(slot)  # it is on the screen: at once
        else:
            job.send_end(self, None, self.describe(self.args))
            self.calls.named.discard(self.id)
        self._leave(slot, outer)

    def failed(self, slot: ThreadSlot, outer: Any, job: Job, error: BaseException) -> None:
        """Report what its function has raised."""
        job.send_end(self, error, self.describe(self.args))
        self.calls.named.discard(self.id)
        self._leave(slot, outer)

    def _leave(self, slot: ThreadSlot, outer: Any) -> None:
        self.job, slot.current, self.future = None, outer, None
        self.args = ()  # an exception keeps this by the frame that it has passed

    # --- its ends ---

    def never_began(self, reason: str = "cancelled before it began") -> None:
        """Report that it ended while it waited."""
        reporter = self.calls.reporter
        if self.name is None and not reporter.detailed:
            self.name = ""  # nobody has seen it, and nobody will
        queued = self.queued(reporter.now())
        if queued is not None:
            reporter.send(queued)
        reporter.send(TaskCancelled(reporter.now(), self.id, 0, 0, reason))
        self.calls.named.discard(self.id)

    def over(self, future: Any) -> None:
        """Called by the future of a call of ours when that is done, on any thread, before its callbacks."""
        error = future._exception  # noqa: SLF001  # to ask for it would be to retrieve it
        if not self.began:
            self.never_began(*(() if error is None else (explain(error),)))
        elif error is not None:
            self.calls.note_failure(self.id, future)
        unsettled = self.unsettled
        self.calls.waiting.pop(self.id, None)
        if unsettled is not None:
            unsettled.pop(self.id, None)
            if not unsettled:
                self.calls.left()

    def settle(self, future: Future[Any]) -> None:  # noqa: ARG002  # an adopted call's
        """Drop what is done."""
        self.future = None

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

    def begin_to_report(self) -> None:
        """Make the owner sample this cell from now on."""
        self.armed = False
        self.polled = True
        self.reporter.moved(self)

    def sample(self, now: float) -> list[Event]:
        """As that of every place; where nothing has happened, it is not sampled again before a call begins.

        Its thread sends no note when it rests, since there may be the next call at once.
        """
        events = super().sample(now)
        if not events and not self._has_news():
            self.armed, self.polled = True, False
            if self._has_news():  # it began before it could see that
                self.polled = True
        return events

    def _has_news(self) -> bool:
        return self.current is not None or bool(self.ended)


class ThreadCalls(CallsCell):
    """The calls of a run on such threads. To the display it is a cell that tells, for a picture, which of them wait."""

    def __init__(self, reporter: CallReporter, left: Callable[[], None]) -> None:
        """Of the run that `reporter` reports to; `left` is called when an executor of ours has no call any more."""
        super().__init__(0)  # its number comes with the first call: tasks are numbered from 1
        self.reporter = reporter
        self.left = left
        self.unretrieved: dict[int, None] = {}
        """Those of executors of ours that failed, and whose future the program has not asked for the failure."""
        self.waiting: dict[int, ThreadCall] = {}
        """Those that have not ended, in the order of submission."""
        self.named: set[int] = set()
        """Calls that were told of as waiting: their end is told by name."""
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

    def unended(self) -> Mapping[int, ThreadCall]:
        """Return the calls that have not ended, in the order of submission."""
        return self.waiting

    def owner_of(self, entry: Entry) -> ThreadCall:
        """Return the call."""
        call: ThreadCall = entry[0]
        return call

    def note_failure(self, task: int, future: Any) -> None:
        """Remember a failure until the program retrieves it."""
        self.unretrieved[task] = None
        future.unretrieved, future.task = self.unretrieved, task
        if future.retrieved:  # on another thread, before this
            self.unretrieved.pop(task, None)

    def slot_here(self) -> ThreadSlot:
        """Return the place of this thread."""
        thread = threading.current_thread()
        slot: Any = self.slots.get(thread)
        if slot is None:
            if len(self.slots) >= self._crowded:
                self._forget_the_dead()
            slot = self.slots[thread] = ThreadSlot(self, thread)
        return slot  # type: ignore[no-any-return]  # all of them are such

    def _forget_the_dead(self) -> None:
        """Drop threads that have ended; what they did is noted, and still read."""
        for thread in list(self.slots):
            if not thread.is_alive():
                self.slots.pop(thread, None)
        self._crowded = max(64, 2 * len(self.slots))
