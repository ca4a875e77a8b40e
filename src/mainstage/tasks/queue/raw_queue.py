"""The raw queue: the `queue.Queue` of the recipe that everybody pastes, whose messages are one task's progress.

We are its consumer, and a message is handled by the put that brings it: nothing waits for anybody, no thread of ours
reads, and what became of the work does not depend on who looks (docs/recipe.md has the whole of the semantics). The
count is exact and pulled: a put sends at most one note a frame, whatever the rate.

One reentrant lock guards each queue. The heartbeat's signal handler, which may interrupt a put on the main thread,
reads the `QueuePosition` and takes no lock; a stop that it forwards (`request_cancel`) takes none either.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, Literal

from mainstage.core.clock import limit_wait, monotonic
from mainstage.core.pickling import context, unpack
from mainstage.errors import (
    Cancelled,
    QueueError,
    UnknownMessage,
    add_note,
    describe_error,
    explain,
    is_instance,
    text_of,
)
from mainstage.events import (
    MetricReported,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskReopened,
    TaskStarted,
    TextWritten,
)
from mainstage.tasks.messages import (
    Done,
    Erred,
    Log,
    MetricMessage,
    Progress,
    Sentinel,
    Total,
    read_message,
    read_total,
)
from mainstage.tasks.queue.backlog import KEPT, Backlog
from mainstage.tasks.queue.producers import ProducerSet
from mainstage.tasks.queue.thread_patches import (
    HasProducers,
    end_senders,
    enter_senders,
    expect_senders,
    leave_sender,
    unwatch,
    watch,
)
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from mainstage.events import Event
    from mainstage.tasks.messages import Message
    from mainstage.tasks.queue.producers import Producer
    from mainstage.tasks.reporter import Reporter

__all__ = ["RawQueue", "ShutDown", "end_senders", "enter_senders", "expect_senders", "leave_sender"]

LEFT = "has no sender any more: a worker returned early, or put its sentinel too soon,"
PATIENCE = 0.5
"""Seconds without a sender after which a task that is not complete has failed: the next one may be starting."""
LAST_ONES = (Sentinel, Erred, Done)
"""The messages that close the sender that puts them."""
Outcome = Literal["open", "ended", "failed", "cancelled"]

if hasattr(queue, "ShutDown"):
    ShutDown: type[Exception] = queue.ShutDown
else:

    class _ShutDown(Exception):
        """Raised by `put` and `get` of a queue that was shut down, as newer Pythons' `queue.ShutDown`."""

    ShutDown = _ShutDown


class _Taken:
    """What `put` returns: there is nothing to wait for, and `await q.put(1)` in a coroutine waits for nothing."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield  # never reached: it makes this a generator


TAKEN = _Taken()


def _nobody_waits() -> None:
    """Do nothing: no thread waits."""


class QueuePosition:
    """The count of one queue, as a channel's cell."""

    __slots__ = ("armed", "attempt", "closed", "count", "id", "polled")

    def __init__(self, ident: int) -> None:
        self.id = ident
        self.attempt = 1
        self.polled = False
        self.closed = False
        self.count: float = 0
        self.armed = True

    def position(self) -> float:
        """Return the count. Takes no lock."""
        return self.count

    def arm(self) -> None:
        """Request a note at the next change."""
        self.armed = True

    def sample(self, now: float) -> list[Event]:
        """Return where it stands."""
        return [TaskMoved(now, self.id, self.attempt, self.count)]


