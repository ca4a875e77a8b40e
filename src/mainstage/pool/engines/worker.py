"""What runs on a worker of an engine (Dask, Ray, interpreters): one piece of work, under a task that reports.

Each worker process has one station a run: a reporter thread that sends what happens in batches, by whatever the engine
carries messages with, and the tasks that run here, to be asked to stop. What is left to report when a piece ends goes
with its result, so that a result overtakes no event of its own.
"""

from __future__ import annotations

import pickle
import random
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mainstage.channels.outbox import RemoteChannel, ShiftedClock
from mainstage.core import pickling
from mainstage.core.clock import SystemClock, monotonic
from mainstage.errors import Cancelled, MainstageError
from mainstage.events import EVENTS
from mainstage.pool.engines.batch_runner import NOT_BEGUN, BatchRunner, BatchSplit, Packed, pack_outcome, refuse
from mainstage.tasks import outcome as runner
from mainstage.tasks.capture.streams import STREAMS, Capture
from mainstage.tasks.integrations.registry import bridges_for
from mainstage.tasks.queue.remote_queue import parent_link, stall_report
from mainstage.tasks.reporter import live
from mainstage.tasks.task import ambient, open_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstage.core.clock import Clock
    from mainstage.events import Event
    from mainstage.pool.lazy_item import LazyItem
    from mainstage.tasks.task import Task

    Carry: TypeAlias = "Callable[[bytes], None]"
    News: TypeAlias = "Event | Put | BatchSplit"

LARGE = 1 << 20
"""Bytes from which on something goes to the engine's own store instead of along with each task."""
KEPT_ASKED = 1000
"""Requests for tasks that have not come here, at most; most never will."""

KEPT_LEFT = 100
"""Runs that have left this process and are remembered, at most: a piece of theirs may still come."""


class WorkHeader(NamedTuple):
    """What a worker needs of a piece of work, beside its function and arguments."""

    run: str
    """The run that it belongs to, by a name that no other has."""
    task: int
    attempt: int
    description: str
    ahead: float
    """Seconds that the run's clock is ahead of the time of day, where the run is."""
    captured: bool
    """Whether what is printed is the display's."""
    interval: float
    """Seconds between two batches of reports, as the run wants it now."""
    bundle: bool = False
    """Whether it is several items of a map, `task` but its own number: see `batch_runner`."""


class Result(NamedTuple):
    """What comes back: `value` pickled, with its buffers, or `error` packed; of a bundle, an `Ended` for each item."""

    worker: str
    value: bytes
    buffers: list[bytes]
    error: bytes
    started: float
    ended: float
    completed: float
    news: bytes
    """What had not been told."""
    told: int
    """How many batches the worker had sent before."""


class Put(NamedTuple):
    """A message for a raw queue of the run, from the piece of work `root` (0: from none)."""

    queue: int
    root: int
    item: bytes


def pack_news(worker: str, news: Sequence[News]) -> bytes:
    """Return what a worker has to tell as bytes."""
    return pickle.dumps((worker, [(_TAGS[type(one)], *one) for one in news]), pickling.PROTOCOL)


def unpack_news(data: bytes) -> tuple[str, list[News]]:
    """Return the worker, and what it told."""
    worker, told = pickle.loads(data)  # noqa: S301  # from our own code on an engine that runs what we send
    return worker, [_KINDS[one[0]]._make(one[1:]) for one in told]


_KINDS = {**dict(enumerate(EVENTS)), -1: Put, -2: BatchSplit}
_TAGS = {kind: tag for tag, kind in _KINDS.items()}


class EventBuffer:
    """Holds events until it is flushed."""

    def __init__(self, station: WorkerAgent, carry: Carry) -> None:
        self._station = station
        self._carry = carry
        self._held: list[News] = []
        self.sent = 0
        """Batches so far."""
        self._lock = threading.Lock()

    def send_batch(self, batch: Sequence[News]) -> None:
        """Take news; they go with the next flush."""
        with self._lock:
            self._held += batch

    def take(self) -> list[News]:
        """Return what has not been sent, to go another way."""
        with self._lock:
            held, self._held = self._held, []
        return held

    def flush(self) -> None:
        """Send what is held; what cannot be sent, since the engine is gone, is lost with it."""
        with self._lock:
            held, self._held = self._held, []
            self.sent += bool(held)
        if held:
            try:
                self._carry(pack_news(self._station.name, held))
            except Exception:  # noqa: BLE001  # results do not depend on the show
                self._station.deaf = True


