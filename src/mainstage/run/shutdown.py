"""How a run ends: what asked it to stop, what failed first, how long is waited, and what is raised in the end."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from mainstage.errors import Terminated, is_cancellation, is_instance, name_of, text_of
from mainstage.run.exit import suppress_traceback
from mainstage.run.signals import allow_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from mainstage.events import StopRequested
    from mainstage.pool.results import OnError
    from mainstage.pool.task_future import TaskFuture
    from mainstage.run.display_session import DisplaySession
    from mainstage.tasks.queue.raw_queue import RawQueue


class Stoppable(Protocol):
    """What a run has under way; `on_error="raise"`: a failure stops the rest, and is raised."""

    on_error: OnError

    def _pending(self) -> bool:
        """Return whether anything runs or waits to."""
        ...

    def _cancel_all(self, reason: str) -> None:
        """Ask all of it to stop."""
        ...

    def _abandon(self, reason: str) -> None:
        """Settle all of it although it did not stop; nothing happens to what did."""
        ...


class Shutdown:
    """The end of the run `work`, which is shown by `show`; `branch`: it stands within another run.

    `grace` is the seconds that work has which was asked to stop.
    """

    def __init__(self, work: Stoppable, show: DisplaySession, *, grace: float, branch: bool) -> None:
        self.stop: StopRequested | None = None
        """What asked the run to stop, the latest request."""
        self.raised = False
        """Whether that has been raised in the program; once is enough."""
        self._work = work
        self._show = show
        self.grace = grace
        self._branch = branch
        self._first_failure: BaseException | None = None
        self._lock = threading.Lock()

    # --- what happens ---

    def on_stop(self, event: StopRequested) -> None:
        """Called on the owner's thread at a request to stop; the first one cancels the work."""
        if self.stop is not None and event.stage <= self.stop.stage:  # a later one has overtaken it
            return
        self.stop = event
        if event.stage == 1:
            self._work._cancel_all(event.cause)

    def on_failure(self, error: BaseException) -> bool:
        """Called on a worker's thread at a final failure; return whether to cancel the rest for it."""
        if self._first_failure is not None:
            return False
        with self._lock:
            first = self._first_failure is None
            self._first_failure = error if first else self._first_failure
        return first and self._work.on_error == "raise"

    def stop_pending(self) -> bool:
        """Return whether a request to stop waits to be raised."""
        return self.stop is not None and not self.raised

    def left_by_failure(self, futures: Callable[[], Iterable[TaskFuture[Any]]]) -> bool:
        """Return whether a block that is left by the cancellation of a call is left by an unretrieved failure.

        The end raises that instead, as a nursery does: the cancellation says only that another call failed.
        """
        return self.stop is None and self._failing() and self._unretrieved_failure(futures()) is not None

    def stop_for(self, error: BaseException) -> None:
        """Stop the work since the block is left by `error`; the next Ctrl-C is the second request."""
        name = name_of(error)
        if is_instance(error, KeyboardInterrupt):
            name = text_of(error) or "Ctrl-C"
        elif is_cancellation(error) and self._show.interrupts.cell_cancelled:
            name = "Ctrl-C"
        if not self._branch and not is_instance(error, GeneratorExit):  # a loop over `map` may be left when it likes
            self.stop = self._show.stopped(name)
        self._work._cancel_all(f"the run was left by {name}")

    # --- waiting for the end ---

    def finished(self) -> bool:
        """Return whether nothing is pending."""
        return not self._work._pending()

    def wait_condition(self, *, stopping: bool) -> Callable[[], bool]:
        """Return what tells whether it has been waited for long enough from here on."""
        again = self._asked_again()
        return lambda: self.finished() or again() or (not stopping and self._failing())

    def drain(self, *, stopping: bool) -> None:
        """Wait until nothing is pending; when stopping, at most for the grace time or until asked again."""
        self._show.wait(self.wait_condition(stopping=stopping), self.grace if stopping else None)
        if not stopping and not self.finished():
            self.drain(stopping=True)
            return
        self.abandon()

    def abandon(self) -> None:
        """Give up on what is pending still."""
        if not self.finished():
            self._work._abandon("did not stop in time")

    def drain_now(self, interrupt: KeyboardInterrupt) -> None:
        """Stop what is pending since `interrupt` was raised while it was waited for; a second request abandons it."""
        if self.stop is None:
            self.stop_for(interrupt)
            with contextlib.suppress(KeyboardInterrupt):  # the second one
                self.drain(stopping=True)
        self._work._abandon("Ctrl-C")

    def wind_down(self, busy: Callable[[], bool]) -> None:
        """Wait until not `busy()`, at most for the grace time or until asked to stop once more."""
        again = self._asked_again()
        self._show.wait(lambda: not busy() or again(), self.grace)

    def _asked_again(self) -> Callable[[], bool]:
        seen = self.stop.stage if self.stop is not None else 0
        return lambda: self.stop is not None and self.stop.stage > seen

    def _failing(self) -> bool:
        return self._work.on_error == "raise" and self._first_failure is not None

    # --- what is raised ---

    @allow_signals
    def raise_pending(
        self,
        error: BaseException | None,
        interrupt: KeyboardInterrupt | None,
        futures: Collection[TaskFuture[Any]],
        queues: Iterable[RawQueue],
    ) -> None:
        """Raise the request to stop or the first failure that was not retrieved, unless `error` is on its way out.

        `interrupt` was raised as the end was waited for. A signal that came later, and could tear nothing, comes now.
        """
        late = self._show.interrupts.take_deferred()
        if interrupt is None and not is_instance(error, KeyboardInterrupt):
            interrupt = late
        self._raise_due(interrupt if error is None else error, futures, queues)
        if interrupt is not None and (error is None or interrupt is late):
            raise interrupt

    def _raise_due(
        self, error: BaseException | None, futures: Collection[TaskFuture[Any]], queues: Iterable[RawQueue]
    ) -> None:
        failures = [failure for queue in queues if (failure := queue.settle()) is not None]
        if error is not None:
            self._carried_by(error)
            if is_instance(error, KeyboardInterrupt) or (self.stop is not None and is_cancellation(error)):
                suppress_traceback(error)
            return
        if self.stop_pending():
            self.raise_stop()
        if self._work.on_error != "raise":
            return
        failure = self._unretrieved_failure(futures)
        if failure is not None:
            self._raise(failure)
        for failure in failures:
            raise self._carried_by(failure)

    def _unretrieved_failure(self, futures: Iterable[TaskFuture[Any]]) -> BaseException | None:
        first = self._first_failure
        found = first is not None and any(future.failure() is first and not future.looked for future in futures)
        return first if found else None

    def _raise(self, failure: BaseException) -> NoReturn:
        """Raise it; a cancellation that came of it, and is being handled, is not what it came of."""
        context = failure.__context__
        try:
            raise self._carried_by(failure)
        finally:
            if is_instance(failure.__context__, CancelledError):
                with contextlib.suppress(Exception):
                    failure.__context__ = context

    def raise_stop(self) -> None:
        """Raise the interrupt that was asked for, once."""
        self.raised = True
        cause = self.stop.cause if self.stop is not None else ""
        error = KeyboardInterrupt(cause) if cause == "Ctrl-C" else Terminated(cause, self._show.signum)
        suppress_traceback(error)
        raise self._carried_by(error)

    def _carried_by(self, error: BaseException) -> BaseException:
        """Return `error` with the run on it, where its class lets us: partial results stay readable."""
        with contextlib.suppress(Exception):
            error.run = self._work  # type: ignore[attr-defined]
        return error
