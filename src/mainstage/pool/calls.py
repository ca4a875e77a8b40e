"""Submitted calls, whatever workers they run on.

A call is O(1) in all that is kept of it: itself, its future, one entry in `pending`, one in the window. A short one is
reported in sums, as short items of a map: no event, no task and no description is made of it, unless each event is
recorded (`CallReporter.detailed`). Who may begin it, or cancel it while it waits, is who takes its ticket.
"""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import CancelledError, InvalidStateError
from typing import TYPE_CHECKING, Any, Protocol

from mainstage.core.once import Once
from mainstage.errors import Cancelled, TaskTimeout, Unpicklable, add_note, describe_error, is_instance
from mainstage.events import CallFailed, TaskCancelled, TaskQueued
from mainstage.pool.job import Share, WindowShare, Workers, WorkerSlot
from mainstage.tasks.deferred_task import SENT, announcing
from mainstage.tasks.outcome import describe, describe_call
from mainstage.tasks.task import NULL, is_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstage.core.retry_policy import Policy
    from mainstage.events import Event
    from mainstage.pool.job import CallReporter, Entry, Job
    from mainstage.pool.task_future import TaskFuture
    from mainstage.tasks.outcome import Outcome

_told = Once("told")
MOST_TOLD = 5000
"""Calls of which a picture tells that they wait; the others are told of with the next."""


