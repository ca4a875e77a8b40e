"""One submitted call: its attempts, its deadline, and the future that it settles, whether anybody looks or not."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mainstage.core.policy import Policy, delay_before
from mainstage.errors import Cancelled, TaskTimeout, add_note, is_instance
from mainstage.events import TaskCancelled, TaskQueued
from mainstage.pool.mapping import STOP_GRACE
from mainstage.tasks import outcome as runner
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.queue import raw_queue
from mainstage.tasks.task import open_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mainstage.pool.thread_pool import Worker
    from mainstage.pool.threads import ThreadBackend
    from mainstage.pool.timer import Alarm
    from mainstage.tasks.queue.thread_patches import HasProducers
    from mainstage.tasks.task import Task

R = TypeVar("R")


class TaskFuture(Future[R]):
    """A `concurrent.futures.Future` whose `result` and `exception` keep the display alive while they wait."""

    def __init__(
        self, wait: Callable[[Future[Any], float | None], bool], unretrieved: dict[int, TaskFuture[Any]]
    ) -> None:
        """Make one; it leaves `unretrieved`, where its run keeps it, once its outcome has been asked for."""
        super().__init__()
        self._wait = wait
        self._unretrieved = unretrieved
        self.looked = False
        """Whether somebody has asked for the outcome."""
        self.task = 0
        """The number of the task in the events."""

    def result(self, timeout: float | None = None) -> R:
        """As `Future.result`: the value, or the worker's own exception; `TimeoutError` after `timeout` seconds."""
        timeout = 0 if self._wait(self, timeout) and timeout is not None else timeout
        try:
            return super().result(timeout)
        finally:
            self._mark_retrieved()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As `Future.exception`."""
        timeout = 0 if self._wait(self, timeout) and timeout is not None else timeout
        try:
            return super().exception(timeout)
        finally:
            self._mark_retrieved()

    def _mark_retrieved(self) -> None:
        if not self.looked and self.done():
            self.looked = True
            self._unretrieved.pop(self.task, None)

    def failure(self) -> BaseException | None:
        """Return what it failed with, without having looked; None: it did not, or not yet."""
        return super().exception() if self.done() and not self.cancelled() else None

    def left(self) -> bool:
        """Return whether it ended well, and nobody has looked."""
        return self.done() and not self.looked and not self.cancelled() and super().exception() is None


class Spec(NamedTuple):
    """What to call, and how."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    description: str
    policy: Policy


