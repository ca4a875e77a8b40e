"""`map` on threads: workers claim items one by one from a window that the caller's thread keeps filled.

The caller pulls the input, at most a window ahead of what it has been given back, and of what waits behind a long item
(`core.lending`); so a generator runs on the thread that wrote it and memory stays bounded. Claims of one and not
batches: a batch puts long items behind each other, and delays cancel and order. The window grows with the speed of the
items: some 50 ms of work, at least two items a worker.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from itertools import chain, islice, repeat
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakSet

from mainstage.core.fork import end_forked_child
from mainstage.core.item_names import namer
from mainstage.core.policy import STOP_GRACE, Policy, delay_before
from mainstage.errors import Cancelled, TaskTimeout, add_note, is_instance
from mainstage.events import SourceClosed, SourceForeseen, SourceOpened, TaskCancelled
from mainstage.pool.items import FOLD, Item, Lane
from mainstage.pool.memory import LOOKED_UP, recall
from mainstage.tasks import outcome as runner
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mainstage.pool.items import Entry
    from mainstage.pool.memory import ResultMemory
    from mainstage.pool.thread_pool import ThreadPool, Worker
    from mainstage.pool.timer import Timer
    from mainstage.tasks.reporter import Reporter

AHEAD_S = 0.05
MOST_AHEAD = 4096
STRIDE_S = 0.001
"""Seconds that one pull of the input may take without results being looked for in between."""
NEVER = float("inf")


Record: TypeAlias = "tuple[int, tuple[Any, ...], Any, BaseException | None, float, float, int]"
"""What became of an item: index, arguments, value, error, start and end in seconds on the run's clock, attempt.