class Call:
    """A submitted call: the owner of its attempts."""

    submitted = True
    told: object = None
    """What the thread that tells that it was submitted has put here."""
    cancel_reason: str | None = None
    ticket: Entry

    def __init__(
        self,
        calls: Calls,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        name: str | None,
        policy: Policy,
        future: TaskFuture[Any],
    ) -> None:
        self.calls = calls
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.name = name
        self.policy = policy
        self.future = future
        self.ticket = (self, future.task, args, 1)

    # --- what it is called ---

    def describe(self, args: tuple[Any, ...]) -> str:
        """Return its name: the one given, or the function's and its first arguments."""
        if self.name is None:
            self.name = describe_call(self.fn, args or tuple(self.kwargs.values()))
        return self.name

    def input(self, args: tuple[Any, ...]) -> str:
        """Describe its arguments."""
        told = [describe(one) for one in args]
        if self.kwargs:
            told += [f"{name}={describe(one)}" for name, one in self.kwargs.items()]
        return ", ".join(told)

    def where(self, job: Job, given: str) -> str:
        """Return the note for its exception."""
        told = f"{job.slot.worker}, attempt {job.attempt}"
        return f"in task {self.describe(self.args)!r}, input {given} ({told})"

    def over_time(self, args: tuple[Any, ...]) -> TaskTimeout:
        """Return the error of an attempt that is over its timeout."""
        return TaskTimeout(f"{self.describe(args)}: not done within its timeout of {self.policy.timeout:g} s")

    # --- while it waits ---

    def take(self) -> Entry | None:
        """Take the right to begin, or to cancel, the attempt that waits; None: another thread has it. Any thread."""
        try:
            entry = self.ticket
            del self.ticket  # atomic: of two threads one has it
        except AttributeError:
            return None
        return entry

    def begin(self) -> Entry | None:
        """Return the entry of the attempt that begins now; None: it does not."""
        entry = self.take()
        if entry is None or entry[3] > 1 or self.future.set_running_or_notify_cancel():
            return entry
        self._never_began("cancelled before it began")
        return None

    def queued(self, at: float) -> TaskQueued | None:
        """Return the event that it was submitted, the first time."""
        mine = object()
        if _told.first(self, mine) is not mine:
            return None
        return TaskQueued(at, self.future.task, self.describe(self.args))

    def tell_waiting(self, at: float) -> TaskQueued | None:
        """Return the event that it was submitted, the first time, if it waits for its first attempt."""
        named = self.calls.named
        named.add(self.future.task)  # first: its end may come at any moment, and has to be told by name
        if (ticket := getattr(self, "ticket", None)) is not None and ticket[3] == 1:
            return self.queued(at)
        named.discard(self.future.task)
        return None

    # --- its ends ---

    def succeed(self, value: Any) -> None:
        """Take the value of a short call, which is reported in sums."""
        future, calls = self.future, self.calls
        try:
            future.set_result(value)
        except InvalidStateError:  # it was given up this moment
            return
        finally:
            calls.pending.pop(future.task, None)
            if future.awaited or not calls.pending:
                calls.wake()

    def fail(self, job: Job, error: BaseException) -> bool:
        """Take what a short call raised, and tell of all of it in one event; False: it is not as simple as that.

        It does what `Job.conclude` does of most failures, in half the time.
        """
        calls, future, policy = self.calls, self.future, self.policy
        reporter = calls.reporter
        if policy.retries or not policy.grace or reporter.detailed or not is_failure(error):
            return False
        name, given, worker = self.describe(self.args), self.input(self.args), job.slot.worker
        add_note(error, f"in task {name!r}, input {given} ({worker}, attempt 1)")
        if announcing.first(job, SENT) is not SENT:
            return False
        job.task = NULL
        reporter.send(CallFailed(reporter.now(), future.task, job.started, worker, name, describe_error(error), given))
        try:
            future.set_exception(error)
        except InvalidStateError:  # it was given up this moment
            return True
        finally:
            calls.failed(error)
            self._over()
        return True

    def settled(self, job: Job, outcome: Outcome) -> None:  # noqa: ARG002  # an owner's
        """Take the outcome of its last attempt."""
        error = outcome.error
        stopped = is_instance(error, Cancelled)
        try:  # a callback of the future may raise what is no `Exception`
            if error is None:
                self.future.set_result(outcome.value)
            else:
                self.future.set_exception(CancelledError(*error.args) if stopped else error)
        except InvalidStateError:  # it had ended this moment
            return
        finally:
            if error is not None and not stopped:
                self.calls.failed(error)
            self._over()

    def _over(self) -> None:
        calls, number = self.calls, self.future.task
        calls.pending.pop(number, None)
        calls.named.discard(number)
        if self.future.awaited or not calls.pending:
            calls.wake()

    def _never_began(self, reason: str, attempt: int = 0) -> None:
        reporter, number = self.calls.reporter, self.future.task
        if self.name is None and not reporter.detailed:
            self.name = ""  # nobody has seen it, and nobody will
        queued = self.queued(reporter.now()) if not attempt else None
        if queued is not None:
            reporter.send(queued)
        reporter.send(TaskCancelled(reporter.now(), number, attempt, 0, reason))
        self._over()

    def cancel(self, reason: str) -> bool:
        """Cancel it if it waits, ask it to stop if it runs, and give up on it after the grace time.

        Return False if it has ended. Any thread, signal handlers too.
        """
        if self.future.cancel():
            if self.take() is not None:
                self.future.set_running_or_notify_cancel()
                self._never_began(reason)
            return True
        if self.future.done():
            return False
        entry = self.take()
        if entry is not None:  # between two attempts
            self.dropped(entry, reason)
            return True
        again, self.cancel_reason = self.cancel_reason is not None, reason
        job = self.calls.job_of(self.future.task)
        if job is not None:
            self.ask(job, reason, again=again)
        return True

    def withdrawn(self) -> None:
        """End it: its future was cancelled before a worker was heard to begin it."""
        self.future.set_running_or_notify_cancel()
        self._never_began("cancelled before it began")

    def dropped(self, entry: Entry, reason: str) -> None:
        """End it instead of an attempt that is not to begin any more."""
        self.future.set_exception(CancelledError(reason))
        self._never_began(reason, entry[3] - 1)

    def ask(self, job: Job, reason: str, *, again: bool = False) -> None:
        """Ask an attempt to stop; `again`: it has been asked before, and its time to stop runs already."""
        if again:
            job.request_cancel(reason)
        else:
            job.cancel(reason, self.policy.grace)

    # --- further attempts ---

    def may_retry(self, job: Job, error: BaseException) -> bool:
        """Return whether another attempt follows."""
        wanted = self.calls.halted is None and self.cancel_reason is None
        return wanted and not is_instance(error, Unpicklable) and self.policy.again(error, job.attempt)

    def retry_later(self, entry: Entry) -> None:
        """Wait for the next attempt; it can be cancelled meanwhile."""
        self.ticket = entry

    def requeue(self, entry: Entry, *, first: bool = False) -> None:
        """Begin it as soon as a worker is free, before all others if it goes `first`."""
        calls = self.calls
        if first:  # else it is the ticket, or taken
            self.ticket = entry
            if self.cancel_reason is not None and self.take() is not None:
                self.dropped(entry, self.cancel_reason)
                return
            calls.window.appendleft(self)
        else:
            calls.window.append(self)
        calls.workers.offer(calls)


