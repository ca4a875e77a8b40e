"""A process pool that stands by itself: runs come and go while its workers stay.

Its calls have the standard library's semantics: no notes on exceptions, no retries, and the events of an end go out
before its future is done, so that the run which shows it may end with it.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from typing import TYPE_CHECKING, Any

from mainstage.core.clock import monotonic
from mainstage.core.retry_policy import Policy
from mainstage.events import TextWritten
from mainstage.pool.calls import Call, Calls
from mainstage.pool.processes.workers import ProcessWorkers
from mainstage.tasks.reporter import live

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstage.events import Event
    from mainstage.pool.job import Entry, Job
    from mainstage.pool.options import Crew
    from mainstage.tasks.outcome import Outcome
    from mainstage.tasks.reporter import Cell

_ids = itertools.count(1 << 31)
"""Task numbers that no run gives out."""


class LiveRunReporter:
    """Reports to the run that is live as something happens; without one, text goes where it would have gone."""

    detailed = True
    now = staticmethod(monotonic)
    new_id = staticmethod(_ids.__next__)

    def send(self, event: Event) -> None:
        """Send one event."""
        reporter = live.reporter
        if reporter is not None:
            reporter.send(event)
        elif isinstance(event, TextWritten):
            stream = sys.stderr if event.stream == "stderr" else sys.stdout
            with contextlib.suppress(OSError, ValueError, AttributeError):  # full, closed, or none: it costs no task
                stream.write(f"{event.text}\n")
                stream.flush()

    def moved(self, cell: Cell) -> None:
        """Note that an armed cell has changed."""
        reporter = live.reporter
        if reporter is not None:
            reporter.moved(cell)

    watch = moved

    def unwatch(self, cell: Cell) -> None:
        """Stop looking at it."""


class StandaloneCall(Call):
    """A call of a pool that stands by itself: who shows it tells that it waits, and that it never began."""

    def __init__(
        self,
        pool: StandalonePool,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        name: str,
        future: Any,
        on_begin: Callable[[StandaloneCall], None] | None,
    ) -> None:
        super().__init__(pool.calls, fn, args, kwargs, name, Policy(), future)
        self._pool = pool
        self._on_begin = on_begin

    def begin(self) -> Entry | None:
        """Return the entry of the attempt that begins now; None: it does not."""
        if self._on_begin is not None and not self.future.cancelled():
            self._on_begin(self)
        return super().begin()

    def request_cancel(self, reason: str) -> None:
        """Ask it to stop, if it runs."""
        job = self.calls.job_of(self.future.task)
        if job is not None:
            job.request_cancel(reason)

    def queued(self, at: float) -> None:  # a call's
        """Return nothing, as above."""

    def where(self, job: Job, given: str) -> str:  # noqa: ARG002  # a call's
        """Return nothing: its exceptions are the standard library's."""
        return ""

    def settled(self, job: Job, outcome: Outcome) -> None:  # noqa: ARG002  # a call's
        """Take the outcome of its one attempt."""
        error = outcome.error
        self._on_begin = None  # it knows of this call: nothing is kept of one that has ended
        self.calls.pending.pop(self.future.task, None)
        if error is None:
            self.future.set_result(outcome.value)
        else:
            self.future.set_exception(self._pool.as_standard(error))

    def _never_began(self, reason: str, attempt: int = 0) -> None:  # noqa: ARG002  # a call's
        self.calls.pending.pop(self.future.task, None)


class StandalonePool:
    """Worker processes with calls that no run owns."""

    def __init__(self, crew: Crew, max_workers: int, *, as_standard: Callable[[BaseException], BaseException]) -> None:
        """Start nothing yet; `as_standard` gives the exception that a future of the standard library would have."""
        self.reporter = LiveRunReporter()
        self.as_standard = as_standard
        workers = ProcessWorkers(
            self.reporter, max_workers, wake=_nobody_waits, name="process", crew=crew, streams=_of_the_live_run
        )
        self.timer, self.dispatcher = workers.timer, workers.dispatcher
        self.calls = Calls(workers, wake=_nobody_waits, on_failure=None)
        workers.open(self.calls)

    def put(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        name: str,
        future: Any,
        on_begin: Callable[[StandaloneCall], None] | None,
    ) -> None:
        """Call `fn` in a worker and settle `future`; `on_begin` is called with the call as it is handed over."""
        self.calls.put(StandaloneCall(self, fn, args, kwargs, name, future, on_begin))

    def cancel_waiting(self) -> None:
        """Cancel what no worker has been given."""
        for call in reversed(list(self.calls.pending.values())):
            call.future.cancel()
        self.dispatcher.wake()


def _nobody_waits() -> None:
    """Do nothing: futures wake the threads that wait for them."""


def _of_the_live_run() -> tuple[str, ...]:
    """Return the streams that are captured now: workers that start have theirs captured too."""
    taken = getattr(live.capture, "taken", ())
    return tuple(taken)
