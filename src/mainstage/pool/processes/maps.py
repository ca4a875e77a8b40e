"""`map` on worker processes: the window that the caller fills is handed out, as many items ahead as they warrant.

Claims, attempts, order and settling are the same code as of threads. All but what says otherwise happens on the
dispatcher's thread.
"""

from __future__ import annotations

import contextlib
from array import array
from typing import TYPE_CHECKING, Any

from mainstage.channels import frames
from mainstage.core import pickling
from mainstage.errors import Cancelled, TaskTimeout, Unpicklable, is_instance
from mainstage.pool.items import Item, Lane
from mainstage.pool.mapping import Claims
from mainstage.pool.remote import NOBODY, RemoteSenders, RemoteTask, copy_of, whole
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.queue.thread_patches import any_open

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.channels.frames import Frame
    from mainstage.pool.items import Entry
    from mainstage.pool.processes.process import WorkerProcess
    from mainstage.pool.processes.workers import ProcessBackend
    from mainstage.pool.remote import WorkerRef
    from mainstage.pool.timer import Alarm
    from mainstage.tasks.queue.producers import Producer
    from mainstage.tasks.queue.raw_queue import RawQueue

AHEAD_S = 0.01
"""Seconds of work that a worker is given ahead."""
MOST_AHEAD = 2048


class RemoteLane(Lane):
    """A worker process's place in a map, as its parent sees it."""

    def __init__(self, owner: ProcessMap, worker: str) -> None:
        super().__init__(owner.backend.reporter, owner.id, worker, name_of=owner.name_of)
        self.owner = owner
        self.spent = 0.0

    def seconds(self, now: float) -> float:  # noqa: ARG002  # a lane's
        """Return the time it has spent on items."""
        return self.spent

    def announced(self, task: int) -> None:
        """Learn that an item was announced from there: its end must be told by name."""
        self._shown = task


class ProcessItem(Item):
    """An item of a map in the hands of a worker process."""

    number = 0
    alarm: Alarm | None = None
    senders: RemoteSenders | None = None
    verdict: BaseException | None = None

    def __init__(  # not Lane's: an item that was handed over a moment ago is as good as begun
        self, owner: ProcessMap, lane: RemoteLane, entry: Entry, process: WorkerProcess, now: float
    ) -> None:
        self.lane = self.place = lane
        self.entry = entry
        self.started = now
        self.owner = owner
        self.process = process

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
        task = self.task
        if task is None:
            for event in self.announce(self.started):
                self.reporter.send(event)
                self.place.announced(self.id)
            task = self.task = RemoteTask(self.process, self.id, self.attempt, self.name())
            self.process.cells.setdefault(self.id, task)
        assert isinstance(task, RemoteTask)  # noqa: S101  # made here and nowhere else
        return task

    resolve = remote_task

    def request_cancel(self, reason: str) -> None:
        """Ask its worker to stop."""
        self.asked = reason
        self.process.request(self.id, reason)

    def task_and_attempt(self) -> tuple[int, int]:
        """Return the number of its task, and which attempt this is."""
        return self.id, self.attempt

    def announce_now(self) -> None:
        """Send its `TaskStarted` if that has not been sent."""
        self.remote_task()

    def settled_by(self, worker: WorkerRef, frame: Frame, outcome: Outcome) -> None:  # noqa: ARG002  # the protocol's
        """Take its outcome."""
        self.owner.ended(self, frame, outcome)

    def lost(self, worker: WorkerRef, error: BaseException) -> None:  # noqa: ARG002  # the protocol's
        """Learn that its worker died while it worked on this."""
        self.owner.failed(self, error if self.verdict is None else self.verdict)

    def returned(self) -> None:
        """Learn that its worker did not begin it."""
        self.owner.take_back(self)

    def told_input(self) -> str:
        """Describe what it works on."""
        return self.input()

    def sender(self, queue: RawQueue) -> Producer | None:
        """Return what it is to a raw queue that it was given."""
        return self.senders.of(queue) if self.senders is not None else None


