"""The one thread that speaks with worker processes: it reads and writes their pipes, hands out work, buries the dead.

It owns the workers; any other thread that wants something done to them posts a call. It blocks in one `poll` and
nowhere else: pipes are read and written as far as that goes without waiting, so that no worker, stuck, stopped or
killed in the middle of a message, can keep it from the others.
"""

from __future__ import annotations

import contextlib
import faulthandler
import itertools
import os
import pickle
import select
import signal
import threading
from queue import Empty, SimpleQueue
from typing import IO, TYPE_CHECKING, Any

from mainstage.channels import frames
from mainstage.channels.outbox import INTERVAL
from mainstage.core.clock import monotonic
from mainstage.core.refusals import PAUSES, Refusals, retried, sleep_before_retry
from mainstage.errors import Cancelled, PoolBroken, WorkerLost, explain
from mainstage.events import (
    TaskCancelled,
)
from mainstage.pool.processes.outgoing import AHEAD_S
from mainstage.pool.processes.process import WorkerProcess, guard, server_killed, told_death, unguard, why_none
from mainstage.pool.processes.reception import Reception
from mainstage.pool.processes.replacement import Replacement
from mainstage.pool.processes.worker_main import Setup
from mainstage.pool.remote import RemotePosition, as_int_if_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import BaseContext

    from mainstage.core.commands import Locate
    from mainstage.pool.processes.outgoing import OutgoingCalls, OutgoingItems
    from mainstage.pool.remote import RemoteJob
    from mainstage.tasks.reporter import Reporter

MOST_CALLS = 64
"""Calls that a worker has in hand at most."""
PATIENCE = 0.03
"""Seconds after which work that waits behind a slow piece is taken back, if somebody else can do it."""
LAST_ASK = 0.5
"""Seconds between SIGTERM and SIGKILL."""
COPIED_IN = 10.0
"""Seconds in which a forked worker says that it runs: fork may have copied a lock that some thread held."""
MISTAKES = 10
"""Rounds that may fail before the dispatcher gives up: where each one does, it would fail for ever."""
STOPPED_IN = 3.0
"""Seconds that idle workers have to end."""


_serials = itertools.count(1)
"""For each worker process of this one a range of task numbers that nobody else has."""


def _poll_with_a_bell() -> tuple[select.poll, int, IO[bytes]]:
    """Return what waits for descriptors, and the two ends of a pipe that wakes it."""
    reading, writing = os.pipe()
    try:
        for fd in (reading, writing):
            os.set_blocking(fd, False)
        bell = open(writing, "wb", buffering=0, closefd=False)  # noqa: SIM115  # not by a forked copy
        poll = select.poll()
        poll.register(reading, select.POLLIN)
    except BaseException:
        os.close(reading)
        os.close(writing)
        raise
    guard(reading)
    guard(writing)
    return poll, reading, bell


