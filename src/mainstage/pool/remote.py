"""Work that runs outside of this process, as it is seen here: the attempt, its task, positions, senders of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mainstage.errors import Cancelled, is_instance
from mainstage.events import TaskMoved
from mainstage.pool.job import Job
from mainstage.tasks.deferred_task import resolving
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.queue.raw_queue import RawQueue
from mainstage.tasks.queue.thread_patches import receivers_among
from mainstage.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstage.events import Event, TaskStarted
    from mainstage.tasks.queue.producers import Producer
    from mainstage.tasks.reporter import Reporter


class WorkerRef(Protocol):
    """A worker that is not of this process, as far as a task that it works on uses it."""

    @property
    def name(self) -> str:
        """What a display calls it."""
        ...

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        ...

    def request(self, task: int, reason: str) -> None:
        """Ask the task to stop. Any thread."""
        ...


class RemoteTask(Task):
    """A task that runs in another process: its position comes from there, a request to stop is sent there."""

    __slots__ = ("_process",)

    def __init__(self, process: WorkerRef, task_id: int, attempt: int, description: str) -> None:
        super().__init__(process.reporter, task_id, attempt, description, worker=process.name)
        self._process = process

    def request_cancel(self, reason: str = "") -> None:
        """Ask it to stop, over there. Any thread."""
        self._process.request(self.id, reason)


class RemotePosition:
    """A task nested in one that runs in another process."""

    polled = False

    def __init__(self, reporter: Reporter, task_id: int, attempt: int) -> None:
        self.reporter = reporter
        self.id = task_id
        self.attempt = attempt
        self.closed = False
        self._completed = self._sampled = 0.0
        self._armed = True

    def set_position(self, completed: float) -> None:
        """Take the position that was told."""
        self._completed = completed
        if self._armed and not self.closed:
            self._armed = False
            self.reporter.moved(self)

    def position(self) -> float:
        """Return the position that was told last."""
        return self._completed

    def arm(self) -> None:
        """Ask for one note at the next change."""
        self._armed = True

    def sample(self, now: float) -> list[Event]:
        """Return the position if it is not the one returned last."""
        if self._completed == self._sampled:
            return []
        self._sampled = self._completed
        return [TaskMoved(now, self.id, self.attempt, self._completed)]


class RemoteSenders:
    """What a piece of work is to the raw queues that it was given."""

    def __init__(self) -> None:
        self._senders: dict[RawQueue, Producer] = {}

    def expect(self, process: WorkerRef, args: Iterable[Any], kwargs: Mapping[str, Any]) -> None:
        """Count as a sender of each open queue among the arguments, from now on."""
        for queue in receivers_among(args, kwargs):
            if isinstance(queue, RawQueue):
                self._senders[queue] = queue.roster.reserve(process.name)

    def of(self, queue: RawQueue) -> Producer | None:
        """Return what it is to `queue`."""
        return self._senders.get(queue)

    def end(self, error: BaseException | None) -> None:
        """Leave the queues; `error` is what the work ended with, None if it goes on elsewhere."""
        senders, self._senders = self._senders, {}
        for queue, sender in senders.items():
            sender.error = error if sender.error is None else sender.error
            queue.roster.end(sender)


NO_SENDERS = RemoteSenders()
"""Of work that was given no raw queue: tens of thousands share it."""


class RemoteJob(Job):
    """An attempt in the hands of a worker outside of this process: what is reported of it comes from there.

    All but what says otherwise happens on the thread that takes what workers report.
    """

    number = 0
    """Its place among all that its worker was given."""
    senders = NO_SENDERS
    verdict: BaseException | None = None
    """What it failed with, if its worker is killed for that."""

    @property
    def worker(self) -> WorkerRef:
        """The worker that has it."""
        ref: WorkerRef = self.slot.ref
        return ref

    def announce(self, at: float) -> list[Event]:
        """Return the events of its start, the first time; `at` is when they are made."""
        events = super().announce(at)
        if events:
            self.slot.show(self.id)
        return events

    def begun_there(self, event: TaskStarted) -> None:
        """Send the start as its worker has sent it, under the name that it has here, unless it was told of before."""
        events = self.announce(event.at)
        if events:
            for one in (*events[:-1], event._replace(description=self.owner.describe(self.entry[2]))):
                self.reporter.send(one)
            self.start_sent()

    def resolve(self) -> Task:
        """Return the task that stands for it here, announced."""
        task = self.task
        if task is None:
            self.send_start()
            _, ident, args, attempt = self.entry
            task = resolving.first(self, RemoteTask(self.worker, ident, attempt, self.owner.describe(args)))
        return task

    _as_parent = resolve

    def request_cancel(self, reason: str) -> None:
        """Ask its worker to stop it. Any thread, signal handlers too."""
        self.cancel_reason = reason
        self.worker.request(self.id, reason)

    def set_alarm(self) -> None:
        """Begin the time that it has, if it has a timeout."""
        timeout = self.owner.policy.timeout
        if timeout is not None:
            self.alarm = self.slot.workers.timer.after(timeout, self.on_deadline)

    # --- the ends that it can come to ---

    def leave_hands(self) -> bool:
        """Take it from its worker's hands; return whether it was there, and not given up."""
        if self.alarm is not None:
            self.alarm.cancel()
        in_hand = self.slot.share.in_hand
        return in_hand.get(self.id) is self and in_hand.pop(self.id, None) is not None

    def came(self, outcome: Outcome, *, began: float, ended: float, completed: float) -> None:
        """Take its outcome, and when it ran by its worker's clock; `completed` is its last position, -1: none."""
        if not self.leave_hands():
            self.senders.end(outcome.error)
            return
        slot = self.slot
        slot.count += 1
        if began:
            slot.spent += ended - began
            self.started = began
        if completed < 0 and self.announced is None and is_instance(outcome.error, Cancelled):  # it never began
            self.senders.end(outcome.error)
            if self.try_settle():
                self.owner.dropped(self.entry, str(outcome.error))
        else:
            self.resolve().set_position(as_int_if_whole(max(completed, 0.0)))
            self.conclude(outcome, self.senders.end)
        self.left()

    def lost(self, error: BaseException) -> None:
        """End it with `error`, since its worker died; if that was killed for this, with the reason."""
        if not self.leave_hands():
            self.senders.end(error)
            return
        self.overdue = False
        self.resolve()
        self.conclude(Outcome(None, error if self.verdict is None else self.verdict), self.senders.end)
        self.left()

    def returned(self) -> None:
        """Called when the worker returns it unstarted: requeue it, before all others."""
        self.senders.end(None)
        if self.leave_hands():
            self.owner.requeue(self.entry, first=True)
            self.left()

    def refuse(self, error: BaseException) -> None:
        """Fail it: it was given to no worker. It is not tried again."""
        if self.try_settle():
            self.end(Outcome(None, error))

    def left(self) -> None:
        """Tell who waits for what it is of."""
        share = self.slot.share
        share.tell()
        share.rested()


class NoWorker(NamedTuple):
    """In the place of a worker where there is none."""

    name: str = "no worker"


NO_WORKER = NoWorker()


def clone_exception(error: Exception) -> Exception:
    """Return an exception of the same kind, text and cause: one that several tasks share would gather their notes."""
    clone = type(error)(*error.args)
    clone.__cause__ = error.__cause__
    return clone


def as_int_if_whole(count: float) -> float:
    """Return a count as an `int` where it is one."""
    return int(count) if count.is_integer() else count
