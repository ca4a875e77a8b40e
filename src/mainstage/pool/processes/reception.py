"""What worker processes say: results settle what they are of, events go on to the owner, positions are kept for it."""

from __future__ import annotations

import pickle
import sys
import threading
from typing import TYPE_CHECKING, Any

from mainstage.channels import frames
from mainstage.core import pickling
from mainstage.errors import PoolBroken, Unpicklable, explain
from mainstage.events import EVENTS, TaskCancelled, TaskEnded, TaskFailed, TaskMoved, TaskRetried, TaskStarted
from mainstage.pool.remote import NO_SENDERS, RemoteJob, RemotePosition
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.channels.frames import Frame
    from mainstage.pool.job import WorkerSlot
    from mainstage.pool.mapping import Map
    from mainstage.pool.processes.process import WorkerProcess
    from mainstage.tasks.reporter import Reporter

ENDS = (TaskEnded, TaskFailed, TaskCancelled, TaskRetried)


class Reception:
    """Takes the frames of all workers, on the dispatcher's thread."""

    def __init__(
        self,
        reporter: Reporter,
        on_broken: Callable[[PoolBroken, BaseException | None], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.mean = 0.0
        """Seconds that a call has taken, the latest ones weighing the most."""
        self._reporter = reporter
        self._on_broken = on_broken
        self._on_ready = on_ready
        self._touched: set[Map] = set()

    def tell(self) -> None:
        """Notify the consumers of maps whose items have ended."""
        touched, self._touched = self._touched, set()
        for share in touched:
            share.tell()
            share.rested()

    def take(self, worker: WorkerProcess, came: list[Frame]) -> None:
        """Take what a worker has said. The plain results of short items, which may be many, pass by here."""
        worker.heard = worker.heard or bool(came)
        inflight, loads, plain = worker.inflight, pickle.loads, frames.RESULT
        slots: dict[WorkerSlot, Map] = {}
        for frame in came:
            kind, task, _, began, ended, completed, body, buffers = frame
            job = inflight.get(task) if kind == plain and completed == frames.NO_TASK and not buffers else None
            if job is None or job.senders is not NO_SENDERS:
                self._take(worker, frame)
                continue
            try:
                value = loads(body)
            except BaseException:  # noqa: BLE001  # the slow way tells what is wrong
                self._take(worker, frame)
                continue
            del inflight[task]
            slot = job.slot
            share: Any = slot.share  # a map: a call has a task over there, and its end a position
            if share.in_hand.pop(task, None) is None:  # settled already: it was given up
                continue
            slot.ended.append((task, began, ended))
            slot.count += 1
            slot.spent += ended - began
            slots[slot] = share
            index, _, args, attempt = job.entry
            share.records.put((index, args, value, None, began, ended, attempt))
        if slots:
            worker.ended_some()
            for slot, share in slots.items():
                self._touched.add(share)
                slot.tell()

    def _take(self, worker: WorkerProcess, frame: Frame) -> None:
        kind = frame.kind
        if kind == frames.RESULT:
            self._returned(worker, frame)
        elif kind == frames.EVENTS:
            for told in pickle.loads(frame.body):  # noqa: S301  # our own worker's
                self._event(worker, EVENTS[told[0]]._make(told[1:]))
        elif kind == frames.FAILURE:
            self._raised(worker, frame)
        elif kind == frames.PUT:
            self._put(worker, frame)
        elif kind == frames.READY:
            worker.ready = True
            self._on_ready()
        elif kind == frames.RETURNED:
            self._given_back(worker, frame.task)
        elif kind != frames.HELLO:
            raise frames.garbled(kind)

    def _given_back(self, worker: WorkerProcess, task: int) -> None:
        worker.asked_back = False
        job = worker.inflight.pop(task, None)
        if job is not None:
            job.returned()

    def _put(self, worker: WorkerProcess, frame: Frame) -> None:
        queue, job = worker.queues.get(frame.task), worker.inflight.get(frame.number)
        if queue is not None:
            queue.put_packed(job.senders.of(queue) if job is not None else None, frame.body)

    def _returned(self, worker: WorkerProcess, frame: Frame) -> None:
        job = worker.inflight.pop(frame.task, None)
        if job is None:
            return
        worker.ended_some()
        try:
            value = pickling.unpack(frame.body, frame.buffers)
        except BaseException as error:  # noqa: BLE001  # a class of the user's may raise anything as it is made
            text = f"the result could not be made here: {explain(error)}"
            made = Unpicklable(text)
            made.__cause__ = error
            self._settle(worker, job, frame, Outcome(None, made))
            return
        self._settle(worker, job, frame, Outcome(value, None))

    def _raised(self, worker: WorkerProcess, frame: Frame) -> None:
        error, _ = pickling.unpack_error(frame.body)
        if not frame.task:
            self._on_broken(PoolBroken(f"the initializer of a worker process failed: {explain(error)}"), error)
            return
        job = worker.inflight.pop(frame.task, None)
        if job is not None:
            worker.ended_some()
            self._settle(worker, job, frame, Outcome(None, error))

    def _settle(self, worker: WorkerProcess, job: RemoteJob, frame: Frame, outcome: Outcome) -> None:
        worker.cells.pop(frame.task, None)
        self.mean = 0.8 * self.mean + 0.2 * max(1e-6, frame.until - frame.at) if self.mean else frame.until - frame.at
        try:
            job.came(outcome, began=frame.at, ended=frame.until, completed=frame.completed)
        except BaseException:  # noqa: BLE001  # a callback of a future that raises `SystemExit`, say: the others go on
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))

    def _event(self, worker: WorkerProcess, event: Any) -> None:
        """Hand on an event of a worker's; its positions are read by the owner, as those of threads."""
        kind = type(event)
        if kind is TaskMoved:
            cell: Any = worker.cells.get(event.task)
            job = worker.inflight.get(event.task)
            if cell is None and job is not None:
                cell = worker.cells[event.task] = job.resolve()
            if cell is not None:
                cell.set_position(event.completed)
            return
        if kind is TaskStarted:
            job = worker.inflight.get(event.task)
            if job is not None:
                job.begun_there(event)
                return
            worker.cells[event.task] = RemotePosition(self._reporter, event.task, event.attempt)
        elif kind in ENDS:
            cell = worker.cells.pop(event.task, None)
            if cell is not None:
                cell.closed = True
        self._reporter.send(event)