class ProcessMap(Claims):
    """A map whose items are handed to worker processes, as many ahead as their measured time warrants."""

    def __init__(self, backend: ProcessBackend, fn: Callable[..., Any], source: Any, policy: Any) -> None:
        super().__init__(
            fn,
            source,
            pool=backend.pool,  # type: ignore[arg-type]  # its `max_workers` is all that is asked
            timer=backend.timer,
            reporter=backend.reporter,
            policy=policy,
        )
        self.backend = backend
        self.now = backend.reporter.now
        self._places: dict[WorkerProcess, RemoteLane] = self._lanes  # type: ignore[assignment]  # keyed by what works there
        self.inhand: dict[int, ProcessItem] = {}
        """Items that workers have, by the number of the task."""
        self.done = self._done.put
        self._function: list[pickling.Pickled] = []

    @property
    def exclusive(self) -> bool:
        """Whether a worker is given one item at a time."""
        return self._policy.timeout is not None

    def waits(self) -> int:
        """Return how many items wait for a worker."""
        return len(self._window)

    def room(self, worker: WorkerProcess) -> int:
        """Return how many items a worker may have in hand, by what is known of their speed."""
        if self.exclusive:
            return 1
        count = sum([lane.count for lane in self._places.values()])
        if not count:
            return 1
        mean = sum([lane.spent for lane in self._places.values()]) / count
        lane = self._places.get(worker)
        tried = 2 * lane.count + 1 if lane is not None else 1
        return max(1, min(MOST_AHEAD, tried, int(AHEAD_S / max(mean, 1e-6))))

    def hand(self, worker: WorkerProcess, count: int) -> None:
        """Send up to `count` items to `worker`."""
        batch: list[Entry] = []
        with contextlib.suppress(IndexError):
            for _ in range(count):
                batch.append(self._window.popleft())  # noqa: PERF401  # keeps what came before the end
        lane = self._places.get(worker)
        if lane is None:
            lane = self._places[worker] = RemoteLane(self, worker.name)
        now = self.now()
        items = [ProcessItem(self, lane, entry, worker, now) for entry in batch]
        with pickling.substituting(worker.stand_in, forked=self.backend.forked):
            try:
                self._introduce(worker)
            except Unpicklable as error:
                for item in items:
                    self._refuse(item, error)
                return
            if len(items) == 1 or any_open() or not self._hand_together(worker, items):
                for item in items:
                    self._hand_alone(worker, item)
        if self.halted is not None:  # meanwhile
            self._ask_all(self.halted)

    def _hand_together(self, worker: WorkerProcess, items: list[ProcessItem]) -> bool:
        """Send many items in one frame; False: some are not simple enough for that, and nothing was sent."""
        parts = pickling.pack_many([item.entry[2] for item in items])
        if parts is None or any(item.entry[3] != 1 for item in items):
            return False
        number, inflight, inhand = worker.given, worker.inflight, self.inhand
        table = array("q")
        for item, part in zip(items, parts, strict=True):
            number += 1
            item.number = number
            ident = item.entry[1]
            inflight[ident] = inhand[ident] = item
            table.append(ident)
            table.append(len(part))
        heads = memoryview(table.tobytes())
        head = frames.pack(frames.ITEMS, b"".join(parts), [heads], number=worker.given, until=float(self.id))
        worker.given = number
        worker.end.write(head, [heads])
        return True

    def _hand_alone(self, worker: WorkerProcess, item: ProcessItem) -> None:
        try:
            data, buffers = pickling.pack(item.args, "an argument of the map, ")
        except Unpicklable as error:
            self._refuse(item, error)
            return
        item.number = worker.given = worker.given + 1
        self.inhand[item.id] = worker.inflight[item.id] = item
        if any_open():
            item.senders = RemoteSenders()
            item.senders.expect(worker, (self._fn, *item.args), {})
        at, until = float(item.attempt), float(self.id)
        head = frames.pack(frames.ITEM, data, buffers, task=item.id, number=item.number, at=at, until=until)
        worker.end.write(head, buffers)
        if self._policy.timeout is not None:
            self._set_alarm(worker, item)

    def _refuse(self, item: ProcessItem, error: Exception) -> None:
        """Fail an item that cannot be sent."""
        item.claim()
        self._settle(item, Outcome(None, copy_of(error)))

    def _introduce(self, worker: WorkerProcess) -> None:
        """Send the function, the first time."""
        if self.id in worker.knows:
            return
        if not self._function:
            self._function.append(pickling.pack_function(self._fn, forked=self.backend.forked))
        data, buffers = self._function[0]
        worker.knows.add(self.id)
        worker.end.write(frames.pack(frames.FUNCTION, data, buffers, task=self.id), buffers)

    def _set_alarm(self, worker: WorkerProcess, item: ProcessItem) -> None:
        timeout = self._policy.timeout or 0.0
        item.alarm = self._timer.after(timeout, lambda: self._overdue(worker, item))  # type: ignore[arg-type]

    # --- the ends of items ---

    def ended(self, item: ProcessItem, frame: Frame, outcome: Outcome) -> None:
        """Take any other end."""
        if not self._let_go(item, outcome.error):
            return
        lane = item.place
        lane.count += 1
        lane.spent += frame.until - frame.at if frame.at else 0.0
        item.started = frame.at or item.started
        if frame.completed < 0 and is_instance(outcome.error, Cancelled) and not item.announced:
            if item.claim():
                self._drop(item.entry)
        else:
            item.remote_task().set_position(whole(max(frame.completed, 0.0)))
            self._conclude(item, outcome)
        self.look()

    def failed(self, item: ProcessItem, error: BaseException) -> None:
        """Learn that the worker died."""
        if self._let_go(item, error):
            item.overdue = False
            item.remote_task()
            self._conclude(item, Outcome(None, error))
            self.look()

    def take_back(self, item: ProcessItem) -> None:
        """Have an item wait again that its worker did not begin."""
        if not self._let_go(item):
            return
        if self.halted is not None or item.id in self._unwanted:
            self._drop(item.entry)
        else:
            self._window.appendleft(item.entry)
        self.look()

    def _let_go(self, item: ProcessItem, error: BaseException | None = None) -> bool:
        if item.alarm is not None:
            item.alarm.cancel()
        if item.senders is not None:
            item.senders.end(error)
        return self.inhand.pop(item.id, None) is not None

    def refuse(self, error: Exception) -> None:
        """Fail what waits, since there is no worker for it."""
        while True:
            try:
                entry = self._window.popleft()
            except IndexError:
                break
            item = Item(Lane(self._reporter, self.id, NOBODY.name, name_of=self.name_of), entry, self.now())
            item.claim()
            self._settle(item, Outcome(None, copy_of(error)))
        self.look()

    def look(self) -> None:
        """Tell whoever waits."""
        self._tell()
        if (self.left or self.halted is not None) and not self.inhand and self.on_done is not None:
            self.on_done()

    # --- what threads do otherwise ---

    def _launch(self) -> None:
        self.backend.dispatcher.wake()

    def active(self) -> bool:
        """Return whether workers have items in hand."""
        return bool(self.inhand)

    def halt(self, reason: str) -> None:
        """Hand out nothing more and ask the items at hand to stop. Any thread; a second call asks again."""
        self.drain(reason)
        self.backend.dispatcher.call(lambda: self._ask_all(reason))

    def cancel(self, task: int, reason: str) -> None:
        """Ask the item of the number `task` to stop; its worker is killed after the grace time. Any thread."""
        self._unwanted[task] = reason
        self.backend.dispatcher.call(lambda: self._ask_one(task, reason))

    def _ask_one(self, task: int, reason: str) -> None:
        item = self.inhand.get(task)
        if item is None:
            return
        item.asked = reason
        item.process.ask(item.id, reason)
        error = Cancelled("did not stop in time")
        self._timer.after(
            self._policy.grace, lambda: self._give_up(item.process, item, error) if task in self.inhand else None
        )

    def _ask_all(self, reason: str) -> None:
        for item in list(self.inhand.values()):
            item.asked = reason
            item.process.ask(item.id, reason)

    def abandon_in_time(self) -> None:
        """Kill, after the grace time, the workers that have not stopped by then."""
        if self.inhand:
            self._timer.after(self._policy.grace, lambda: self.abandon("did not stop in time"))

    def abandon(self, reason: str) -> None:
        """Settle the items at hand and kill their workers."""
        for item in list(self.inhand.values()):
            self._give_up(item.process, item, Cancelled(reason))

    def _give_up(self, worker: Any, item: Any, error: BaseException) -> None:
        item.verdict = error
        dispatcher = self.backend.dispatcher
        if not isinstance(error, TaskTimeout) and self.inhand.pop(item.id, None) is not None and item.claim():
            self._settle(item, Outcome(None, error))
        dispatcher.call(lambda: dispatcher.kill(worker, holding=item))
        self.look()
