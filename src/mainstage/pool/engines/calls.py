"""Submitted calls that an engine of somebody else's runs: as items of maps, each a piece of work by itself.

All but what says otherwise happens on the backend's own thread.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from mainstage.core import pickling
from mainstage.errors import Cancelled, TaskTimeout, Unpicklable, is_instance
from mainstage.events import TaskStarted
from mainstage.pool.engines.mapping import Place, outcome_of, ran_again
from mainstage.pool.remote import RemoteSenders, RemoteTask, as_int_if_whole
from mainstage.pool.remote_calls import RemoteCall
from mainstage.tasks import outcome as runner
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstage.pool.engines.mapping import Work
    from mainstage.pool.engines.worker import Result
    from mainstage.pool.engines.workers import EngineBackend
    from mainstage.pool.remote_calls import CallSpec
    from mainstage.pool.task_future import TaskFuture


class EngineCall(RemoteCall):
    """A submitted call that an engine runs."""

    __slots__ = ("announced", "begun_at", "handle", "place", "senders")

    def __init__(self, owner: EngineBackend, spec: CallSpec, future: TaskFuture[Any]) -> None:
        super().__init__(owner, spec, future)
        self.handle: Any = None
        self.senders = RemoteSenders()
        self.place = Place(owner, owner.port.name)
        self.announced = False
        self.begun_at: float | None = None

    def cancelled(self) -> None:
        """Called when its future was cancelled before a worker was heard to begin it."""
        if self._claim():
            self.future.set_running_or_notify_cancel()
            self._never_began("cancelled before it began")

    def _begin(self) -> bool:
        """Return whether it is to be handed over. Its future waits, and can be cancelled, until a worker begins it."""
        with self._lock:
            if self._settled or self.future.cancelled():
                return False
            self.waiting = False
            self.attempt += 1
            return True

    def _runs(self) -> bool:
        """Return whether its future runs, from now on at the latest; False: it was cancelled before."""
        with self._lock:
            if self._settled or self.future.cancelled():
                return False
            return self.future.running() or self.future.set_running_or_notify_cancel()

    def hand(self) -> bool:
        """Give it to the engine; False: it does not run, and is settled."""
        if not self._begin():
            return False
        spec, backend = self.spec, self._owner
        self.announced, self.begun_at = False, None
        self.place = Place(backend, backend.port.name)
        with self._lock:
            self.task, asked = self._new_task(), self._asked
        try:
            function = backend.pack_function(spec.fn)
            with pickling.substituting(backend.stand_in):
                payload = backend.pack((spec.args, dict(spec.kwargs)), f"an argument of {spec.description}, ")
        except Unpicklable as error:
            self._end(Outcome(None, error))
            return False
        self.senders.expect(self.place, spec.args, spec.kwargs)
        piece = backend.piece(self.future.task, self.attempt, spec.description, function.data, payload)
        backend.send([self], [piece])
        if asked is not None:
            self.place.request(self.future.task, asked)
        return True

    def _new_task(self) -> RemoteTask:
        return RemoteTask(self.place, self.future.task, self.attempt, self.spec.description)

    def tasks(self) -> Mapping[int, Work]:
        """Return it, by its number."""
        return {self.future.task: self}

    def begun(self, place: Place, event: TaskStarted) -> bool:
        """Learn that a worker began it; return whether one had before: the engine runs it again."""
        if self.begun_at is not None:
            return True
        self._runs()
        self.place = place
        self.begun_at = event.at
        self._announce(event.at)
        timeout = self.spec.policy.timeout
        if timeout is not None:
            self._alarm = self._owner.timer.after(timeout, lambda: self._overdue(place))
        return False

    def again(self, reason: str) -> None:
        """Learn that it runs anew, as a further attempt."""
        if self._alarm is not None:
            self._alarm.cancel()
        task = self.remote_task()
        runner.retry(task, Outcome(None, self._owner.lost(reason, self._input())), 0.0, self._input())
        with self._lock:
            self.attempt += 1
            self.announced, self.begun_at = False, None
            self.task = self._new_task()

    def _announce(self, at: float) -> None:
        if not self.announced and self.task is not None:
            self.announced = True
            self.task.worker = self.place.name
            reporter = self._owner.reporter
            reporter.send(TaskStarted(at, self.future.task, self.attempt, self.place.name, self.spec.description))

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
        task = self.task
        assert isinstance(task, RemoteTask)  # noqa: S101  # made as it was handed over
        self._announce(self._owner.reporter.now())
        return task

    def came(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        if result is not None and self.task is not None:
            if ran_again(self, result):
                self.again(f"worker {self.place.name} is gone")
            self.place = Place(self._owner, result.worker)
            self._announce(result.started)
            self.task.set_position(as_int_if_whole(result.completed))
        self._end(outcome_of(result, self._asked) if result is not None else Outcome(None, error))

    def _end(self, outcome: Outcome) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if not self._runs():
            return
        if is_instance(outcome.error, Cancelled) and not self.announced and self._asked is not None:
            if self._claim():
                self.future.set_exception(CancelledError(self._asked))
                self._never_began(self._asked)
            self.senders.end(None)
            return
        again = self._conclude(self.place, self.remote_task(), outcome)
        self.senders.end(None if again else outcome.error)

    def _retries(self, error: BaseException) -> bool:
        return super()._retries(error) and not is_instance(error, Unpicklable)

    def _give_up(self, worker: Any, error: BaseException) -> None:
        """Settle it now, and have the engine forget it. Any thread."""
        if self._runs() and self._claim():
            self._owner.post(lambda: self._settle(self.remote_task(), Outcome(None, error), worker))
        self._owner.post(lambda: self._owner.drop(self.future.task, lost=isinstance(error, TaskTimeout)))

    if TYPE_CHECKING:
        _owner: EngineBackend