class Call:
    """A submitted call under way."""

    __slots__ = (
        *("_alarm", "_asked", "_grace", "_lock", "_owner", "_settled"),
        *("attempt", "future", "overdue", "spec", "task", "waiting"),
    )

    def __init__(self, owner: ThreadBackend, spec: Spec, future: TaskFuture[Any]) -> None:
        self._owner = owner
        self._lock = threading.RLock()  # a command may be carried out in a signal handler
        self._settled = False
        self._alarm: Alarm | None = None
        self._grace: Alarm | None = None
        self._asked: str | None = None
        self.spec = spec
        self.future = future
        self.attempt = 0
        self.task: Task | None = None
        self.overdue = False
        self.waiting = True
        """True while no thread works on it: queued, or between two attempts."""

    def announce(self) -> None:
        """Send the event that it waits."""
        reporter = self._owner.reporter
        reporter.send(TaskQueued(reporter.now(), self.future.task, self.spec.description))

    def __call__(self, worker: Worker) -> None:
        """Run one attempt on this thread: the pool's unit of work."""
        if not self._begin():
            return
        spec = self.spec
        task = open_task(self._owner.reporter, self.future.task, self.attempt, spec.description, worker=worker.name)
        with self._lock:
            self.task, asked = task, self._asked
        if asked is not None:
            task.request_cancel(asked)
        if spec.policy.timeout is not None:
            self._alarm = self._owner.timer.after(spec.policy.timeout, lambda: self._overdue(worker))
        senders = raw_queue.enter_senders(spec.args, spec.kwargs, task)
        outcome = runner.run(task, spec.fn, spec.args, spec.kwargs)
        if self._alarm is not None:
            self._alarm.cancel()
        self._conclude(worker, task, outcome, senders)

    def _begin(self) -> bool:
        """Return whether it is to run; told at once that it does not, if somebody cancelled its future."""
        with self._lock:
            if self._settled:
                return False
            if self.attempt or self.future.set_running_or_notify_cancel():
                self.waiting = False
                self.task = None
                self.attempt += 1
                return True
            self._settled = True
        self._never_began("cancelled before it began")
        return False

    def cancel(self, reason: str) -> bool:
        """Cancel it if it waits, ask it to stop if it runs, and abandon it after the grace time; False: it has ended.

        One that waits has ended with that, although a unit of it is still in the queue of the threads.
        """
        if self.future.cancel():
            if self._claim():
                self.future.set_running_or_notify_cancel()
                self._never_began(reason)
            return True
        if self._claim(waiting=True):
            self.future.set_exception(CancelledError(reason))
            self._never_began(reason)
            return True
        with self._lock:
            if self._settled:
                return False
            task, self._asked = self.task, reason
        if task is not None:
            task.request_cancel(reason)
        if self._grace is None:
            self._grace = self._owner.timer.after(self.spec.policy.grace, lambda: self.abandon("did not stop in time"))
        return True

    def abandon(self, reason: str) -> None:
        """Settle it although its thread did not stop."""
        worker = self._owner.worker_of(self)
        if worker is not None:
            self._give_up(worker, Cancelled(reason))

    def _claim(self, *, waiting: bool = False) -> bool:
        """Take the right to settle it, where it waits if `waiting`: True once."""
        with self._lock:
            if self._settled or (waiting and not self.waiting):
                return False
            self._settled = True
            return True

    def _never_began(self, reason: str) -> None:
        reporter = self._owner.reporter
        reporter.send(TaskCancelled(reporter.now(), self.future.task, self.attempt, 0, reason))
        self._owner.ended(self)

    def _overdue(self, worker: Worker) -> None:
        self.overdue = True
        if self.task is not None:
            self.task.request_cancel(f"over its timeout of {self.spec.policy.timeout:g} s")
        error = self._timed_out()
        attempt = self.attempt
        self._owner.timer.after(
            min(STOP_GRACE, self.spec.policy.grace),
            lambda: self._give_up(worker, error) if attempt == self.attempt and not self.waiting else None,
        )

    def _timed_out(self) -> TaskTimeout:
        return TaskTimeout(f"{self.spec.description}: not done within its timeout of {self.spec.policy.timeout:g} s")

    def _give_up(self, worker: Worker, error: BaseException) -> None:
        task = self.task
        if task is None or not self._claim():
            return
        self._owner.pool.abandon(worker)
        if is_instance(error, Exception):
            add_note(error, "its thread did not stop when asked, and was abandoned; it is not retried")
        self._settle(task, Outcome(None, error), worker)

    def _conclude(self, worker: Worker, task: Task, outcome: Outcome, senders: Iterable[HasProducers] = ()) -> bool:
        """Settle it, or return True: it runs again.

        Its queues on this thread hear of its end first: a failure that is settled stops the run, and a queue that is
        stopped before it knows the error is told as cancelled.
        """
        error = outcome.error
        sent = error
        if self.overdue and is_instance(error, Cancelled):
            outcome = Outcome(None, error := self._timed_out())
        again = error is not None and not self._settled and self._retries(error)
        for queue in senders:
            raw_queue.leave_sender(queue, None if again else sent)
        if again:
            self._retry(task, outcome)
        elif self._claim():
            self._settle(task, outcome, worker)
        return again

    def _retries(self, error: BaseException) -> bool:
        return self._owner.halted is None and self._asked is None and self.spec.policy.again(error, self.attempt)

    def _retry(self, task: Task, outcome: Outcome) -> None:
        self.overdue = False
        self.waiting = True
        delay = delay_before(self.attempt + 1)
        runner.retry(task, outcome, delay, self._input())
        self._owner.timer.after(delay, lambda: self._owner.pool.put(self))

    def _settle(self, task: Task, outcome: Outcome, worker: Worker) -> None:
        error = outcome.error
        if self._grace is not None:
            self._grace.cancel()
        try:  # a callback of the future may raise what is no `Exception`
            if error is None:
                self.future.set_result(outcome.value)
            elif is_instance(error, Cancelled):
                self.future.set_exception(CancelledError(*error.args))
            else:
                where = f"{worker.name}, attempt {self.attempt}"
                add_note(error, f"in task {self.spec.description!r}, input {self._input()} ({where})")
                self.future.set_exception(error)
        finally:
            if error is not None and not is_instance(error, Cancelled):
                self._owner.failed(error)
            runner.finish(task, outcome, self._input())
            self._owner.ended(self)

    def _input(self) -> str:
        args = [runner.describe(value) for value in self.spec.args]
        args += [f"{name}={runner.describe(value)}" for name, value in self.spec.kwargs.items()]
        return ", ".join(args)