class CallWorkers(Workers, Protocol):
    """Workers that take calls."""

    @property
    def reporter(self) -> CallReporter:
        """Where their reports go."""
        ...


class SubmittedCall(Protocol):
    """What a cell of calls asks of each."""

    told: object

    def tell_waiting(self, at: float) -> TaskQueued | None:
        """Return the event that it was submitted, the first time, if it waits for its first attempt."""
        ...


class CallsCell(Share):
    """A cell of the channel that tells, when a picture is drawn, which calls wait."""

    attempt = 1
    closed = False
    polled = False
    reporter: CallReporter
    _armed = True

    @abstractmethod
    def unended(self) -> Mapping[int, SubmittedCall]:
        """Return the calls that have not ended, in the order of submission."""

    def position(self) -> float:
        """Return 0: it has none."""
        return 0.0

    def arm(self) -> None:
        """Ask for one note at the next change."""
        self._armed = True

    def sample(self, now: float) -> list[Event]:
        """Return which calls wait that were not told of before."""
        untold: list[SubmittedCall] = []
        for call in reversed(list(self.unended().values())):
            if call.told is not None:  # and so are all before it, but for those that have begun
                break
            untold.append(call)
        untold.reverse()
        if len(untold) > MOST_TOLD:
            self._armed = False
            self.reporter.moved(self)
        return [event for call in untold[:MOST_TOLD] if (event := call.tell_waiting(now)) is not None]


class Calls(CallsCell, WindowShare):
    """The calls of a pool. To the display it is a cell that tells, when a picture is drawn, which of them wait."""

    workers: CallWorkers

    def __init__(
        self,
        workers: CallWorkers,
        *,
        wake: Callable[[], None],
        on_failure: Callable[[BaseException], None] | None,
    ) -> None:
        super().__init__(0, workers)  # its number comes with the first call: tasks are numbered from 1
        self.reporter = workers.reporter
        self.wake = wake
        self.pending: dict[int, Call] = {}
        self.named: set[int] = set()
        """Calls that were told of as waiting: their end is told by name."""
        self.halted: str | None = None
        self._on_failure = on_failure

    def put(self, call: Call) -> None:
        """Run `call` as soon as a worker is free, in order of arrival."""
        reporter = self.reporter
        if reporter.detailed:
            queued = call.queued(reporter.now())
            if queued is not None:
                reporter.send(queued)
        self.pending[call.future.task] = call  # from now on it can be cancelled
        self.window.append(call)
        if self._armed and not reporter.detailed:
            self._armed = False
            self.id = self.id or reporter.new_id()
            reporter.moved(self)
        if self.free:
            self.workers.offer(self)

    def unended(self) -> Mapping[int, Call]:
        """Return the calls that have not ended, in the order of submission."""
        return self.pending

    def owner_of(self, entry: Entry) -> Call:
        """Return the call."""
        call: Call = entry[0]
        return call

    def new_slot(self, ref: Any) -> WorkerSlot:
        """Return a place for a worker that comes for the first time."""
        return WorkerSlot(self, self.workers, ref, self.named)

    def failed(self, error: BaseException) -> None:
        """Called with each final failure, on the worker's thread."""
        if self._on_failure is not None:
            self._on_failure(error)

    def cancel_all(self, reason: str) -> None:
        """Cancel those that wait, ask those that run to stop, and try none again."""
        self.halted = reason
        for call in reversed(list(self.pending.values())):  # waiting ones first: none begins meanwhile
            call.cancel(reason)

    def abandon(self, reason: str) -> None:
        """Settle all of them although their threads did not stop."""
        for call in list(self.pending.values()):
            if hasattr(call, "ticket"):
                call.cancel(reason)
        for job in self.jobs():
            job.give_up(Cancelled(reason))