class WorkerAgent:
    """A run's place in a worker process."""

    def __init__(self, name: str, carry: Carry, clock: Clock) -> None:
        self.name = name
        self.deaf = False
        self.closed = False
        self._basket = EventBuffer(self, carry)
        serial = (1 << 20) + random.SystemRandom().getrandbits(20)
        self.channel = RemoteChannel(self._basket, clock, first_id=(serial << 32) + 1)
        self._tasks: dict[int, tuple[Task | LazyItem, int]] = {}
        """Each with the thread that works on it."""
        self._asked: dict[int, str] = {}
        self._lock = threading.Lock()
        self._capture: Capture | None = None

    def open(self, *, captured: bool) -> None:
        """Begin to report; `captured`: what is printed too."""
        self.channel.start()
        parent_link.post = post
        if live.reporter is None:
            live.reporter = self.channel
            if captured:
                self._capture = Capture(self.channel, owned=STREAMS, bars=STREAMS, bridges=bridges_for)
                self._capture.tasks_only = True
                self._capture.start()

    def put(self, queue: int, root: int, item: Any) -> None:
        """Send a message to a raw queue of the run's."""
        self._basket.send_batch([Put(queue, root, pickling.pickle_inline(item, "a message for a queue"))])
        self.channel.flush_soon()

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask tasks to stop: those that run here now, and those that may come."""
        with self._lock:
            here = [self._tasks[task][0] for task in tasks if task in self._tasks]
            self._expect({task: reason for task in tasks if task not in self._tasks})
        for task in here:
            task.request_cancel(reason)

    def expect(self, asked: dict[int, str]) -> None:
        """Ask tasks to stop when they come; `asked` says why, for each."""
        with self._lock:
            self._expect(asked)

    def _expect(self, asked: dict[int, str]) -> None:
        self._asked.update(asked)
        while len(self._asked) > KEPT_ASKED:
            del self._asked[next(iter(self._asked))]

    def locate(self, root: int, task: int, attempt: int, since: float) -> None:
        """Tell where the thread stands that works on `task`, which is `root` or nested in it, if it is here."""
        found = self._tasks.get(root)
        if found is not None:
            self.channel.send(stall_report(self.channel.now(), task, attempt, since, found[1]))

    def set_interval(self, seconds: float) -> None:
        """Send positions at most once in `seconds`."""
        self.channel.set_interval(seconds)

    def work(self, head: WorkHeader, function: bytes, payload: bytes, buffers: Sequence[bytes]) -> Result:
        """Run one piece of work."""
        if head.bundle:
            return self._work_through(head, function, payload)
        started = self.channel.now()
        task = self.begin(head)
        try:
            if task.cancelled:  # it was asked to stop before it came
                outcome = runner.Outcome(None, Cancelled(NOT_BEGUN))
            else:
                outcome = self._run(task, function, payload, buffers)
        finally:
            self.leave(head.task)
        return self.result(task, outcome, started)

    def begin(self, head: WorkHeader) -> Task:
        """Return the task of a piece of work that begins."""
        self.channel.set_interval(head.interval)
        task = open_task(self.channel, head.task, head.attempt, head.description, worker=self.name)
        asked = self.enter(head.task, task)
        if asked is not None:
            task.request_cancel(asked)
        return task

    def enter(self, number: int, task: Task | LazyItem) -> str | None:
        """Register `task`, which may be asked to stop from now on; return why it has been, if it has."""
        with self._lock:
            self._tasks[number] = task, threading.get_ident()
            return self._asked.pop(number, None)

    def leave(self, number: int) -> None:
        """Remove a task that is over."""
        with self._lock:
            self._tasks.pop(number, None)

    def _run(self, task: Task, function: bytes, payload: bytes, buffers: Sequence[bytes]) -> runner.Outcome:
        try:
            fn = pickling.unpack(function)
            args, kwargs = pickling.unpack(payload, [bytearray(one) for one in buffers])
        except BaseException as error:  # noqa: BLE001  # a class of the user's may raise anything as it is made
            return runner.Outcome(None, pickling.not_made(error))
        return runner.run(task, fn, args, kwargs)

    def _work_through(self, head: WorkHeader, function: bytes, payload: bytes) -> Result:
        """Do the items of a bundle."""
        started = self.channel.now()
        self.channel.set_interval(head.interval)
        try:
            fn = pickling.unpack(function)
        except BaseException as error:  # noqa: BLE001  # as above
            fn = refuse(pickling.not_made(error))
        shelf = BatchRunner(self, head.task, pickling.unpack(payload))
        shelf.work_through(fn)
        over = [tuple(one) for one in shelf.over]
        return self._sent_back(Packed(pickle.dumps(over, pickling.PROTOCOL), [], b"", float(len(over))), started)

    def result(self, task: Task, outcome: runner.Outcome, started: float) -> Result:
        """Return what a piece of work that is over sends back: its outcome, and what has not been told."""
        return self._sent_back(pack_outcome(outcome.value, outcome.error, task._close_silently), started)

    def _sent_back(self, packed: Packed, started: float) -> Result:
        """Return a result with all that has not been told."""
        news = [*self._basket.take(), *self.channel.sample(self.channel.now())]
        return Result(
            self.name,
            *packed[:3],
            started,
            self.channel.now(),
            packed.completed,
            pack_news(self.name, news) if news else b"",
            self._basket.sent,
        )

    def close(self) -> None:
        """Leave the process as it was; what still runs is asked to stop, and not waited for."""
        self.closed = True
        with self._lock:
            running = list(self._tasks.values())
        for task, _ in running:
            task.request_cancel("its run is over")
        if self._capture is not None:
            self._capture.stop()
        if live.reporter is self.channel:
            live.reporter = None
        self.channel.stop()


_stations: dict[str, WorkerAgent] = {}
_early: dict[str, dict[int, str]] = {}
"""Requests to stop of runs that have no station here yet: the first piece of one may be on its way."""
_left: deque[str] = deque(maxlen=KEPT_LEFT)
_opening = threading.Lock()


def post(queue: int, item: Any) -> None:
    """Send a message home: to the run of the task that the code running now works on, else to the only one there is."""
    task = ambient.get()
    task = None if task is None else task.resolve()
    for found in list(_stations.values()):
        if task is None or task.reporter is found.channel:
            found.put(queue, 0 if task is None else task._tree.root, item)  # noqa: SLF001  # it is asked here alone
            return


def station(head: WorkHeader, carry: Carry, name: str) -> WorkerAgent:
    """Return the station of a run in this process, made at its first piece of work.

    Raises `MainstageError` for a piece that was given up and comes late, when the run has left.
    """
    with _opening:
        if head.run in _left:
            raise MainstageError("its run is over")
        found = _stations.get(head.run)
        if found is None:
            offset = head.ahead + SystemClock.wall() - monotonic()
            found = WorkerAgent(name, carry, ShiftedClock(offset))
            found.expect(_early.pop(head.run, {}))
            _stations[head.run] = found
            found.open(captured=head.captured)
        return found


def opened(run: str) -> WorkerAgent | None:
    """Return the station that a run has in this process, if any."""
    return _stations.get(run)


def ask(run: str, tasks: Sequence[int], reason: str) -> None:
    """Ask tasks of a run to stop, those that have not come here yet too."""
    with _opening:
        found = _stations.get(run)
        if found is None and run not in _left:
            _early.setdefault(run, {}).update((task, reason) for task in tasks)
            while len(_early) > KEPT_LEFT:
                del _early[next(iter(_early))]
    if found is not None:
        found.ask(tasks, reason)


def set_interval(run: str, seconds: float) -> None:
    """Set the interval at which a run's station sends positions."""
    found = _stations.get(run)
    if found is not None:
        found.set_interval(seconds)


def locate(run: str, root: int, task: int, attempt: int, since: float) -> None:
    """Report where the thread stands that works on a task of a run, if it does so here."""
    found = _stations.get(run)
    if found is not None:
        found.locate(root, task, attempt, since)


def leave(run: str) -> bool:
    """Close a run's station; return whether there was one."""
    with _opening:
        _left.append(run)
        _early.pop(run, None)
        found = _stations.pop(run, None)
    if found is not None:
        found.close()
        if not _stations:
            parent_link.post = None
    return found is not None


def told_place(worker: object) -> str:
    """Return a name for a worker: its node, then what tells it apart there."""
    return f"{socket.gethostname().partition('.')[0]}/{worker}"
