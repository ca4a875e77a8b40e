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
from mainstage.pool.processes.maps import ProcessItem, RemoteLane
from mainstage.pool.remote import Mirror
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.channels.frames import Frame
    from mainstage.pool.processes.maps import ProcessMap
    from mainstage.pool.processes.process import WorkerProcess
    from mainstage.pool.remote import Assignment
    from mainstage.tasks.reporter import Reporter

ENDS = (TaskEnded, TaskFailed, TaskCancelled, TaskRetried)


class Reception:
    """Takes the frames of all workers, on the dispatcher's thread."""

    def __init__(self, reporter: Reporter, on_broken: Callable[[PoolBroken, BaseException | None], None]) -> None:
        self.mean = 0.0
        """Seconds that a call has taken, the latest ones weighing the most."""
        self.unborn = 0
        """Workers in a row that died before they were ready."""
        self.servers_lost = 0
        """Fork servers that were killed since a worker was ready."""
        self._reporter = reporter
        self._on_broken = on_broken
        self._touched: set[ProcessMap] = set()

    def tell(self) -> None:
        """Tell whoever waits for items that have ended."""
        touched, self._touched = self._touched, set()
        for one in touched:
            one.look()

    def take(self, worker: WorkerProcess, came: list[Frame]) -> None:
        """Take what a worker has said. The plain results of short items, which may be many, pass by here."""
        worker.heard = worker.heard or bool(came)
        inflight, loads, plain = worker.inflight, pickle.loads, frames.RESULT
        lanes: set[RemoteLane] = set()
        for frame in came:
            kind, task, _, started, ended, completed, body, buffers = frame
            item: Any = inflight.get(task) if kind == plain and completed == frames.NO_TASK and not buffers else None
            if item.__class__ is not ProcessItem or item.senders is not None:
                self._take(worker, frame)
                continue
            try:
                value = loads(body)
            except BaseException:  # noqa: BLE001  # the slow way tells what is wrong
                self._take(worker, frame)
                continue
            del inflight[task]
            owner = item.owner
            if owner.inhand.pop(task, None) is None:  # settled already: it was given up
                continue
            lane = item.place
            lane.ended.append((task, started, ended))
            lane.count += 1
            lane.spent += ended - started
            lanes.add(lane)
            index, _, args, attempt = item.entry
            owner.done((index, args, value, None, started, ended, attempt))
        if lanes:
            worker.ended_some()
            for lane in lanes:
                self._touched.add(lane.owner)
                lane.tell()

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
            self.unborn = self.servers_lost = 0
        elif kind == frames.RETURNED:
            self._given_back(worker, frame.task)
        elif kind != frames.HELLO:
            raise frames.garbled(kind)

    def _given_back(self, worker: WorkerProcess, task: int) -> None:
        worker.asked_back = False
        unit = worker.inflight.pop(task, None)
        if unit is not None:
            unit.returned()

    def _put(self, worker: WorkerProcess, frame: Frame) -> None:
        queue, unit = worker.queues.get(frame.task), worker.inflight.get(frame.number)
        if queue is not None:
            queue.put_packed(unit.sender(queue) if unit is not None else None, frame.body)

    def _returned(self, worker: WorkerProcess, frame: Frame) -> None:
        unit = worker.inflight.pop(frame.task, None)
        if unit is None:
            return
        worker.ended_some()
        try:
            value = pickling.unpack(frame.body, frame.buffers)
        except BaseException as error:  # noqa: BLE001  # a class of the user's may raise anything as it is made
            text = f"the result could not be made here: {explain(error)}"
            made = Unpicklable(text)
            made.__cause__ = error
            self._settle(worker, unit, frame, Outcome(None, made))
            return
        self._settle(worker, unit, frame, Outcome(value, None))

    def _raised(self, worker: WorkerProcess, frame: Frame) -> None:
        error, _ = pickling.unpack_error(frame.body)
        if not frame.task:
            self._on_broken(PoolBroken(f"the initializer of a worker process failed: {explain(error)}"), error)
            return
        unit = worker.inflight.pop(frame.task, None)
        if unit is not None:
            worker.ended_some()
            self._settle(worker, unit, frame, Outcome(None, error))

    def _settle(self, worker: WorkerProcess, unit: Assignment, frame: Frame, outcome: Outcome) -> None:
        worker.cells.pop(frame.task, None)
        self.mean = 0.8 * self.mean + 0.2 * max(1e-6, frame.until - frame.at) if self.mean else frame.until - frame.at
        try:
            unit.settled_by(worker, frame, outcome)
        except BaseException:  # noqa: BLE001  # a callback of a future that raises `SystemExit`, say: the others go on
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))

    def _event(self, worker: WorkerProcess, event: Any) -> None:
        """Hand on an event of a worker's; its positions are read by the owner, as those of threads."""
        kind = type(event)
        if kind is TaskMoved:
            cell: Any = worker.cells.get(event.task)
            unit = worker.inflight.get(event.task)
            if cell is None and unit is not None:
                cell = worker.cells[event.task] = unit.remote_task()
            if cell is not None:
                cell.set_position(event.completed)
            return
        if kind is TaskStarted:
            unit = worker.inflight.get(event.task)
            if unit is not None:
                if unit.announced:
                    return
                unit.announced = True
                if isinstance(unit, ProcessItem):
                    unit.place.announced(event.task)
                    event = event._replace(description=unit.name())
            else:
                worker.cells[event.task] = Mirror(self._reporter, event.task, event.attempt)
        elif kind in ENDS:
            cell = worker.cells.pop(event.task, None)
            if cell is not None:
                cell.closed = True
        self._reporter.send(event)
