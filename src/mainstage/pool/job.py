"""One attempt at one piece of work, in a worker's hands: its deadline, a request to stop, giving up, retry, end.

What it is an attempt at is its owner's: a `map`, or a submitted call, which is a map of one item whose result goes to
a future. A next attempt is a new `Job`, so nothing is reset. It stands for its task until one is needed: by the
worker's own code (`current_task`, `track`), a failure, or a display that finds it running for longer than a glance.

No lock is held where an event is sent or a future settled. Which thread announces a job, makes its task and settles it
is decided by one atomic step (`core.once`), so a frame that is drawn in a signal handler, between any two lines of
this, waits for nothing. The order of what others see: the start, everything of the task, the end, then the result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from mainstage.core.once import Once
from mainstage.core.retry_policy import STOP_GRACE, delay_before
from mainstage.errors import Cancelled, add_note, describe_error, is_instance
from mainstage.events import CallFailed
from mainstage.pool.items import Lane
from mainstage.tasks import outcome as runner
from mainstage.tasks.deferred_task import SENT, DeferredTask, announcing, resolving
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.task import NULL, end_event, is_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from mainstage.core.retry_policy import Policy
    from mainstage.errors import TaskTimeout
    from mainstage.events import Event
    from mainstage.pool.timer import Alarm, Timer
    from mainstage.tasks.reporter import Reporter

    Entry: TypeAlias = tuple[
        Any, int, tuple[Any, ...], int
    ]  # of a map: index; of a call: itself | task | args | attempt

    class CallReporter(Reporter, Protocol):
        """A channel that knows whether each event of a short call is wanted by itself."""

        detailed: bool


settling = Once("settled")


class JobOwner(Protocol):
    """What jobs are attempts at: it gets their outcomes. Nothing here names a kind of worker."""

    fn: Callable[..., Any]
    kwargs: Mapping[str, Any]
    policy: Policy
    submitted: bool
    """Whether it is one call: nobody has counted it before its first event."""

    def describe(self, args: tuple[Any, ...]) -> str:
        """Return the name that is shown; made only where it is seen."""
        ...

    def input(self, args: tuple[Any, ...]) -> str:
        """Describe what is worked on, for notes and failures."""
        ...

    def where(self, job: Job, given: str) -> str:
        """Return the note for an exception that `job` raised; `given` is its input."""
        ...

    def over_time(self, args: tuple[Any, ...]) -> TaskTimeout:
        """Return the error of a job that is over its timeout."""
        ...

    def queued(self, at: float) -> Event | None:
        """Return the event that it was submitted, if that is to be sent before its start."""
        ...

    def may_retry(self, job: Job, error: BaseException) -> bool:
        """Return whether another attempt follows this failure."""
        ...

    def retry_later(self, entry: Entry) -> None:
        """Keep the entry of the next attempt, which waits for its time."""
        ...

    def requeue(self, entry: Entry, *, first: bool = False) -> None:
        """Begin that attempt as soon as a worker is free; one that is not wanted any more is dropped.

        Its time has come; or, if it goes `first`, its worker has given it back, and had not begun it.
        """
        ...

    def dropped(self, entry: Entry, reason: str) -> None:
        """Called for an attempt that was given to a worker and cancelled before that began it."""
        ...

    def settled(self, job: Job, outcome: Outcome) -> None:
        """Take the outcome; called once, after the last event of the job."""
        ...


class Workers(Protocol):
    """Who works on jobs, as far as a job and its window use them."""

    @property
    def reporter(self) -> Reporter:
        """Where their reports go."""
        ...

    @property
    def timer(self) -> Timer:
        """What calls when a deadline, a grace time or the delay before another attempt is over."""
        ...

    @property
    def most(self) -> int:
        """How many there may be now."""
        ...

    def offer(self, share: WindowShare) -> None:
        """Bring as many of them to a window as it has work for. Any thread."""
        ...

    def post(self, call: Callable[[], None]) -> None:
        """Call `call` on the thread that takes what workers report; at once, where each reports by itself."""
        ...

    def request_cancel(self, share: Share, reason: str) -> None:
        """Ask all jobs of `share` that are at hand to stop. Any thread, signal handlers too."""
        ...

    def give_up(self, job: Job, error: BaseException) -> None:
        """End `job` although its worker did not stop, and do without that worker. Any thread."""
        ...


class Job(DeferredTask):
    """One attempt. Hot loops make it by `object.__new__` and set `slot`, `entry` and `started` themselves."""

    alarm: Alarm | None = None
    settled: object = None
    """What the thread that settles it has put here."""
    overdue = False
    slot: WorkerSlot
    entry: Entry

    @property
    def owner(self) -> JobOwner:
        """What it is an attempt at."""
        return self.slot.share.owner_of(self.entry)

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        return self.slot.reporter

    def input(self) -> str:
        """Describe what it works on."""
        return self.owner.input(self.entry[2])

    def try_settle(self) -> bool:
        """Take the right to end it: True once, on any thread, in any signal handler."""
        mine = object()
        return settling.first(self, mine) is mine

    # --- the task that it stands for ---

    def worker_name(self) -> str:
        """Return what its worker is called."""
        return self.slot.worker

    def name(self) -> str:
        """Return what it is called."""
        return self.owner.describe(self.entry[2])

    def queued(self, at: float) -> Event | None:
        """Return the event that it was submitted, if that is to be sent before its start."""
        return self.owner.queued(at)

    # --- being asked to stop ---

    def cancel(self, reason: str, grace: float) -> None:
        """Ask it to stop; give up on it after `grace` seconds."""
        self.request_cancel(reason)
        self.slot.workers.timer.after(grace, lambda: self.give_up(Cancelled("did not stop in time")))

    def give_up(self, error: BaseException) -> None:
        """End it although its worker did not stop. Any thread."""
        self.slot.workers.give_up(self, error)

    # --- its attempt ---

    def run_timed(self) -> Outcome:
        """Run it on this thread under a task and, if it has one, its deadline."""
        owner, args = self.owner, self.entry[2]
        timeout = owner.policy.timeout
        if timeout is not None:
            self.alarm = self.slot.workers.timer.after(timeout, self.on_deadline)
        outcome = runner.run(self.resolve(), owner.fn, args, owner.kwargs)
        if self.alarm is not None:
            self.alarm.cancel()
        return outcome

    def on_deadline(self) -> None:
        """Ask it to stop, since it is over its timeout, and give up on it soon. On the timer's thread."""
        owner = self.owner
        policy, error = owner.policy, owner.over_time(self.entry[2])
        self.overdue = True
        self.request_cancel(f"over its timeout of {policy.timeout:g} s")
        self.slot.workers.timer.after(min(STOP_GRACE, policy.grace), lambda: self.give_up(error))

    def conclude(self, outcome: Outcome, leave: Callable[[BaseException | None], None] | None = None) -> bool:
        """Take what its worker made of it, and return whether it runs again.

        `leave` is called with the error, None if it runs again, before anything else hears of the end: a failure stops
        the run, and a queue that is stopped before it knows the error would be shown as cancelled.
        """
        if not self.try_settle():
            if leave is not None:
                leave(outcome.error)
            return False
        owner, error = self.owner, outcome.error
        sent = error
        if self.overdue and is_instance(error, Cancelled):
            outcome = Outcome(None, error := owner.over_time(self.entry[2]))
        again = error is not None and owner.may_retry(self, error)
        if leave is not None:
            leave(None if again else sent)
        if not again:
            self.end(outcome)
            return False
        delay = delay_before(self.attempt + 1)
        runner.retry(self.resolve(), outcome, delay, self.input())
        first, ident, args, attempt = self.entry
        entry = (first, ident, args, attempt + 1)
        owner.retry_later(entry)
        self.slot.workers.timer.after(delay, lambda: owner.requeue(entry))
        return True

    def end(self, outcome: Outcome) -> None:
        """Send its last event and hand the outcome to its owner; the caller has the right to settle it."""
        owner, error = self.owner, outcome.error
        given = owner.input(self.entry[2])
        if error is not None and not is_instance(error, Cancelled):
            note = owner.where(self, given)
            if note:
                add_note(error, note)
        self.send_end(owner, error, given)
        owner.settled(self, outcome)

    def send_end(self, owner: JobOwner, error: BaseException | None, given: str) -> None:
        """Send its last event, and those of its start before it; `given` is what it worked on."""
        task = self.task
        if task is None:
            task = resolving.first(self, NULL)
        if task is not NULL:
            task.close(error, given)
            return
        reporter, (_, ident, args, attempt) = self.reporter, self.entry  # nobody has asked for it: none is made
        untold = attempt == 1 and owner.submitted and not getattr(reporter, "detailed", True)
        if untold and is_failure(error) and announcing.first(self, SENT) is SENT:
            at, name, worker = reporter.now(), owner.describe(args), self.slot.worker
            reporter.send(CallFailed(at, ident, self.started, worker, name, describe_error(error), given))
            return
        self.send_start()
        reporter.send(end_event(reporter.now(), ident, attempt, 0, error, given))


