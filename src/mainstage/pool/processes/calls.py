"""Submitted calls that run in worker processes.

They are the calls of threads but for where they run: attempts, deadlines, retries and the settling of futures are the
same code. All but what says otherwise happens on the dispatcher's thread.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from mainstage.channels import frames
from mainstage.core import pickling
from mainstage.errors import TaskTimeout, Unpicklable, explain, is_instance
from mainstage.events import TaskStarted
from mainstage.pool.remote import NOBODY, RemoteSenders, RemoteTask, copy_of, whole
from mainstage.pool.remote_calls import RemoteCall
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.task import open_task

if TYPE_CHECKING:
    from mainstage.channels.frames import Frame
    from mainstage.pool.processes.process import WorkerProcess
    from mainstage.pool.processes.workers import ProcessBackend
    from mainstage.pool.remote import WorkerRef
    from mainstage.tasks.queue.producers import Producer
    from mainstage.tasks.queue.raw_queue import RawQueue


class ProcessCall(RemoteCall):
    """A submitted call that runs in a worker process."""

    __slots__ = ("_process", "_senders", "announced", "number", "verdict")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.number = 0
        self.announced: object = False
        self.verdict: BaseException | None = None
        self._process: WorkerProcess | None = None
        self._senders = RemoteSenders()

    @property
    def exclusive(self) -> bool:
        """Whether its worker is given nothing else meanwhile: its time counts from when it is handed over."""
        return self.spec.policy.timeout is not None

    def hand(self, worker: WorkerProcess) -> bool:
        """Send it to `worker`; False: it does not run, and is settled."""
        if not self._begin():
            return False
        spec, backend = self.spec, self._owner
        self._process = worker
        self.announced = False
        self.verdict = None
        task = RemoteTask(worker, self.future.task, self.attempt, spec.description)
        with self._lock:
            self.task, asked = task, self._asked
        try:
            with pickling.substituting(worker.stand_in, forked=backend.forked):
                packed = pickling.pack_call(spec.fn, spec.args, dict(spec.kwargs), forked=backend.forked)
        except BaseException as error:  # noqa: BLE001  # attributes of a callable of the user's may raise anything
            self._refuse(worker, error)
            return False
        self._senders.expect(worker, spec.args, spec.kwargs)
        description = memoryview(spec.description.encode("utf-8", "surrogatepass"))
        buffers = [description, *packed.buffers]
        self.number = worker.given = worker.given + 1
        head = frames.pack(
            frames.CALL, packed.data, buffers, task=self.future.task, number=self.number, at=float(self.attempt)
        )
        worker.inflight[self.future.task] = self
        worker.cells[self.future.task] = task
        worker.end.write(head, buffers)
        if asked is not None:
            worker.ask(self.future.task, asked)
        if spec.policy.timeout is not None:
            self._alarm = backend.timer.after(spec.policy.timeout, lambda: self._overdue(worker))
        return True

    def _refuse(self, worker: WorkerProcess, why: BaseException) -> None:
        """Fail: something in it cannot be sent, for some reason. Find out what."""
        spec = self.spec
        error: BaseException = Unpicklable(f"{spec.description} cannot be sent to another process: {explain(why)}")
        try:
            pickling.pack_function(spec.fn, forked=self._owner.forked)
            for index, arg in enumerate(spec.args):
                pickling.pack(arg, f"argument {index + 1} of {spec.description}")
            for name, arg in spec.kwargs.items():
                pickling.pack(arg, f"argument {name} of {spec.description}")
        except Unpicklable as found:
            error = found
        except BaseException:  # noqa: BLE001, S110  # as above
            pass
        self._end(worker, Outcome(None, error))

    def sender(self, queue: RawQueue) -> Producer | None:
        """Return what it is to a raw queue that it was given."""
        return self._senders.of(queue)

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
        task, process = self.task, self._process
        assert isinstance(task, RemoteTask)  # noqa: S101  # made as it was handed over
        assert process is not None  # noqa: S101  # as above
        if not self.announced:
            self.announced = True
            reporter = self._owner.reporter
            reporter.send(TaskStarted(reporter.now(), task.id, self.attempt, process.name, self.spec.description))
        return task

    def task_and_attempt(self) -> tuple[int, int]:
        """Return the number of its task, and which attempt this is."""
        return self.future.task, self.attempt

    def announce_now(self) -> None:
        """Send its `TaskStarted` if that has not been sent."""
        self.remote_task()

    def settled_by(self, worker: WorkerRef, frame: Frame, outcome: Outcome) -> None:
        """Take its outcome."""
        if self.task is not None:
            self.task.set_position(whole(max(frame.completed, 0.0)))
        self._end(worker, outcome)

    def lost(self, worker: WorkerRef, error: BaseException) -> None:
        """Learn that its worker died while it worked on this."""
        self._end(worker, Outcome(None, error if self.verdict is None else self.verdict))

    def _end(self, worker: WorkerRef, outcome: Outcome) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        task = self.remote_task()
        again = self._conclude(worker, task, outcome)
        self._senders.end(None if again else outcome.error)

    def returned(self) -> None:
        """Learn that its worker did not begin it."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._senders.end(None)
        with self._lock:
            self.attempt -= 1
            self.task = None
            self.waiting = True
            asked = self._asked
        if asked is not None and self._claim(waiting=True):
            self.future.set_exception(CancelledError(asked))
            self._never_began(asked)
            return
        self._owner.dispatcher.put_back(self)

    def refuse(self, error: Exception) -> None:
        """Fail before it began, since there is no worker for it."""
        if self._begin():
            backend = self._owner
            task = self.task = open_task(
                backend.reporter, self.future.task, self.attempt, self.spec.description, worker=""
            )
            if self._claim():
                self._settle(task, Outcome(None, copy_of(error)), NOBODY)

    def told_input(self) -> str:
        """Describe what it works on."""
        return self._input()

    def _begin(self) -> bool:
        """As of threads, but that one which waits anew is running to its future already."""
        again = self.future.running()
        with self._lock:
            if self._settled:
                return False
            if again or self.future.set_running_or_notify_cancel():
                self.waiting = False
                self.attempt += 1
                return True
            self._settled = True
        self._never_began("cancelled before it began")
        return False

    def _retries(self, error: BaseException) -> bool:
        return super()._retries(error) and not is_instance(error, Unpicklable)

    def _give_up(self, worker: Any, error: BaseException) -> None:
        """Kill its process: at its deadline it is lost with that, to be tried again; else it is settled now."""
        self.verdict = error
        if not isinstance(error, TaskTimeout) and self._claim():
            self._settle(self.remote_task(), Outcome(None, error), worker)
        self._owner.dispatcher.call(lambda: self._owner.dispatcher.kill(worker, holding=self))

    if TYPE_CHECKING:
        _owner: ProcessBackend