A plain tuple: a named one costs a tenth of a tiny item."""


_all: WeakSet[Claims] = WeakSet()


def _after_in_child() -> None:
    """Have the item of the thread that has forked end its process where it would be concluded, as `threads` does."""
    thread: Any = threading.current_thread()
    for claims in tuple(_all):
        lane = claims._lanes.get(thread)  # noqa: SLF001  # its own module
        if lane is not None and lane.current is not None:
            vars(lane.current)["asked"] = "forked"  # a success is then concluded as all else is
            vars(claims)["_conclude"] = lambda _, outcome: end_forked_child(outcome.error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)


class Claims:
    """One `map` under way."""

    def __init__(
        self,
        fn: Callable[..., Any],
        source: Iterator[tuple[Any, ...]],
        *,
        pool: ThreadPool,
        timer: Timer,
        reporter: Reporter,
        policy: Policy,
    ) -> None:
        _all.add(self)
        self._fn = fn
        self.name_of = namer(None, fn, 1)
        """Gives an item its name, by its arguments."""
        self._source = source
        self._pool = pool
        self._timer = timer
        self._reporter = reporter
        self._policy = policy
        self.id = reporter.new_id()
        self.halt_on_failure = False
        """Whether the first final failure halts the rest, there and then."""
        self.on_done: Callable[[], None] | None = None
        """Called on the worker's thread when a consumer that set `waiting` has something to take."""
        self.waiting = False
        self.left = False
        """Whether nobody takes from it any more."""
        self.total: int | None = None
        """How many items there are; None: nobody knows."""
        self.buffersize: int | None = None
        self.on_dispatch: Callable[[int, int], None] | None = None
        """Called on the consumer's thread with the task and the number of each item before a worker can take it."""
        self.memory: ResultMemory | None = None
        """What has the results of earlier runs, and takes those of this one, on the consumer's thread."""
        self.first_failure: BaseException | None = None
        self.halted: str | None = None
        self._window: deque[Entry] = deque()
        self._done: SimpleQueue[Record] = SimpleQueue()
        self._lanes: dict[Worker, Lane] = {}
        self._active: set[Worker] = set()
        self._lock = threading.RLock()  # a command may be carried out in a signal handler
        self._launched = 0
        self._opened = False
        self._exhausted = False
        self._ahead = 1
        self._stride = 1
        self._ids: Iterator[int] = iter(reporter.new_id, 0)
        self.feed_at = 0.0
        """When `taken` reaches this, `feed` is worth calling."""
        self._source_error: BaseException | None = None
        self._unwanted: dict[int, str] = {}
        """Why, by the number of the item's task: cancelled one by one, few."""
        self.handed = 0
        self.taken = 0
        self.lent = 0
        """How many of the results that wait for their turn are not counted as outstanding: see `core.lending`."""

    # --- the consumer's side: the caller's thread ---

    def open(self, total: int | None, sizes: Sequence[float] = ()) -> None:
        """Announce `total` items (None: nobody knows), the first of which are of these `sizes`, and who takes them."""
        self.total = total
        now, send = self._reporter.now(), self._reporter.send
        send(SourceOpened(now, self.id, total))
        sized = [(next(self._ids), size) for size in sizes]
        if sized:
            self._ids = chain((task for task, _ in sized), self._ids)
        send(SourceForeseen(now, self.id, self._pool.max_workers, tuple(sized)))
        self._opened = True
        if self._exhausted:  # it was stopped meanwhile
            self._tell_closed()

    def feed(self) -> None:
        """Pull input until the window is full, the input ends, or there is something to give back."""
        room = self._room() if not self._exhausted and self.halted is None else 0
        while room > 0 and not self._exhausted:
            count = min(room, self._stride)
            began = self._reporter.now()
            self._pull(count)
            self._launch()
            quick = self._reporter.now() - began < STRIDE_S
            self._stride = min(MOST_AHEAD, self._stride * 2) if quick else max(1, self._stride // 2)
            room -= count
            if not quick and not self._done.empty():
                break
        self.feed_at = self.handed - self._ahead // 2 if not self._exhausted else NEVER

    def _pull(self, count: int) -> None:
        batch: list[tuple[Any, ...]] = []
        try:
            batch.extend(islice(self._source, count))  # keeps what came before an error
        except BaseException as error:  # noqa: BLE001  # kept: the items before it are given back first
            self._queue(batch)
            self._exhaust(error)
        else:
            self._queue(batch)
            if len(batch) < count:
                self._exhaust(None)

    def _queue(self, batch: list[tuple[Any, ...]]) -> None:
        first = self.handed
        if self.memory is not None:
            entries, known, told = recall(self.memory, self.id, first, batch, self._ids, self._reporter.now())
            self.handed += len(batch)
            if told is not None:  # before its records, which may end the map
                self._reporter.send(told)
            for record in known:
                self._done.put(record)
            self._window.extend(entries)
            return
        self.handed += len(batch)
        numbers = range(first, self.handed)
        ids: Iterable[int] = self._ids
        if self.on_dispatch is not None:
            ids = list(islice(self._ids, len(batch)))
            for task, number in zip(ids, numbers, strict=True):
                self.on_dispatch(task, number)
        self._window.extend(zip(numbers, ids, batch, repeat(1)))

    def take_all(self) -> list[Record]:
        """Return the records that are there, in order of completion."""
        get = self._done.get_nowait
        records = [get() for _ in range(self._done.qsize())]
        if self.memory is not None and records:
            self.memory.keep(records)
        return records

    def untaken(self) -> int:
        """Return how many records `take_all` would return."""
        return self._done.qsize()

    def ready(self) -> bool:
        """Return whether `take_all` has something."""
        return not self._done.empty()

    def finished(self) -> bool:
        """Return whether everything handed out has been taken and nothing more comes."""
        return self.taken >= self.handed and (self._exhausted or self.halted is not None)

    def raise_source_error(self) -> None:
        """Raise what the input raised, if it did."""
        if self._source_error is not None:
            raise self._source_error

    def drain(self, reason: str) -> None:
        """Hand out nothing more, no second attempt either, and let the items at hand end. Any thread."""
        self.halted = reason
        while True:
            try:
                entry = self._window.popleft()
            except IndexError:
                break
            self._drop(entry)
        self._exhaust(None)
        self._tell()

    def halt(self, reason: str) -> None:
        """Hand out nothing more and ask the items at hand to stop. Any thread; a second call asks again."""
        self.drain(reason)
        for lane in list(self._lanes.values()):
            item: Any = lane.current
            if item is not None:
                item.request_cancel(reason)

    def cancel(self, task: int, reason: str) -> None:
        """Ask the item of the number `task` to stop, and give up on it after the grace time. Any thread.

        One that waits for its next attempt has none.
        """
        self._unwanted[task] = reason
        for worker, lane in list(self._lanes.items()):
            item: Any = lane.current
            if item is not None and item.id == task:
                item.request_cancel(reason)
                give_up = functools.partial(self._give_up, worker, item, Cancelled("did not stop in time"))
                self._timer.after(self._policy.grace, give_up)

    def is_active(self) -> bool:
        """Return whether threads still work on items."""
        return bool(self._active)

    def abandon_in_time(self) -> None:
        """Give up, after the grace time, on the threads that have not stopped by then."""
        if self._active:
            self._timer.after(self._policy.grace, lambda: self.abandon("did not stop in time"))

    def abandon(self, reason: str) -> None:
        """Give up on the threads that did not stop."""
        for worker, lane in list(self._lanes.items()):
            item: Any = lane.current
            if item is not None:
                self._give_up(worker, item, Cancelled(reason))

    def _exhaust(self, error: BaseException | None) -> None:
        if not self._exhausted:
            self._exhausted = True
            self._source_error = error
            self._tell_closed()

    def _tell_closed(self) -> None:
        """Send, once, that nothing more comes."""
        mine = object()
        if self._opened and vars(self).setdefault("_closed", mine) is mine:
            self._reporter.send(SourceClosed(self._reporter.now(), self.id, self.handed))

    def _room(self) -> int:
        outstanding = self.handed - self.taken
        if self.buffersize is not None:
            self._ahead = self.buffersize
            return self.buffersize - outstanding
        outstanding -= self.lent
        workers = self._pool.max_workers
        self._ahead = 2 * workers
        lanes = list(self._lanes.values())
        count = sum(lane.count for lane in lanes)
        if count >= workers:
            now = self._reporter.now()
            mean = sum(lane.seconds(now) for lane in lanes) / count
            self._ahead = min(MOST_AHEAD, max(self._ahead, int(AHEAD_S * workers / max(mean, 1e-9))))
        if self.memory is not None:
            self._ahead = max(self._ahead, LOOKED_UP)
        return self._ahead - outstanding if outstanding <= self._ahead // 2 else 0

    def _launch(self) -> None:
        """Have as many threads on the window as it has items for."""
        while True:
            with self._lock:
                if self._launched >= min(self._pool.max_workers, len(self._active) + len(self._window)):
                    return
                self._launched += 1
            self._pool.put(self._work, yields=True)

    def _drop(self, entry: Entry) -> None:
        index, ident, args, attempt = entry
        now = self._reporter.now()
        reason = self.halted or self._unwanted.get(ident, "")
        if attempt > 1:  # it waited for its next attempt
            self._reporter.send(TaskCancelled(now, ident, attempt - 1, 0, reason))
        self._done.put((index, args, None, Cancelled(reason), now, now, attempt - 1))

    # --- the worker's side: a pool's thread ---

    def _work(self, worker: Worker) -> None:
        lane = self._lanes.get(worker)
        if lane is None:
            lane = self._lanes[worker] = Lane(self._reporter, self.id, worker.name, name_of=self.name_of)
        self._active.add(worker)
        lane.polled = True
        lane.began = self._reporter.now()
        token = ambient.set(None)
        try:
            self._claim(lane, worker)
        finally:
            ambient.reset(token)
            lane.current = None
            lane.rest(self._reporter.now())
            lane.polled = False
            self._reporter.moved(lane)
            if not worker.abandoned:
                self._retire(worker)
            self._tell()

    def _retire(self, worker: Worker) -> None:
        self._active.discard(worker)
        with self._lock:
            self._launched -= 1
        self._launch()
        if (self.left or self.halted is not None) and not self._active and self.on_done is not None:
            self.on_done()  # somebody may wait for the last of them

    def _claim(self, lane: Lane, worker: Worker) -> None:  # noqa: C901  # the hot path: a call more costs 5 %
        popleft, now, fn = self._window.popleft, self._reporter.now, self._fn
        quick, new = self._policy.timeout is None, object.__new__
        set_ambient, ended, put, alone = ambient.set, lane.ended, self._done.put, self._pool.alone
        patient = self._policy.grace > 0  # else it may be asked and given up within the next two lines
        at = now()
        while True:
            try:
                entry = popleft()
            except IndexError:
                return
            started = at  # where the one before it ended: a reading of the clock less
            item = new(Item)  # its `__init__` by hand: with the line above a tenth of a tiny item
            item.lane, item.entry, item.started = lane, entry, started
            lane.current = item
            set_ambient(item)
            if lane.armed:
                lane.armed = False
                self._reporter.moved(lane)
            index, ident, args, attempt = entry
            if quick:
                try:
                    value = fn(*args)
                except BaseException as error:  # noqa: BLE001  # whatever it is, it is this item's outcome
                    self._conclude(item, Outcome(None, error))
                    at = now()
                else:
                    at = now()
                    lane.count += 1
                    if item.task is None and item.asked is None and (patient or item.claim()):
                        ended.append((ident, started, at))
                        put((index, args, value, None, started, at, attempt))
                    else:
                        self._conclude(item, Outcome(value, None))
                    del value
            else:
                self._slow(worker, item)
                at = now()
            if len(ended) > FOLD:
                lane.fold()
            if self.waiting:
                self._tell()
            if worker.abandoned or not alone():
                return

    def _slow(self, worker: Worker, item: Item) -> None:
        """Run one item with a deadline."""
        alarm = None
        timeout = self._policy.timeout
        if timeout is not None:
            alarm = self._timer.after(timeout, lambda: self._overdue(worker, item))
        outcome = runner.run(item.resolve(), self._fn, item.args, {})
        if alarm is not None:
            alarm.cancel()
        self._conclude(item, outcome)

    def _overdue(self, worker: Worker, item: Item) -> None:
        item.overdue = True
        item.request_cancel(f"over its timeout of {self._policy.timeout:g} s")
        error = self._timed_out()
        self._timer.after(min(STOP_GRACE, self._policy.grace), lambda: self._give_up(worker, item, error))

    def _timed_out(self) -> TaskTimeout:
        return TaskTimeout(f"not done within its timeout of {self._policy.timeout:g} s")

    def _give_up(self, worker: Worker, item: Item, error: BaseException) -> None:
        lane = self._lanes.get(worker)
        item.asked = item.asked or str(error)  # its worker has to contend for the end from here on
        if lane is None or lane.current is not item or not item.claim():
            return
        self._pool.abandon(worker)
        del self._lanes[worker]
        if is_instance(error, Exception):
            add_note(error, "its thread did not stop when asked, and was abandoned; it is not retried")
        self._settle(item, Outcome(None, error))
        lane.polled = False
        self._reporter.moved(lane)
        self._retire(worker)
        self._tell()

    def _conclude(self, item: Item, outcome: Outcome) -> None:
        """Settle what is not a plain short success: a failure, a retry, an item with a task of its own."""
        if not item.claim():
            return
        error = outcome.error
        if item.overdue and is_instance(error, Cancelled):
            outcome = Outcome(None, error := self._timed_out())
        wanted = self.halted is None and item.id not in self._unwanted
        if error is not None and wanted and self._policy.again(error, item.attempt):
            self._retry(item, outcome)
            return
        self._settle(item, outcome)

    def _retry(self, item: Item, outcome: Outcome) -> None:
        delay = delay_before(item.attempt + 1)
        runner.retry(item.resolve(), outcome, delay, item.input())
        entry = (item.index, item.id, item.args, item.attempt + 1)
        self._timer.after(delay, lambda: self._again(entry))

    def _again(self, entry: Entry) -> None:
        if self.halted is not None or entry[1] in self._unwanted:
            self._drop(entry)
            self._tell()
            return
        self._window.append(entry)
        self._launch()

    def _settle(self, item: Item, outcome: Outcome) -> None:
        error = outcome.error
        if error is not None and not is_instance(error, Cancelled):
            where = f"{item.lane.worker}, attempt {item.attempt}"
            add_note(error, f"while working on input {item.input()} ({where})")
        runner.finish(item.resolve(), outcome, item.input())
        if error is not None and not is_instance(error, Cancelled):
            self._fail(error)  # before the record: a loop that meets the failure finds the rest halted
        now = self._reporter.now()
        self._done.put((item.index, item.args, outcome.value, error, item.started, now, item.attempt))
        self._tell()

    def _fail(self, error: BaseException) -> None:
        if self.first_failure is None:
            self.first_failure = error
        if self.halt_on_failure:
            self.halt("another item failed")

    def _tell(self) -> None:
        if self.waiting and not self._done.empty():
            self.waiting = False
            if self.on_done is not None:
                self.on_done()
