"""A submitted call that runs in another process, or on an engine: what both have in common."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.core.policy import STOP_GRACE, Policy, delay_before
from mainstage.errors import Cancelled, TaskTimeout, add_note, is_instance
from mainstage.events import TaskCancelled, TaskQueued
from mainstage.tasks import outcome as runner
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstage.pool.task_future import TaskFuture
    from mainstage.pool.timer import Alarm
    from mainstage.tasks.task import Task


class CallSpec(NamedTuple):
    """What to call, and how."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    description: str
    policy: Policy


class RemoteCall(ABC):
    """A submitted call under way."""

    __slots__ = (
        *("_alarm", "_asked", "_grace", "_lock", "_owner", "_settled"),
        *("attempt", "future", "overdue", "spec", "task", "waiting"),
    )

    def __init__(self, owner: Any, spec: CallSpec, future: TaskFuture[Any]) -> None:
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

    def _overdue(self, worker: Any) -> None:
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

    @abstractmethod
    def _give_up(self, worker: Any, error: BaseException) -> None:
        """End it although `worker` did not stop."""

    def _conclude(self, worker: Any, task: Task, outcome: Outcome) -> bool:
        """Settle it, or return True: it runs again."""
        error = outcome.error
        if self.overdue and is_instance(error, Cancelled):
            outcome = Outcome(None, error := self._timed_out())
        if error is not None and not self._settled and self._retries(error):
            self._retry(task, outcome)
            return True
        if self._claim():
            self._settle(task, outcome, worker)
        return False

    def _retries(self, error: BaseException) -> bool:
        return self._owner.halted is None and self._asked is None and self.spec.policy.again(error, self.attempt)

    def _retry(self, task: Task, outcome: Outcome) -> None:
        self.overdue = False
        self.waiting = True
        delay = delay_before(self.attempt + 1)
        runner.retry(task, outcome, delay, self._input())
        self._owner.timer.after(delay, lambda: self._owner.pool.put(self))

    def _settle(self, task: Task, outcome: Outcome, worker: Any) -> None:
        error = outcome.error
        if self._grace is not None:
            self._grace.cancel()
        stopped = is_instance(error, Cancelled)
        if error is not None and not stopped:
            where = f"{worker.name}, attempt {self.attempt}"
            add_note(error, f"in task {self.spec.description!r}, input {self._input()} ({where})")
        runner.finish(task, outcome, self._input())
        try:  # a callback of the future may raise what is no `Exception`
            if error is None:
                self.future.set_result(outcome.value)
            else:
                self.future.set_exception(CancelledError(*error.args) if stopped else error)
        finally:
            if error is not None and not stopped:
                self._owner.failed(error)
            self._owner.ended(self)

    def _input(self) -> str:
        args = [runner.describe(value) for value in self.spec.args]
        args += [f"{name}={runner.describe(value)}" for name, value in self.spec.kwargs.items()]
        return ", ".join(args)
