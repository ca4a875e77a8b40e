"""Executors that are not ours, shown: their futures stay theirs, a run learns what becomes of them."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mainstage.errors import describe_error
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskQueued, TaskStarted
from mainstage.worker import rawqueue, runner
from mainstage.worker.task import Task, open_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.worker.reporter import Reporter


class Adopted:
    """A future of somebody else's executor under our display."""

    __slots__ = ("began", "description", "future", "id", "reporter", "task")

    def __init__(self, reporter: Reporter, description: str) -> None:
        self.reporter = reporter
        self.description = description
        self.id = reporter.new_id()
        self.task: Task | None = None
        self.began = False
        self.future: Future[Any] | None = None
        reporter.send(TaskQueued(reporter.now(), self.id, description))

    def inside(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return `fn`, reporting from inside: for executors whose threads are of this process."""

        def reported(*args: Any, **kwargs: Any) -> Any:
            self.began = True
            task = self.task = open_task(
                self.reporter, self.id, 1, self.description, worker=threading.current_thread().name
            )
            senders = rawqueue.enter_senders(args, kwargs, task)
            outcome = runner.run(task, fn, args, kwargs)
            runner.finish(task, outcome, self.description)
            for queue in senders:
                rawqueue.leave_sender(queue, outcome.error)
            error = outcome.error
            try:
                if error is not None:
                    raise error
                return outcome.value
            finally:
                del outcome, error

        return reported

    def outside(self, worker: str) -> None:
        """Report from outside: for executors whose workers we cannot reach."""
        self.reporter.send(TaskStarted(self.reporter.now(), self.id, 1, worker, self.description))

    def ended_outside(self, future: Future[Any]) -> None:
        """Report the end that `outside` cannot see."""
        now = self.reporter.now()
        if future.cancelled():
            self.reporter.send(TaskCancelled(now, self.id, 1, 0, "cancelled before it began"))
        elif (error := future.exception()) is not None:
            self.reporter.send(TaskFailed(now, self.id, 1, 0, describe_error(error), self.description))
        else:
            self.reporter.send(TaskEnded(now, self.id, 1, 1))

    def never_began(self) -> None:
        """Report that it was cancelled while it waited."""
        self.reporter.send(TaskCancelled(self.reporter.now(), self.id, 0, 0, "cancelled before it began"))

    def cancel(self, reason: str) -> None:
        """Cancel it if it waits, ask it to stop if it runs where we can reach it."""
        if self.future is not None and not self.future.cancel() and self.task is not None:
            self.task.request_cancel(reason)


class Adoption:
    """The futures of other executors that belong to one run."""

    def __init__(self, reporter: Reporter, wake: Callable[[], None]) -> None:
        self._reporter = reporter
        self._wake = wake
        self._pending: dict[int, Adopted] = {}
        self._patched: list[Executor] = []

    def pending(self) -> bool:
        """Return whether any has not ended."""
        return bool(self._pending)

    def cancel(self, reason: str) -> None:
        """Cancel all that wait and ask all that run to stop."""
        for adopted in reversed(list(self._pending.values())):
            adopted.cancel(reason)

    def abandon(self) -> None:
        """Wait for none of them any more."""
        self._pending.clear()

    def attach(self, executor: Executor) -> None:
        """Show what is submitted to `executor` from now on, until `detach`."""
        submit = executor.submit
        inside = isinstance(executor, ThreadPoolExecutor)

        def reported(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            return self.submit(submit, fn, args, kwargs, inside=inside)

        executor.submit = reported  # type: ignore[method-assign]  # the instance's own, taken back by `detach`
        self._patched.append(executor)

    def detach(self) -> None:
        """Give the attached executors their own `submit` back."""
        for executor in self._patched:
            vars(executor).pop("submit", None)
        self._patched.clear()

    def submit(
        self,
        submit: Callable[..., Future[Any]],
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        inside: bool = True,
    ) -> Future[Any]:
        """Submit by `submit`, and adopt the future."""
        adopted = Adopted(self._reporter, runner.describe_call(fn, args))
        self._pending[adopted.id] = adopted
        try:
            future = submit(adopted.inside(fn) if inside else fn, *args, **kwargs)
        except BaseException:
            del self._pending[adopted.id]
            adopted.never_began()
            raise
        adopted.future = future
        if not inside:
            adopted.outside("process")
        number, never_began, ended = adopted.id, adopted.never_began, adopted.ended_outside

        def done(future: Future[Any]) -> None:
            waiting = self._pending.pop(number, None)
            if not inside:
                ended(future)
            elif waiting is not None and not waiting.began and future.cancelled():
                never_began()
            self._wake()

        future.add_done_callback(done)
        return future