class RawQueue(queue.Queue[Any], HasProducers):
    """A `queue.Queue` that counts what is put into it as progress of one task.

    `put` never blocks and raises nothing but `Cancelled`, once per request, for progress put by a worker that was asked
    to stop (and `ShutDown` after `shutdown`). The task ends well when the count reaches `total`, or, without one, when
    all senders have closed or ended. It fails when no sender lives and the count is below the total, `patience` seconds
    later, at once if one of them erred; a sender that comes later reopens it, and only `settle` makes it final.
    """

    def __init__(
        self,
        reporter: Reporter,
        *,
        total: float | None = None,
        description: str = "queue",
        patience: float = PATIENCE,
        wake: Callable[[], None] = _nobody_waits,
    ) -> None:
        """Start the task; `TypeError` or `ValueError` if `total` is no number of 0 or more."""
        super().__init__()
        self.mutex = threading.RLock()  # type: ignore[assignment]  # a put may be interrupted by one of a signal handler
        self.not_empty = threading.Condition(self.mutex)
        self.not_full = threading.Condition(self.mutex)
        self.all_tasks_done = threading.Condition(self.mutex)
        self._gap = threading.Condition(self.mutex)
        self.description = description
        self.total = read_total(total)
        self.result: object = None
        """What the last ("done", result) brought that was not None."""
        self.errors: list[BaseException] = []
        """What senders ended with, in order."""
        self.roster = ProducerSet(self.mutex, self._arrived, self._departed)
        self._reporter = reporter
        self._patience = patience
        self._wake = wake
        self._backlog = Backlog()
        self._tally = QueuePosition(reporter.new_id())
        self._outcome: Outcome = "open"
        self._failure: BaseException | None = None
        self._came = False  # somebody was a sender
        self._requests = 0
        self._why: str | None = None  # it was asked to stop
        self._gap_ends: float | None = None
        self._lingering = False
        self.is_shutdown = False  # as of a `queue.Queue` from Python 3.13 on
        self._overrun = False
        self._settled = False
        self._send(TaskStarted(reporter.now(), self._tally.id, 1, "", description, self.total))
        watch(self)
        with self.mutex:
            self._look()

    # --- queue.Queue ---

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> Awaitable[None]:  # type: ignore[override]  # noqa: ARG002, FBT001, FBT002
        """Take one message: a number, None, or one of the tuples of docs/recipe.md; one that is none is shown.

        What it returns may be awaited, and need not: the message has been handled.
        """
        sender = self.roster.current()
        message = None
        if type(item) is not int:  # the common message needs no reading: 0.85 us a put instead of 1.5
            try:
                message = read_message(item)
            except UnknownMessage as error:
                self._say(f"queue {self.description!r}: {error}", sender)
                return TAKEN
        with self.mutex:
            if self.is_shutdown:
                raise ShutDown
            if message is None or type(message) is Progress:
                if sender.closed:
                    self.roster.add(sender)
                self._count(item if message is None else message.items)
            else:
                self._handle(message, sender)
            self._backlog.add(item)
            if self._backlog.consumed:
                self.not_empty.notify()
        if message is None or type(message) is Progress:
            self._check_cancelled(sender)
        return TAKEN

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002  # queue.Queue's
        """Return the oldest message, for a consumer of the program's own; it has been counted and shown already.

        Where `queue.Queue` would block for ever, since the task is over and no sender lives, what it failed with is
        raised, else `QueueError`. Up to the first `get`, 10,000 runs of equal messages are kept: `QueueError` if there
        were more. A deadline is in seconds, and `queue.Empty` when it has passed.
        """
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        until = None if timeout is None or not block else monotonic() + timeout
        with self.not_empty:
            self._backlog.consumed = True
            self._leave_by_waiting()
            self._look()
            while not self._backlog.count:
                self._raise_if_over(block=block and until is None)
                left = None if until is None else until - monotonic()
                if not block or (left is not None and left <= 0):
                    raise queue.Empty
                self.not_empty.wait(limit_wait(left))
            return self._backlog.take()

    def qsize(self) -> int:
        """Return how many messages wait for `get`; 0 until the first `get`, since all are handled by then."""
        return self._backlog.count if self._backlog.consumed else 0

    def empty(self) -> bool:
        """Return whether `qsize()` is 0."""
        return not self.qsize()

    def full(self) -> bool:
        """Return False: there is always room."""
        return False

    def join(self) -> None:
        """Return at once: what was put has been handled."""

    def task_done(self) -> None:
        """Do nothing: what was put has been handled."""

    def shutdown(self, immediate: bool = False) -> None:  # noqa: FBT001, FBT002  # as newer Pythons' queue.Queue
        """As `close`; from now on `put` raises `ShutDown`, and `get` when nothing is left (`immediate`: at once)."""
        with self.mutex:
            self.is_shutdown = True
            if immediate:
                self._backlog.clear()
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker process as something that puts into this queue; anywhere else it cannot."""
        if context.replace is None:
            raise TypeError(f"queue {self.description!r} of a run stays in its process")
        return context.replace(self)

    # --- for the run ---

    def put_packed(self, sender: Producer | None, data: bytes | bytearray | memoryview) -> None:
        """Put a message of `sender`, which is somewhere else; one that cannot be made or read here is shown.

        Never raises: a message may be of any class, and the thread that takes it is not the sender's.
        """
        try:
            with self.roster.acting_as(sender), contextlib.suppress(Cancelled, ShutDown):
                self.put(unpack(data))
        except BaseException as error:  # noqa: BLE001  # as above
            self._say(f"queue {self.description!r}: a message could not be made here: {explain(error)}", sender)

    @property
    def task(self) -> int:
        """The number of its task in the events."""
        return self._tally.id

    @property
    def completed(self) -> float:
        """Return the exact count."""
        return self._tally.count

    def pending(self) -> bool:
        """Return whether there is something to wait for: a sender, or the moment in which the next one may come.

        Whoever asks is about to wait and therefore no sender: this thread's own puts are over as far as is known. Each
        change to False sends an event and calls `wake`. Never blocks: it may be asked under a lock that `wake` takes.
        """
        self._leave_by_waiting()
        self._came = True
        if self.mutex.acquire(blocking=False):  # else whoever has it is a sender, and looks when it has ended
            try:
                self._look()
            finally:
                self.mutex.release()
        return self._outcome == "open"

    def error(self) -> BaseException | None:
        """Return what the task failed with, as things stand: a sender's own exception, or `QueueError`."""
        return self._failure

    def close(self) -> None:
        """Called when nothing more comes: decide the outcome now. A later put is counted and changes nothing else."""
        with self.mutex:
            cut = self.roster.close()
            if self._outcome == "open":
                self._conclude(f"was closed with {_plural(cut, 'sender')} alive" if cut else "was closed")
            self.not_empty.notify_all()

    def settle(self) -> BaseException | None:
        """Make its outcome final, and return the error if it failed. Later puts are counted."""
        self.close()
        unwatch(self)
        with self.mutex:
            self._settled = True
            self._gap.notify_all()
        return self._failure

    def request_cancel(self, reason: str) -> None:
        """Ask every sender to stop, once; `reason` is what `Cancelled` says. Takes no lock."""
        self._why = reason
        self._requests += 1

    # --- one message; under the lock from here on ---

    def _handle(self, message: Message, sender: Producer) -> None:
        """Do what a message that is no progress says."""
        if sender.closed and (sender.fresh or type(message) is Total) and type(message) not in LAST_ONES:
            self.roster.add(sender)
        match message:
            case Total(total):
                self.total = total
                self._send(TaskChanged(self._reporter.now(), self._tally.id, 1, total=total))
                self._look()
            case Sentinel():
                self._close(sender)
            case Erred(error):
                sender.error = error
                self._close(sender)
            case Done(result):
                self.result = self.result if result is None else result
                self._close(sender)
            case MetricMessage(name, value):
                self._send(MetricReported(self._reporter.now(), self._tally.id, 1, name, value))
            case Log(text):
                self._say(text, sender, "log")

    def _close(self, sender: Producer) -> None:
        sender.fresh = False
        self._came = True
        self.roster.end(sender)

    def _count(self, count: float) -> None:
        tally = self._tally
        tally.count += count
        if tally.armed and not tally.closed and not self._settled:
            tally.armed = False
            self._reporter.moved(tally)
        if self._outcome == "open":
            if self._reached():
                self._conclude("")
        elif not self._overrun:
            self._overrun = True
            self._say(f"queue {self.description!r}: more came after its end, {self._stand()} by now; it is counted")

    def _reached(self) -> bool:
        total, count = self.total, self._tally.count
        if total is None or count >= total:
            return total is not None
        return type(count) is float and count >= total - 1e-9 * total  # ten times 0.1 is a bit less than 1

    def _check_cancelled(self, sender: Producer) -> None:
        """Raise `Cancelled` where this worker was asked to stop and has not been told; the main thread is none."""
        task = ambient.get()
        if task is not None:
            task.resolve().check_cancelled()
        elif sender.requests != self._requests:
            sender.requests = self._requests
            if threading.get_ident() != threading.main_thread().ident:
                raise Cancelled(self._why or "")

    # --- who comes and goes ---

    def _arrived(self) -> None:
        self._came = True
        self._gap_ends = None
        if self._outcome == "failed":
            self._outcome = "open"
            self._failure = None
            self._tally.closed = False
            self._tally.armed = True
            self._send(TaskReopened(self._reporter.now(), self._tally.id, 1))

    def _departed(self, sender: Producer) -> None:
        error, sender.error = sender.error, None
        if is_instance(error, Cancelled):
            self._why = self._why or text_of(error) or "asked to stop"
        elif error is not None and not (is_instance(error, SystemExit) and not error.code):
            self._record(error, sender)
        self._look()
        self.not_empty.notify_all()

    def _record(self, error: BaseException, sender: Producer) -> None:
        if any(error is known for known in self.errors):
            return
        self.errors.append(error)
        add_note(error, f"in {sender.name}, a sender of queue {self.description!r}, at {self._stand()}")
        alive = self.roster.count()
        if alive or self._outcome != "open":
            rest = f"; {_plural(alive, 'other')} still at work" if alive else ""
            self._say(f"queue {self.description!r}: {sender.name} ended with {_named(error)}{rest}")
        if is_instance(self._failure, QueueError):
            self._failure = _raisable(error)

    def _leave_by_waiting(self) -> None:
        """Called when this thread waits: it is no producer until its next put, unless it is bound."""
        mine = self.roster.mine()
        if mine is not None and not mine.bound:
            mine.closed = True

    # --- what has come of it ---

    def _look(self) -> None:
        """Decide, if it can be told: called after each change but a mere count."""
        if self._outcome != "open":
            return
        if self._reached():
            self._conclude("")
        elif self._came and not self.roster.anyone():
            if self._patience and not self.errors and not self._requests:
                self._linger()
            else:
                self._conclude(LEFT)

    def _linger(self) -> None:
        """Conclude after a grace time, unless a producer comes."""
        if self._gap_ends is None:
            self._gap_ends = monotonic() + self._patience
        if not self._lingering:
            self._lingering = True
            threading.Thread(target=self._wait_for_more, name="mainstage-queue", daemon=True).start()

    def _wait_for_more(self) -> None:
        with self._gap:
            while self._gap_ends is not None and self._outcome == "open" and not self._settled:
                left = self._gap_ends - monotonic()
                if left <= 0:
                    self._conclude(LEFT)
                else:
                    self._gap.wait(left)
            self._lingering = False

    def _conclude(self, how: str) -> None:
        """Report its outcome; `how` it fell short of its total, if it did."""
        self._gap_ends = None
        self._tally.closed = True
        now, ident, count = self._reporter.now(), self._tally.id, self._tally.count
        if self._reached() or (self.total is None and not self.errors and self._why is None):
            self._outcome = "ended"
            self._send(TaskEnded(now, ident, 1, count))
        elif self._why is not None and not self.errors:
            self._outcome = "cancelled"
            self._send(TaskCancelled(now, ident, 1, count, self._why))
        else:
            self._outcome = "failed"
            self._failure = _raisable(self.errors[0]) if self.errors else self._shortfall(how)
            self._send(TaskFailed(now, ident, 1, count, describe_error(self._failure)))
        self.not_empty.notify_all()
        self._wake()

    def _shortfall(self, how: str) -> QueueError:
        return QueueError(f"queue {self.description!r} {how} at {self._stand()}")

    def _stand(self) -> str:
        return f"{self._tally.count} of {self.total}" if self.total is not None else str(self._tally.count)

    def _raise_if_over(self, *, block: bool) -> None:
        """Raise what a `get` that would wait for nothing raises."""
        if self.is_shutdown:
            raise ShutDown
        if not block:
            return
        if self._backlog.given_up:
            raise QueueError(f"queue {self.description!r}: over {KEPT} messages came before the first get: none kept")
        if self._outcome != "open" and not self.roster.anyone():
            over = QueueError(f"queue {self.description!r}: nothing more comes, its task is over")
            raise over if self._failure is None else self._failure

    def _say(self, text: str, sender: Producer | None = None, stream: str = "mainstage") -> None:
        worker = sender.name if sender is not None else ""
        self._send(TextWritten(self._reporter.now(), self._tally.id, 1, worker, stream, text))

    def _send(self, event: Event) -> None:
        if not self._settled:
            self._reporter.send(event)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _named(error: BaseException) -> str:
    report = describe_error(error)
    return f"{report.type}: {report.text}" if report.text else report.type


def _raisable(error: BaseException) -> BaseException:
    """Return `error`, or, for one that would end the caller rather than tell it something, a `QueueError` from it."""
    if is_instance(error, Exception):
        return error
    wrapped = QueueError(f"a sender ended with {_named(error)}")
    wrapped.__cause__ = error
    return wrapped
