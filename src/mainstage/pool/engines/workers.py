"""The workers of an engine (Dask, Ray, interpreters), as a pool uses them.

The engine says where and when; what it is given and what becomes of it is decided here, on one thread that
takes what the engine's own threads put into its queue.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import Counter, deque
from contextlib import nullcontext
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from mainstage.channels.outbox import INTERVAL
from mainstage.core import pickling
from mainstage.core.clock import SystemClock, cpu
from mainstage.errors import TaskTimeout
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskMoved, TaskRetried, TaskStarted, TextWritten
from mainstage.pool.calls import Calls
from mainstage.pool.engines.adapter import Piece
from mainstage.pool.engines.batch_runner import BatchSplit
from mainstage.pool.engines.jobs import EngineJob, ItemBatch, Place
from mainstage.pool.engines.pieces import CallPieces, ItemPieces
from mainstage.pool.engines.worker import Put, WorkHeader, unpack_news
from mainstage.pool.remote import RemotePosition, as_int_if_whole
from mainstage.pool.timer import Timer
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.queue.remote_queue import DistantQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from mainstage.core.commands import Locate
    from mainstage.events import Event
    from mainstage.pool.engines.adapter import EngineAdapter
    from mainstage.pool.engines.jobs import Sent
    from mainstage.pool.engines.worker import Result
    from mainstage.pool.job import CallReporter, Job, Share, WindowShare
    from mainstage.pool.mapping import Map
    from mainstage.tasks.queue.raw_queue import RawQueue

ENDS = (TaskEnded, TaskFailed, TaskCancelled, TaskRetried)
NEWS_S = 1.0
"""Seconds that a result waits for events that were sent before it."""
wall_clock = SystemClock().wall
"""Two machines share no other clock."""


class EngineWorkers:
    """The workers of an engine."""

    def __init__(self, reporter: CallReporter, port: EngineAdapter, *, captured: bool = True) -> None:
        """Begin at once: the engine is up."""
        self.reporter = reporter
        self.port = port
        self.max_workers = self.most = self.remote_workers = port.slots
        self.timer = Timer()
        self.held = False
        self.closed = False
        self.run = uuid.uuid4().hex
        self.queues: dict[int, RawQueue] = {}
        """The raw queues that were handed to the engine, by the number of their task."""
        self.receive_cpu_s = 0.0
        """Seconds of this process's own time that batches from workers have taken so far; this thread's to add to."""
        self._interval = INTERVAL
        self._captured = captured
        self._calls: CallPieces | None = None
        self._maps: dict[int, ItemPieces] = {}
        self._cancelled: deque[int] = deque()
        """The tasks of calls whose futures were cancelled, and which are to be taken back."""
        self._offered = False
        """Whether this thread is to look what there is to hand out, and has not begun to."""
        self._sent: dict[int, Sent] = {}
        """Pieces of work in the engine's hands, by their number."""
        self._inhand: dict[int, EngineJob] = {}
        """The tasks in them."""
        self._cells: dict[int, RemotePosition] = {}
        self._roots: dict[int, int] = {}
        self._nested: dict[int, list[int]] = {}
        self._arrivals: Counter[str] = Counter()
        """Batches that came from each worker."""
        self._ahead: dict[str, dict[int, Result]] = {}
        """Results that have overtaken events, by worker and task: they wait for these, but not for long."""
        self._deaf = False
        self._posted: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=f"mainstage-{port.name}", daemon=True)
        self._on_done = self._came
        self._places: dict[str, Place] = {}
        """Workers that have been heard, by name."""
        self._batches: deque[bytes] = deque()
        self._summoned = False
        """Whether this thread is to look at `_batches`, and has not begun to."""
        port.open(
            self.run,
            self._hear,
            lambda error: self.post(lambda: self._fail_all(error)),
        )
        self._thread.start()
        if port.link:
            told = f"{port.name}: {port.slots} slots, dashboard at {port.link}"
            reporter.send(TextWritten(reporter.now(), None, 0, "", "mainstage", told))

    # --- what a pool asks of its workers: any thread ---

    def open(self, share: Calls | Map) -> None:
        """Register `share`, until `forget`."""
        if isinstance(share, Calls):
            self._calls = CallPieces(share, self, self._on_cancelled)
        else:
            self._maps[share.id] = ItemPieces(share, self)

    def forget(self, share: Map) -> None:
        """Remove it."""
        known = self._maps.pop(share.id, None)
        if known is not None:
            known.forget()

    def offer(self, share: WindowShare) -> None:  # noqa: ARG002  # it looks at all of them
        """Look soon what there is to hand out."""
        if not self._offered:
            self._offered = True
            self.post(self._take_offers)

    def _take_offers(self) -> None:
        self._offered = False  # before the windows are looked at: what comes meanwhile offers again
        self._hand_out()

    def lookahead(self, share: Map) -> int:
        """Return how many items are to be pulled ahead of what was taken: twice what the engine may have."""
        known = self._maps.get(share.id)
        return 2 * (known.ahead() if known is not None else self.max_workers)

    def request_cancel(self, share: Share, reason: str) -> None:
        """Ask all jobs of `share` that are at hand to stop. Any thread, signal handlers too."""
        self.post(lambda: self._ask_all(share, reason))

    def _ask_all(self, share: Share, reason: str) -> None:
        jobs = [job for job in share.in_hand.values() if isinstance(job, EngineJob)]
        for job in jobs:
            job.cancel_reason = reason
        self.ask(list(share.in_hand), reason)
        for batch in {job.batch for job in jobs if job.batch is not None}:
            if batch.unbegun() and batch.handle is not None:
                self.port.drop(batch.handle, "", kill=False)

    def give_up(self, job: Job, error: BaseException) -> None:
        """End `job` although its worker did not stop, and have the engine forget it."""
        assert isinstance(job, EngineJob)  # noqa: S101  # its worker is one of these
        self.post(lambda: self._give_up(job, error))

    def _give_up(self, job: EngineJob, error: BaseException) -> None:
        if not job.leave_hands():
            return
        self.drop(job.id, lost=isinstance(error, TaskTimeout))
        if job.batch is not None:
            job.batch.discard(job)
        job.senders.end(error)
        if job.runs() and job.try_settle():
            job.end(Outcome(None, error))
        self._hand_out()
        job.left()

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports: positions are sent at most once in `seconds`."""
        self._interval = seconds
        self.post(lambda: self.port.set_interval(seconds))

    def locate(self, asked: Locate) -> None:
        """Ask a worker where it stands."""
        self.post(lambda: self._locate(asked))

    def _locate(self, asked: Locate) -> None:
        root = self._roots.get(asked.task, asked.task)
        work = self._inhand.get(root)
        if work is not None and work.place.name == asked.worker:
            self.port.locate(root, asked.task, asked.attempt, asked.since)

    def here(self) -> bool:
        """Return False: the workers are elsewhere."""
        return False

    def blocked(self) -> AbstractContextManager[None]:
        """Return a block in which nothing is different; no worker waits here."""
        return nullcontext()

    def hold(self, *, on: bool) -> None:
        """Hand out nothing more, or go on."""
        self.held = on
        if not on:
            self.post(self._hand_out)

    def is_idle(self) -> bool:
        """Return whether the engine has been left."""
        return not self._thread.is_alive()

    def close(self, *, pending: bool) -> None:  # noqa: ARG002  # what there is has been given up by then
        """Take no more work, and leave the engine."""
        self.closed = True
        self._posted.put(None)
        self._thread.join()
        self.timer.close()
        self.port.close()

    # --- the work's own side ---

    def stand_in(self, thing: Any) -> tuple[Any, ...]:
        """Return what a raw queue is pickled as."""
        self.queues[thing.task] = thing
        return DistantQueue, (thing.task, thing.description)

    def pack(self, value: Any, what: str) -> pickling.Pickled:
        """Pickle what goes to the workers; `Unpicklable` names `what`, and what in it would not."""
        return pickling.pickle_by_value(value, what) if self.port.far else pickling.pack(value, what)

    def pack_function(self, fn: Any) -> pickling.Pickled:
        """Pickle a function for the workers, with nothing beside it."""
        if self.port.far:
            return pickling.pickle_by_value(fn, "the function", large=None)
        return pickling.pack_function(fn, large=None)

    def post(self, call: Callable[[], None]) -> None:
        """Call `call` on the thread of these workers, soon. Any thread."""
        self._posted.put(call)

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask tasks to stop; those that no worker has begun are not begun. Any thread."""
        self.post(lambda: self._ask(tasks, reason))

    def piece(
        self,
        task: int,
        attempt: int,
        description: str,
        function: Any,
        payload: pickling.Pickled,
        *,
        bundle: bool = False,
    ) -> Piece:
        """Return a piece of work for `send`."""
        ahead = self.reporter.now() - wall_clock()
        head = WorkHeader(self.run, task, attempt, description, ahead, self._captured, self._interval, bundle)
        large = [self.port.keep(bytes(one)) for one in payload.buffers]
        return Piece(head, function, self.port.keep(payload.data), large, partial(self._on_done, task))

    def send(self, works: Sequence[Sent], pieces: Sequence[Piece]) -> None:
        """Give pieces of work to the engine."""
        for work, piece in zip(works, pieces, strict=True):
            self._sent[piece.head.task] = work
            self._inhand.update(work.tasks())
        try:
            handles = self.port.submit(pieces)
        except Exception as error:  # noqa: BLE001  # the engine is gone: they are told so
            for piece in pieces:
                piece.done(None, error)
            return
        for work, handle in zip(works, handles, strict=True):
            work.handle = handle

    def _came(self, task: int, result: Result | None, error: BaseException | None) -> None:
        self.post(lambda: self._done(task, result, error))

    def drop(self, task: int, *, lost: bool) -> None:
        """Forget a piece of work that was given up; `lost`: it is over its time and holds its worker."""
        self._inhand.pop(task, None)
        work = self._sent.pop(task, None)
        if work is not None and work.handle is not None:
            self.port.drop(work.handle, work.place.name, kill=lost)
            work.handle = None
        self._hand_out()

    def _on_cancelled(self, future: Any) -> None:
        """Called when the future of a call is done; one that was cancelled may be in the engine's hands. Any thread."""
        if future.cancelled():
            self._cancelled.append(future.task)
            self.post(self._take_back)

    def _take_back(self) -> None:
        """Forget calls whose futures were cancelled; workers that have begun them unheard are asked to stop."""
        held: list[int] = []
        while self._cancelled:
            task = self._cancelled.popleft()
            call = self._calls.calls.pending.get(task) if self._calls is not None else None
            job = self._sent.get(task)
            if call is not None:
                call.withdrawn()
            if isinstance(job, EngineJob) and job.leave_hands():
                job.senders.end(None)
                held.append(task)
        if held:
            self.port.ask(held, "cancelled")
            for task in held:
                self.drop(task, lost=False)

    def over(self, task: int) -> None:
        """Forget a task that is in the engine's hands no more; what is nested in it is over."""
        self._inhand.pop(task, None)
        self._forget_children(task, "its task is over")

    # --- the backend's thread ---

    def _serve(self) -> None:
        while (call := self._posted.get()) is not None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001  # a mistake of ours: it is told, and all that waits fails
                self._fail_all(error)

    def _fail_all(self, error: BaseException) -> None:
        for task, work in list(self._sent.items()):
            self._sent.pop(task, None)
            for one in work.tasks():
                self._inhand.pop(one, None)
            with contextlib.suppress(BaseException):  # the others are to be settled all the same
                work.arrived(None, error)
        self.post(self._hand_out)

    def _hand_out(self) -> None:
        if self._calls is not None:
            self._calls.hand()
        for items in list(self._maps.values()):
            items.hand()

    def _done(self, task: int, result: Result | None, error: BaseException | None) -> None:
        work = self._sent.get(task)
        if work is None:
            return
        if result is not None:
            if result.told > self._arrivals[result.worker] and not self._deaf:
                self._ahead.setdefault(result.worker, {})[task] = result
                self.timer.after(NEWS_S, lambda: self.post(lambda: self._missed(task, result.worker)))
                return
            if result.news:
                self._heard(result.news)
        self._sent.pop(task, None)
        work.handle = None  # the engine keeps what a handle stands for
        for one in work.tasks():
            self.over(one)
        work.arrived(result, error)
        self._hand_out()

    def _ask(self, tasks: Sequence[int], reason: str) -> None:
        running: list[int] = []
        for task in tasks:
            work = self._inhand.get(task)
            if work is None:
                continue
            running.append(task)
            if work.begun_at is None and work.handle is not None:
                self.port.drop(work.handle, "", kill=False)
        if running:
            self.port.ask(running, reason)

    # --- events ---

    def _hear(self, batch: bytes) -> None:
        """Take a batch of events. Any thread."""
        self._batches.append(batch)
        if not self._summoned:
            self._summoned = True
            self.post(self._take_batches)

    def _take_batches(self) -> None:
        """Take those that are there: to look at the clock costs as much as to read one."""
        self._summoned = False  # before they are counted: one that comes meanwhile summons again
        began = cpu()
        workers = [self._heard(self._batches.popleft()) for _ in range(len(self._batches))]
        self.receive_cpu_s += cpu() - began
        for worker in workers:
            if worker is not None:
                self._arrived(worker)

    def _arrived(self, worker: str) -> None:
        self._deaf = False
        self._arrivals[worker] += 1
        for task, result in list(self._ahead.get(worker, {}).items()):
            if result.told <= self._arrivals[worker]:
                del self._ahead[worker][task]
                self._done(task, result, None)

    def _missed(self, task: int, worker: str) -> None:
        """Take a result although events before it are lost; as long as none comes, no other waits."""
        result = self._ahead[worker].pop(task, None)
        if result is not None:
            self._deaf = True
            self._arrivals[worker] = max(self._arrivals[worker], result.told)
            self._done(task, result, None)

    def _heard(self, batch: bytes) -> str | None:
        try:
            worker, news = unpack_news(batch)
        except Exception:  # noqa: BLE001  # bytes that are no pickle raise nearly anything
            return None  # damaged on the way: the show is not the work
        place = self._places.get(worker)
        if place is None:
            place = self._places[worker] = Place(self, worker)
        for one in news:
            if isinstance(one, TaskMoved):
                self._moved(worker, one)
            elif isinstance(one, Put):
                self._put_home(one)
            elif isinstance(one, BatchSplit):
                self._parted(worker, one)
            else:
                self._event(place, one)
        return worker

    def _moved(self, worker: str, event: TaskMoved) -> None:
        """Take a position: the most frequent of all reports."""
        work = self._inhand.get(event.task)
        if work is None:
            if event.task in self._cells:
                self._cells[event.task].set_position(event.completed)
        elif work.place.name == worker:
            work.resolve().set_position(event.completed)

    def _put_home(self, put: Put) -> None:
        queue, work = self.queues.get(put.queue), self._inhand.get(put.root)
        if queue is not None:
            queue.put_packed(work.senders.of(queue) if work is not None else None, put.item)

    def _parted(self, worker: str, part: BatchSplit) -> None:
        batch = self._sent.get(part.bundle)
        if isinstance(batch, ItemBatch):
            batch.split(worker, part)
            self._hand_out()

    def _event(self, place: Place, event: Event) -> None:
        task: int | None = getattr(event, "task", None)
        work = self._inhand.get(task) if task is not None else None
        if work is not None:
            self._of_root(place, work, event)
            return
        if isinstance(event, TaskStarted):
            root = self._roots.get(event.parent or 0, event.parent)
            if root not in self._inhand or self._inhand[root].place.name != place.name:
                return  # of a piece that was given up, or that another worker has by now
            self._roots[event.task] = root
            self._nested.setdefault(root, []).append(event.task)
            self._cells[event.task] = RemotePosition(self.reporter, event.task, event.attempt)
        elif isinstance(event, ENDS):
            cell = self._cells.pop(event.task, None)
            if cell is None:
                return
            cell.closed = True
        self.reporter.send(event)

    def _of_root(self, place: Place, work: EngineJob, event: Event) -> None:
        """Take an event of a piece of work itself: of the worker that has it now, under the attempt that it is."""
        if isinstance(event, TaskStarted):
            if work.begun(place, event):
                self._forget_children(event.task, "its worker is gone")
                work.rerun(f"worker {work.place.name} is gone")
                work.begun(place, event)
            return
        if work.place.name != place.name:
            return
        attempt = work.resolve().attempt
        self.reporter.send(event._replace(attempt=attempt))  # type: ignore[call-arg]  # all of a task have it

    def _forget_children(self, root: int, reason: str) -> None:
        for task in self._nested.pop(root, ()):
            del self._roots[task]
            cell = self._cells.pop(task, None)
            if cell is not None:
                cell.closed = True
                now = self.reporter.now()
                self.reporter.send(TaskCancelled(now, task, cell.attempt, as_int_if_whole(cell.position()), reason))
