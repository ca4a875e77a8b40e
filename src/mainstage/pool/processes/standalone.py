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
from mainstage.events import TextWritten
from mainstage.pool.processes.calls import ProcessCall
from mainstage.pool.processes.workers import ProcessBackend
from mainstage.tasks import outcome as runner
from mainstage.tasks.reporter import live

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.events import Event
    from mainstage.pool.options import Crew
    from mainstage.pool.processes.process import WorkerProcess
    from mainstage.pool.remote_calls import CallSpec
    from mainstage.tasks.outcome import Outcome
    from mainstage.tasks.reporter import Cell
    from mainstage.tasks.task import Task

_ids = itertools.count(1 << 31)
"""Task numbers that no run gives out."""


class Wherever:
    """Reports to the run that is live as something happens; without one, text goes where it would have gone."""

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


class PoolCall(ProcessCall):
    """A call of a pool that stands by itself."""

    __slots__ = ("_on_begin",)

    def __init__(
        self, owner: StandalonePool, spec: CallSpec, future: Any, *, on_begin: Callable[[PoolCall], None] | None
    ) -> None:
        super().__init__(owner, spec, future)
        self._on_begin = on_begin

    def hand(self, worker: WorkerProcess) -> bool:
        """Send it to `worker`; False: it does not run, and is settled."""
        if self._on_begin is not None and not self.future.cancelled():
            self._on_begin(self)
        return super().hand(worker)

    def request_cancel(self, reason: str) -> None:
        """Ask it to stop, if it runs."""
        if self.task is not None:
            self.task.request_cancel(reason)

    def _never_began(self, reason: str) -> None:  # noqa: ARG002  # whoever shows it tells
        self._owner.ended(self)

    def _settle(self, task: Task, outcome: Outcome, worker: Any) -> None:  # noqa: ARG002  # a call's
        error = outcome.error
        runner.finish(task, outcome, self.told_input())
        self._on_begin = None  # it knows of this call: nothing is kept of one that has ended
        self._owner.ended(self)
        if error is None:
            self.future.set_result(outcome.value)
        else:
            self.future.set_exception(self._owner.as_standard(error))

    if TYPE_CHECKING:
        _owner: StandalonePool


class StandalonePool(ProcessBackend):
    """The backend of a pool that stands by itself."""

    def __init__(self, crew: Crew, max_workers: int, *, as_standard: Callable[[BaseException], BaseException]) -> None:
        """Start nothing yet; `as_standard` gives the exception that a future of the standard library would have."""
        super().__init__(Wherever(), max_workers, wake=_nobody_waits, name="process", crew=crew)
        self.as_standard = as_standard
        self.dispatcher.streams = _of_the_live_run

    def put(self, spec: CallSpec, future: Any, *, on_begin: Callable[[PoolCall], None] | None) -> PoolCall:
        """Have `spec` called in a worker; `on_begin` is called with the call as it is handed over."""
        call = PoolCall(self, spec, future, on_begin=on_begin)
        self._calls[future.task] = call
        self.dispatcher.put(call)
        return call


def _nobody_waits() -> None:
    """Wake nobody: futures wake who waits for them."""


def _of_the_live_run() -> tuple[str, ...]:
    """Return the streams that are captured now: workers that start have theirs captured too."""
    taken = getattr(live.capture, "taken", ())
    return tuple(taken)