class WorkerSlot(Lane):
    """A worker's place in a map, or among the calls: the job at hand, and what ended since the owner last looked."""

    current: Job | None

    def __init__(self, share: Share, workers: Workers, ref: Any, named: set[int] | None = None) -> None:
        super().__init__(workers.reporter, share.id, ref.name, named)
        self.share = share
        self.workers = workers
        self.ref = ref

    def note_rest(self) -> None:
        """Note that its worker has nothing to do, so that what ended is looked at once more.

        Each time: a note that is read when the next job has begun is taken for that of a worker at work.
        """
        self.polled = False
        self.reporter.moved(self)


class Share(ABC):
    """Jobs that are reported together: of one map, or all calls. A slot for each worker that has some."""

    def __init__(self, ident: int) -> None:
        self.id = ident
        self.slots: dict[Any, WorkerSlot] = {}
        self.in_hand: dict[int, Job] = {}
        """Jobs that workers of other processes have, by the number of the task: each may have many."""

    @abstractmethod
    def owner_of(self, entry: Entry) -> JobOwner:
        """Return what `entry` is an attempt at."""

    def jobs(self) -> list[Job]:
        """Return the jobs at hand."""
        here = [job for slot in list(self.slots.values()) if (job := slot.current) is not None]
        return here + list(self.in_hand.values())

    def job_of(self, task: int) -> Job | None:
        """Return the job at hand of the task of that number."""
        job = self.in_hand.get(task)
        return job if job is not None else next((job for job in self.jobs() if job.id == task), None)

    def tell(self) -> None:  # noqa: B027  # calls tell nothing
        """Wake who waits for results, if there are any."""

    def rested(self) -> None:  # noqa: B027  # as above
        """Called when a worker has left it."""


