"""Executors that are not ours, shown: their futures stay theirs, a run learns what becomes of them."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.core.commands import Cancel
from mainstage.errors import describe_error
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskQueued, TaskStarted
from mainstage.run.external_threads import ThreadCall, ThreadCalls, describe_submitted
from mainstage.run.external_work import ExternalWorkSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.core.commands import Command
    from mainstage.pool.job import CallReporter
    from mainstage.tasks.reporter import Reporter
    from mainstage.tasks.task import Task


class ExternalCall:
    """A future of another executor under our display.

    It keeps the future only while that is pending: a future that is done is its caller's alone.
    """

    __slots__ = ("_description", "_executors", "_reporter", "began", "future", "id", "on_end", "task")

    def __init__(self, executors: ExternalExecutors, reporter: Reporter, description: str) -> None:
        self._executors = executors
        self._reporter = reporter
        self._description = description
        self.id = reporter.new_id()
        self.task: Task | None = None
        self.began = False
        self.future: Future[Any] | None = None
        self.on_end: Callable[[Future[Any]], None] | None = None
        """Called with the future when it is done, on any thread, before whoever waits is woken."""
        reporter.send(TaskQueued(reporter.now(), self.id, description))

    # --- reported from outside: its workers are out of reach ---

    def poll_started(self, worker: str) -> bool:
        """Report the start if the future says that it runs; return whether it has begun."""
        if not self.began and self.future is not None and self.future.running():
            self._started(worker)
        return self.began

    def report_end(self, future: Future[Any], worker: str) -> None:
        """Report how it ended."""
        if future.cancelled():
            self.never_began()
            return
        if not self.began:
            self._started(worker)
        now = self._reporter.now()
        error = future.exception()
        if error is not None:
            self._reporter.send(TaskFailed(now, self.id, 1, 0, describe_error(error), self._description))
        else:
            self._reporter.send(TaskEnded(now, self.id, 1, 1))

    def _started(self, worker: str) -> None:
        self.began = True
        self._reporter.send(TaskStarted(self._reporter.now(), self.id, 1, worker, self._description))

    def never_began(self) -> None:
        """Report that it was cancelled while it waited."""
        self._reporter.send(TaskCancelled(self._reporter.now(), self.id, 0, 0, "cancelled before it began"))

    def over(self, future: Any) -> None:
        """Called by the future of a call of ours when that is done, on any thread, before its callbacks."""
        if not self.began and future.cancelled():
            self.never_began()
        elif future._exception is not None:  # noqa: SLF001  # to ask for it would be to retrieve it
            self._executors.threads.note_failure(self.id, future)
        self._executors.ended(self, future)

    def settle(self, future: Future[Any]) -> None:
        """Drop what is done."""
        if self.on_end is not None:
            self.on_end(future)
        self.future = None

    def cancel(self, reason: str) -> None:
        """Cancel it if it waits, ask it to stop if it runs where we can reach it."""
        future, task = self.future, self.task
        if (future is None or not future.cancel()) and task is not None:
            task.request_cancel(reason)


class Attached(NamedTuple):
    """An executor whose `submit` is replaced: by what, and what its own `__dict__` had there."""

    executor: Executor
    ours: Callable[..., Future[Any]]
    found: Any


class ExternalExecutors:
    """The futures of other executors that belong to one run."""

    def __init__(self, reporter: CallReporter, wake: Callable[[], None]) -> None:
        self._reporter = reporter
        self._wake = wake
        self._pending: dict[int, ExternalCall] = {}
        self.threads = ThreadCalls(reporter, self._left)
        self._outside: dict[int, ExternalCall] = {}  # in the order of submission
        self._attached: list[Attached] = []
        self._abandoned: list[Future[Any]] = []
        self.guests = ExternalWorkSet(self._left)
        self._looking = threading.RLock()  # re-entered where the owner cancels in a signal handler
        self.on_idle: Callable[[], None] | None = None
        """Called on any thread when the last that was pending has ended, after its last event."""

    def pending(self) -> bool:
        """Return whether any has not ended."""
        return bool(self.threads.waiting) or bool(self._pending) or self.guests.pending()

    def _all(self) -> list[ExternalCall | ThreadCall]:
        return [*self.threads.waiting.values(), *self._pending.values()]

    def cancel(self, reason: str) -> None:
        """Cancel all that wait and ask all that run to stop."""
        for adopted in reversed(self._all()):  # waiting ones first: none begins meanwhile
            adopted.cancel(reason)
        self.guests.ask(reason)

    def command(self, command: Command) -> None:
        """Carry out a `Cancel` of one task; what is handed out is not ours to hold."""
        if isinstance(command, Cancel):
            adopted = self._pending.get(command.task or 0) or self.threads.waiting.get(command.task or 0)
            if adopted is not None:
                adopted.cancel(command.reason)

    def abandon(self) -> None:
        """Wait for none of them any more."""
        self._abandoned += [adopted.future for adopted in self._all() if adopted.future is not None]
        self._pending.clear()
        self.threads.waiting.clear()
        self.guests.abandon()

    def has_abandoned(self) -> bool:
        """Return whether any that was abandoned still runs."""
        return any(not future.done() for future in self._abandoned)

    # --- an executor of the user's ---

    def attach(self, executor: Executor) -> None:
        """Show what is submitted to `executor` from now on, until `detach`. One that is shown anyway stays as it is.

        Raises `TypeError` for what is no executor, or one whose `submit` cannot be replaced.
        """
        if not isinstance(executor, Executor):
            raise TypeError(f"attach() takes a concurrent.futures.Executor, not {type(executor).__name__}")
        shown = getattr(executor, "shows_itself", False) or any(one.executor is executor for one in self._attached)
        if shown:
            return
        submit = executor.submit
        worker = "" if isinstance(executor, ThreadPoolExecutor) else type(executor).__name__

        def reported(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if not worker:
                call = self.threads.new_call(fn, args)
                return self.submit(call, submit, call.wrap(fn), args, kwargs)
            adopted = self.announce(describe_submitted(fn, args))
            return self._submit_outside(adopted, worker, lambda: submit(fn, *args, **kwargs))

        try:
            found = vars(executor).get("submit")
            executor.submit = reported  # type: ignore[method-assign]  # the instance's own, taken back by `detach`
        except (AttributeError, TypeError):
            raise TypeError(f"{type(executor).__name__} cannot be attached: its submit cannot be replaced") from None
        self._attached.append(Attached(executor, reported, found))

    def detach(self) -> None:
        """Restore the `submit` of the attached executors, where ours has not been replaced."""
        for executor, ours, found in reversed(self._attached):
            own = vars(executor)
            if own.get("submit") is ours:
                del own["submit"]
                if found is not None:
                    own["submit"] = found
        self._attached.clear()

    # --- one call ---

    def announce(self, description: str) -> ExternalCall:
        """Return what shows a call about to be submitted; it is pending from now on."""
        adopted = ExternalCall(self, self._reporter, description)
        self._pending[adopted.id] = adopted
        return adopted

    def submit(
        self,
        call: ThreadCall,
        submit: Callable[..., Future[Any]],
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[Any]:
        """Submit what `call.wrap` returned, and adopt the future."""
        future = self._submitted(call, lambda: submit(fn, *args, **kwargs))

        def done(future: Future[Any]) -> None:
            if not call.began and future.cancelled():
                call.never_began()
            self.ended(call, future)

        future.add_done_callback(done)
        return future

    def watch(self, description: str, worker: str, submit: Callable[[], Future[Any]]) -> Future[Any]:
        """Return the future that `submit()` does, shown as it looks from outside: `worker` has the call."""
        return self._submit_outside(self.announce(description), worker, submit)

    def _submit_outside(self, adopted: ExternalCall, worker: str, submit: Callable[[], Future[Any]]) -> Future[Any]:
        future = self._submitted(adopted, submit)
        self._outside[adopted.id] = adopted

        def done(future: Future[Any]) -> None:
            with self._looking:
                self._outside.pop(adopted.id, None)
                adopted.report_end(future, worker)
            self._notice(worker)
            self.ended(adopted, future)

        future.add_done_callback(done)
        self._notice(worker)
        return future

    def _submitted(self, adopted: ExternalCall | ThreadCall, submit: Callable[[], Future[Any]]) -> Future[Any]:
        try:
            future = submit()
        except BaseException:
            adopted.never_began()
            self._forget(adopted)
            self._left()
            raise
        adopted.future = future
        return future

    def _notice(self, worker: str) -> None:
        """Find the futures that have begun to run: executors do not notify, so it is called at each submit and end."""
        with self._looking:
            for adopted in list(self._outside.values()):
                if not adopted.poll_started(worker):
                    return  # executors begin in order

    def ended(self, adopted: ExternalCall | ThreadCall, future: Future[Any]) -> None:
        """Called when its last event has been sent."""
        self._forget(adopted)
        adopted.settle(future)
        self._left()

    def _forget(self, adopted: ExternalCall | ThreadCall) -> None:
        adopted.future = None
        self._pending.pop(adopted.id, None)
        self.threads.waiting.pop(adopted.id, None)

    def _left(self) -> None:
        self._wake()
        if self.on_idle is not None and not self.pending():
            self.on_idle()