class Dispatcher:
    """Hands calls and items of maps to at most `max_workers` processes."""

    def __init__(
        self,
        context: BaseContext,
        max_workers: int,
        *,
        reporter: Reporter,
        name: str,
        initializer: tuple[Callable[..., object], tuple[Any, ...]] | None,
        max_tasks: int | None,
        streams: Callable[[], tuple[str, ...]],
        on_idle: Callable[[], None],
    ) -> None:
        """Start nothing yet.

        `streams()` gives what a worker that starts now is to have captured; `on_idle` is called when all workers have
        ended; both on its thread.
        """
        self.max_workers = max_workers
        self.closed = False
        self.broken: PoolBroken | None = None
        self.workers: list[WorkerProcess] = []
        self._on_idle = on_idle
        self._context = context
        self._reporter = reporter
        self._prefix = name
        self._forked = context.get_start_method() == "fork"
        self._initializer = initializer
        self._max_tasks = max_tasks
        self._streams = streams
        self._names = itertools.count(1)
        self._posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._calls: OutgoingCalls | None = None
        self._maps: list[OutgoingItems] = []
        self._held = False
        self._ending = False
        self._interval = INTERVAL
        self._thread: threading.Thread | None = None
        self._unstarted = [threading.Thread(target=self._run, name="mainstage-dispatcher", daemon=True)]
        """The thread until somebody takes it to start it: a lock could be held by who is interrupted by a handler."""
        self._rung = False
        self.manned = threading.Event()
        """Set once work was handed to a worker for the first time."""
        self._by_fd: dict[int, WorkerProcess] = {}
        self._replacement = Replacement()
        self._reception = Reception(reporter, self._break, self._replacement.came_up)
        self._refusals = Refusals()
        self._poll, self._reading, self._bell = retried(_poll_with_a_bell)

    # --- any thread ---

    def call(self, call: Callable[[], None]) -> None:
        """Call `call` on the dispatcher's thread, soon."""
        self._posted.put(call)
        self.wake()

    def wake(self) -> None:
        """Wake the dispatcher: there may be something to do."""
        if self._thread is None:
            self._start()
        if not self._rung:
            self._rung = True
            with contextlib.suppress(OSError, ValueError):
                retried(self._bell.write, b"\0")

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports, of workers that start later too. Any thread, signal handlers too."""
        self._interval = seconds
        if self._thread is not None:
            self.call(self._say_interval)

    def hold(self, *, on: bool) -> None:
        """Hand out nothing more, or go on."""
        self._held = on
        self.wake()

    def close(self) -> None:
        """Take no more; have the workers end when what there is has been done."""
        self.closed = True
        self._held = False
        if self._thread is not None:
            self.wake()

    def end_now(self, signum: int) -> None:
        """Take no more, begin nothing more, and signal all workers and what they started; SIGKILL follows soon."""
        self.closed = self._ending = True
        self.call(lambda: self._end_all(signum))

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the workers have ended; return whether they have."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _start(self) -> None:
        with contextlib.suppress(IndexError):  # somebody else starts it
            thread = self._unstarted.pop()
            self._thread = thread  # first: who closes it meanwhile wakes it
            try:
                retried(thread.start)
            except RuntimeError:
                self._thread = None
                self._unstarted.append(thread)
                raise

    def open_calls(self, calls: OutgoingCalls) -> None:
        """Hand out these calls, once there are any."""
        self._calls = calls

    # --- its own thread from here on ---

    def open_map(self, one: OutgoingItems) -> None:
        """Hand out the items of a map, in turn with those of others."""
        self._maps.append(one)

    def close_map(self, number: int) -> None:
        """Forget the map of that number."""
        self._maps = [one for one in self._maps if one.share.id != number]

    def kill(self, worker: WorkerProcess, holding: RemoteJob) -> None:
        """Kill `worker`, and what it started, if it still has this in hand: with SIGTERM, soon with SIGKILL."""
        if worker not in self.workers or holding not in worker.inflight.values():
            return
        if worker.verdict is None:
            self._end_worker(worker, signal.SIGTERM)

    def _end_all(self, signum: int) -> None:
        for worker in self.workers:
            self._end_worker(worker, signum)

    def _end_worker(self, worker: WorkerProcess, signum: int) -> None:
        worker.verdict = Cancelled("killed")
        worker.signal(signum)
        worker.deadline = monotonic() + LAST_ASK

    def locate(self, asked: Locate) -> None:
        """Ask the worker of that name where it stands."""
        for worker in self.workers:
            if worker.name == asked.worker:
                worker.say(frames.pack_frame(frames.LOCATE, task=asked.task, number=asked.attempt, at=asked.since))

    def _run(self) -> None:
        mistakes = 0
        more = True
        while more:
            try:
                more = self._round()
            except BaseException as error:  # noqa: BLE001  # a mistake of ours: all are told, none waits for ever
                mistakes += 1
                more = mistakes < MISTAKES
                self._fail(PoolBroken(f"the pool failed: {explain(error)}"), error, last=not more)
        self._end()

    def _fail(self, broken: PoolBroken, cause: BaseException, *, last: bool) -> None:
        """Settle what waits, and kill the workers, whose deaths settle what they have in hand; at the `last`, here."""
        self.closed = self.closed or last
        for worker in list(self.workers):
            worker.verdict = broken
            worker.signal(signal.SIGKILL)
            for job in list(worker.inflight.values()) if last else ():
                with contextlib.suppress(BaseException):  # the others are to be settled all the same
                    job.lost(broken)
        with contextlib.suppress(BaseException):  # as above
            self._break(broken, cause)

    def _say_interval(self) -> None:
        for worker in self.workers:
            worker.say(frames.pack_frame(frames.INTERVAL, at=self._interval))

    def _round(self) -> bool:
        """Do what there is to do, and wait for more; False: it is over."""
        while True:
            try:
                self._posted.get_nowait()()
            except Empty:
                break
        self._assign()
        timeout = self._look_after()
        if self.closed and not self.workers and not self._busy():
            return False
        self._turn(timeout)
        return True

    def _end(self) -> None:
        self._initializer = None  # what it was given may wait to be freed
        writing = self._bell.fileno()
        self._bell.close()
        for fd in (self._reading, writing):
            unguard(fd)
            os.close(fd)
        self._on_idle()

    def _busy(self) -> bool:
        return self._waiting() > 0 or not self._posted.empty()

    def _waiting(self) -> int:
        """Return how many calls and items wait for a worker."""
        return sum([one.waits() for one in self._maps], self._calls.waits() if self._calls is not None else 0)

    def _look_after(self) -> float | None:
        """Flush the pipes, stop workers that are not wanted, kill those over their time; return how long to wait."""
        idle = self.closed and not self._busy()
        deadline = self._call_back()
        for worker in list(self.workers):
            if idle and not worker.inflight and not worker.stopping:
                worker.stop()
                worker.deadline = monotonic() + STOPPED_IN
            elif self._worn(worker) and not worker.inflight:
                worker.stop()
            if worker.copied_at is not None and worker.heard:
                worker.copied_at = None
                if worker.verdict is None and not worker.stopping:  # else that deadline is of its end
                    worker.deadline = None
            self._flush(worker)
            if worker.deadline is not None:
                if monotonic() >= worker.deadline:
                    worker.signal(signal.SIGKILL)
                    worker.deadline = None
                else:
                    deadline = min(deadline or worker.deadline, worker.deadline)
        return None if deadline is None else max(0.0, deadline - monotonic())

    def _flush(self, worker: WorkerProcess) -> None:
        """Send what there is room for; one that nothing can be sent to for good is killed, and its end tells."""
        try:
            left = not worker.end.flush()
        except OSError as error:
            worker.kill_for(error)
            left = False
        self._watch(worker, writing=left)

    def _call_back(self) -> float | None:
        """Take from slow workers what they have not begun, where others have nothing to do; return when to look again.

        A worker was given ahead what took little time so far. One item that takes long must not keep the others.
        """
        late = [one for one in self.workers if len(one.inflight) > 1 and not one.asked_back]
        if not late or self._busy():
            return None
        spare = any(one.ready and not one.inflight and not one.stopping for one in self.workers)
        if not spare and len(self.workers) >= self.max_workers:
            return None
        now, soonest = monotonic(), None
        for worker in late:
            due = worker.progress + PATIENCE
            if now >= due:
                worker.asked_back = True
                worker.say(frames.pack_frame(frames.RECALL, number=len(worker.inflight) - 1))
            else:
                soonest = min(soonest or due, due)
        return soonest

    def _worn(self, worker: WorkerProcess) -> bool:
        return self._max_tasks is not None and worker.given >= self._max_tasks

    def _watch(self, worker: WorkerProcess, *, writing: bool) -> None:
        if worker.watched_for_room != writing:
            worker.watched_for_room = writing
            retried(self._poll.register, worker.end.fd, select.POLLIN | (select.POLLOUT if writing else 0))

    def _turn(self, timeout: float | None) -> None:
        for fd, mask in retried(self._poll.poll, None if timeout is None else timeout * 1000 + 1):
            if fd == self._reading:
                self._stop_ringing()
                continue
            worker = self._by_fd.get(fd)
            if worker is None:
                continue
            if fd in worker.output_fds:
                self._listen(worker, fd, mask)
            else:
                self._hear(worker, ended=fd != worker.end.fd)
        self._reception.tell()

    def _stop_ringing(self) -> None:
        try:
            while os.read(self._reading, 512):
                pass
        except BlockingIOError:  # empty
            self._refusals.count = 0
        except OSError as refusal:  # it is found ringing again
            self._refusals.add(refusal)
        self._rung = False  # after the bell was emptied, before the next look at what was posted

    # --- handing out ---

    def _assign(self) -> None:
        if self._ending:
            self._refuse_all(PoolBroken("the pool was ended"))
            return
        if self._held:
            return
        if self.broken is not None:
            self._refuse_all(self.broken)
            self.manned.set()
            return
        waiting = self._waiting()
        if not waiting:
            return
        self._hire(waiting)
        for worker in sorted(self.workers, key=lambda worker: len(worker.inflight)):
            if not worker.stopping and worker.verdict is None:
                self._give(worker)
        self.manned.set()

    def _hire(self, waiting: int) -> None:
        free = sum([1 for worker in self.workers if not worker.inflight and not worker.stopping])
        wanted = min(self.max_workers - len(self.workers), waiting - free)
        for _ in range(wanted):
            name = f"{self._prefix}-{next(self._names)}"
            streams = self._streams()
            worker = self._start_worker(name, streams)
            if worker is None:
                return
            self.workers.append(worker)
            if self._forked:
                worker.copied_at = monotonic()
                worker.deadline = worker.copied_at + COPIED_IN
            self._by_fd[worker.end.fd] = worker
            self._by_fd[worker.process.sentinel] = worker
            retried(self._poll.register, worker.end.fd, select.POLLIN)
            retried(self._poll.register, worker.process.sentinel, select.POLLIN)
            for reader in worker.output:
                self._by_fd[reader.fd] = worker
                retried(self._poll.register, reader.fd, select.POLLIN)
            now = self._reporter.now
            offset = 0.0 if now is monotonic else now() - monotonic()
            setup = Setup(
                name,
                offset,
                next(_serials) << 32,
                streams,
                crashes=faulthandler.is_enabled(),
                interval=self._interval,
            )
            worker.say(frames.pack_frame(frames.SETUP, pickle.dumps(tuple(setup))))

    def _start_worker(self, name: str, streams: tuple[str, ...]) -> WorkerProcess | None:
        """Return a new worker process; None: it cannot be started, and those there are go on."""
        refused = 0
        while True:
            try:
                return WorkerProcess(
                    self._context,
                    name,
                    reporter=self._reporter,
                    post=self.call,
                    streams=streams,
                    initializer=self._initializer,
                )
            except Exception as error:  # noqa: BLE001  # no memory, no descriptors
                if self._replacement.may_start_server() and server_killed(error) is not None:
                    self._replacement.server_was_killed()
                    continue
                if not self.workers and isinstance(error, OSError) and refused < len(PAUSES):
                    sleep_before_retry(PAUSES[refused])
                    refused += 1
                    continue
                if not self.workers:
                    self._break(why_none(error))
                return None

    def _give(self, worker: WorkerProcess) -> None:
        """Hand to `worker` what it may have."""
        ready = len(self.workers)
        calls = self._calls
        while calls is not None and calls.waits() and self._fits(worker, self._room(worker), exclusive=calls.exclusive):
            calls.hand(worker)
        for one in self._maps:
            waits = one.waits()
            if waits and self._fits(worker, room := one.room(worker), exclusive=one.exclusive):
                share = -(-waits // max(ready, 1))
                count = min(room - len(worker.inflight), share)
                if self._max_tasks is not None:
                    count = min(count, self._max_tasks - worker.given)
                one.hand(worker, count)
        if len(self._maps) > 1:
            self._maps.append(self._maps.pop(0))

    def _room(self, worker: WorkerProcess) -> int:
        """Return how many calls a worker may have in hand, by what is known of their speed."""
        mean = self._reception.mean
        return max(1, min(MOST_CALLS, 2 * worker.done, int(AHEAD_S / mean))) if mean else 1

    def _fits(self, worker: WorkerProcess, room: int, *, exclusive: bool) -> bool:
        if self._worn(worker):
            return False
        now = monotonic()
        if not worker.inflight:
            if exclusive and not worker.ready:  # its time counts from when it is handed over
                return False
            worker.exclusive = exclusive
            worker.progress = now
            return True
        if exclusive or worker.exclusive or now - worker.progress > PATIENCE:
            return False
        return len(worker.inflight) < room

    # --- hearing ---

    def _listen(self, worker: WorkerProcess, fd: int, mask: int) -> None:
        """Take what a worker writes past every stream."""
        try:
            worker.listen()
        except OSError as error:
            worker.kill_for(error)
            mask = 0
        if not mask & select.POLLIN:  # it has closed that
            self._poll.unregister(fd)

    def _hear(self, worker: WorkerProcess, *, ended: bool) -> None:
        """Take what a worker has said, all of it once it is dead."""
        if worker not in self.workers:
            return
        try:
            if not self._heard_out(worker, ended=ended):
                return
        except Exception as error:  # noqa: BLE001  # bytes that are no message of ours may be anything
            worker.kill_for(error)
        self._bury(worker)

    def _heard_out(self, worker: WorkerProcess, *, ended: bool) -> bool:
        """Take what there is; return whether nothing more can come."""
        while True:
            came = worker.end.read()
            if came is None:
                break
            self._reception.take(worker, came)
            if worker.end.dry and ended:
                if worker.outlives_server():
                    self._poll.unregister(worker.process.sentinel)
                    return False
                break
            if not ended:
                return False
        self._reception.take(worker, worker.end.rest())
        return True

    # --- the dead ---

    def _bury(self, worker: WorkerProcess) -> None:
        """Take leave of a dead worker: what it had begun is lost, what it had not waits again."""
        self.workers.remove(worker)
        worker.listen_last()
        for fd in (worker.end.fd, worker.process.sentinel, *worker.output_fds):
            self._by_fd.pop(fd, None)
            with contextlib.suppress(KeyError, ValueError):
                self._poll.unregister(fd)
        begun = worker.end.journal.begun()
        exitcode = worker.reap()
        jobs = sorted(worker.inflight.values(), key=lambda job: job.number)
        worker.inflight = {}
        for task, cell in list(worker.cells.items()):
            if isinstance(cell, RemotePosition):
                cell.closed = True
                told = TaskCancelled(
                    self._reporter.now(), task, cell.attempt, as_int_if_whole(cell.position()), "its worker died"
                )
                self._reporter.send(told)
        how = told_death(worker.pid, worker.name, exitcode, worker.garbled)
        for job in reversed(jobs):
            if job.number <= begun:  # earlier ones: their results were in what was garbled
                given = job.input()
                job.lost(WorkerLost(f"{how} while it worked on {given}", worker.pid, exitcode, given))
            elif self._ending:
                job.lost(Cancelled(f"{how} before it began"))
            else:
                job.returned()
        worker.close()
        if not worker.ready and not worker.stopping and worker.verdict is None:
            end = self._replacement.reason_to_give_up(how, exitcode)
            if end is not None:
                self._break(end)

    def _break(self, error: PoolBroken, cause: BaseException | None = None) -> None:
        if self.broken is None:
            error.__cause__ = cause
            self.broken = error
        for worker in self.workers:
            worker.stop()
        self._refuse_all(self.broken)

    def _refuse_all(self, error: PoolBroken) -> None:
        if self._calls is not None:
            self._calls.refuse(error)
        for one in list(self._maps):
            one.refuse(error)