class WindowShare(Share):
    """A share that our own workers take from, one entry at a time."""

    yields = False
    """Whether its workers make way for what does not yield."""

    def __init__(self, ident: int, workers: Workers) -> None:
        super().__init__(ident)
        self.workers = workers
        self.window: deque[Any] = deque()
        self.active: dict[Any, None] = {}
        """The workers that take from the window."""
        self.free: deque[None] = deque([None]) * workers.most
        """A token for each worker that may still be sent to the window: who pops one sends it. No lock is needed."""
        self.owed: deque[None] = deque()
        """Tokens that were taken out of use while workers still had them."""

    def add_place(self) -> None:
        """Allow one more worker."""
        self.free.append(None)

    def remove_place(self) -> None:
        """Take that back, once a worker leaves if all are here."""
        try:
            self.free.pop()
        except IndexError:
            self.owed.append(None)

    def remove_worker(self, worker: Any) -> None:
        """Count a worker out: another may be sent."""
        self.active.pop(worker, None)
        try:
            self.owed.pop()
        except IndexError:
            self.free.append(None)

    @abstractmethod
    def new_slot(self, ref: Any) -> WorkerSlot:
        """Return a place for a worker that comes for the first time."""

    def is_active(self) -> bool:
        """Return whether workers still have some of it in hand."""
        return bool(self.active or self.in_hand)
