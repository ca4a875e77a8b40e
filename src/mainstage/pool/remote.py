"""A task that runs in another process, as it is seen here, and what a worker process may have in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mainstage.events import TaskMoved
from mainstage.tasks.queue.raw_queue import RawQueue
from mainstage.tasks.queue.thread_patches import receivers_among
from mainstage.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstage.channels.frames import Frame
    from mainstage.events import Event
    from mainstage.tasks.outcome import Outcome
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
    """A task that runs in another process: its position is told from there, a request to stop is sent there."""

    __slots__ = ("_process",)

    def __init__(self, process: WorkerRef, task_id: int, attempt: int, description: str) -> None:
        super().__init__(process.reporter, task_id, attempt, description, worker=process.name)
        self._process = process

    def request_cancel(self, reason: str = "") -> None:
        """Ask it to stop, over there. Any thread."""
        self._process.request(self.id, reason)


class Mirror:
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


class Assignment(Protocol):
    """A piece of work in a worker's hands."""

    number: int
    """Its place among all that this worker was given."""
    announced: object
    """Whether its `TaskStarted` was sent."""

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
        ...

    def task_and_attempt(self) -> tuple[int, int]:
        """Return the number of its task, and which attempt this is."""
        ...

    def announce_now(self) -> None:
        """Send its `TaskStarted` if that has not been sent."""
        ...

    def settled_by(self, worker: WorkerRef, frame: Frame, outcome: Outcome) -> None:
        """Take its outcome."""
        ...

    def lost(self, worker: WorkerRef, error: BaseException) -> None:
        """Learn that its worker died while it worked on this."""
        ...

    def returned(self) -> None:
        """Learn that its worker did not begin it: it waits again, before all others."""
        ...

    def told_input(self) -> str:
        """Describe what it works on."""
        ...

    def sender(self, queue: RawQueue) -> Producer | None:
        """Return what it is to a raw queue that it was given."""
        ...


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
        """Be one no more; `error` is what the work ended with, None if it goes on elsewhere."""
        senders, self._senders = self._senders, {}
        for queue, sender in senders.items():
            sender.error = error if sender.error is None else sender.error
            queue.roster.end(sender)


class Nobody(NamedTuple):
    """In the place of a worker where there is none."""

    name: str = "no worker"


NOBODY = Nobody()


def copy_of(error: Exception) -> Exception:
    """Return an exception of the same kind, text and cause: one that several tasks share would gather their notes."""
    copy = type(error)(*error.args)
    copy.__cause__ = error.__cause__
    return copy


def whole(count: float) -> float:
    """Return a count as an `int` where it is one."""
    return int(count) if count.is_integer() else count
