"""One `map` under way: the window that its caller keeps filled, and what becomes of its items.

The caller pulls the input, at most a window ahead of what it has been given back, and of what waits behind a long item
(`core.lending`); so a generator runs on the thread that wrote it and memory stays bounded. Workers take items one by
one and not in batches: a batch puts long items behind each other, and delays cancel and order. The window grows with
the speed of the items: some 50 ms of work, at least two items a worker.
"""

from __future__ import annotations

from itertools import chain, islice, repeat
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from mainstage.core.item_names import namer
from mainstage.core.once import Once
from mainstage.errors import Cancelled, TaskTimeout, is_instance
from mainstage.events import SourceClosed, SourceForeseen, SourceOpened, TaskCancelled
from mainstage.pool.job import WindowShare, Workers, WorkerSlot
from mainstage.pool.memory import LOOKED_UP, recall
from mainstage.tasks.outcome import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mainstage.core.retry_policy import Policy
    from mainstage.pool.job import Entry, Job
    from mainstage.pool.memory import ResultMemory
    from mainstage.tasks.outcome import Outcome

AHEAD_S = 0.05
MOST_AHEAD = 4096
STRIDE_S = 0.001
"""Seconds that one pull of the input may take without results being looked for in between."""
NEVER = float("inf")
_closing = Once("_closed")
NO_KEYWORDS: Mapping[str, Any] = {}


Record: TypeAlias = "tuple[int, tuple[Any, ...], Any, BaseException | None, float, float, int]"
"""What became of an item: index, arguments, value, error, start and end in seconds on the run's clock, attempt.

A plain tuple: a named one costs a tenth of a tiny item."""


class MapSettings(NamedTuple):
    """How a map goes, beside its function, its input and the policy of its attempts."""

    name_of: Callable[[tuple[Any, ...]], str] | None = None
    """Gives an item its name, by its arguments; None: they are its name."""
    buffersize: int | None = None
    """How many items are pulled ahead of what was taken; None: as their measured speed warrants."""
    halt_on_failure: bool = False
    """Whether the first final failure halts the rest, there and then."""
    on_dispatch: Callable[[int, int], None] | None = None
    """Called on the consumer's thread with the task and the number of each item before a worker can take it."""
    memory: ResultMemory | None = None
    """What has the results of earlier runs, and takes those of this one, on the consumer's thread."""


DEFAULT_OPTIONS = MapSettings()


class MapWorkers(Workers, Protocol):
    """Workers that take items of maps."""

    @property
    def max_workers(self) -> int:
        """How many there are to be."""
        ...

    def lookahead(self, share: Map) -> int | None:
        """Return how many items are to be pulled ahead of what was taken; None: as their measured speed warrants."""
        ...


class Map(WindowShare):
    """The owner of the attempts at its items; the caller's thread feeds it and takes its records."""

    yields = True
    submitted = False
    kwargs = NO_KEYWORDS
    workers: MapWorkers

    def __init__(
        self,
        workers: MapWorkers,
        fn: Callable[..., Any],
        source: Iterator[tuple[Any, ...]],
        policy: Policy,
        options: MapSettings,
        *,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called on a worker's thread when a consumer that set `waiting` has something to take."""
        self.reporter = workers.reporter
        super().__init__(self.reporter.new_id(), workers)
        self.fn = fn
        self.options = options
        self._name_of = options.name_of or namer(None, fn, 1)
        self.policy = policy
        self._source = source
        self._wake = wake
        self.waiting = False
        self.left = False
        """Whether nobody takes from it any more."""
        self.total: int | None = None
        """How many items there are; None: nobody knows."""
        self.memory = options.memory
        self.first_failure: BaseException | None = None
        self.halted: str | None = None
        self.records: SimpleQueue[Record] = SimpleQueue()
        """What became of items, in order of completion; workers put, the caller takes."""
        self._opened = False
        self._closed: object | None = None
        self.exhausted = False
        """Whether nothing more comes from the input."""
        self._ahead = 1
        self._stride = 1
        self._ids: Iterator[int] = iter(self.reporter.new_id, 0)
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
        """Announce `total` items (None: not known), the first of which are of these `sizes`, and who takes them."""
        self.total = total
        now, send = self.reporter.now(), self.reporter.send
        send(SourceOpened(now, self.id, total))
        sized = [(next(self._ids), size) for size in sizes]
        if sized:
            self._ids = chain((task for task, _ in sized), self._ids)
        send(SourceForeseen(now, self.id, self.workers.max_workers, tuple(sized)))
        self._opened = True
        if self.exhausted:  # it was stopped meanwhile
            self._tell_closed()

    def feed(self) -> None:
        """Pull input until the window is full, the input ends, or there is something to give back."""
        room = self._room() if not self.exhausted and self.halted is None else 0
        while room > 0 and not self.exhausted:
            count = min(room, self._stride)
            began = self.reporter.now()
            self._pull(count)
            self.workers.offer(self)
            quick = self.reporter.now() - began < STRIDE_S
            self._stride = min(MOST_AHEAD, self._stride * 2) if quick else max(1, self._stride // 2)
            room -= count
            if not quick and not self.records.empty():
                break
        self.feed_at = self.handed - self._ahead // 2 if not self.exhausted else NEVER

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
            entries, known, told = recall(self.memory, self.id, first, batch, self._ids, self.reporter.now())
            self.handed += len(batch)
            if told is not None:  # before its records, which may end the map
                self.reporter.send(told)
            for record in known:
                self.records.put(record)
            self.window.extend(entries)
            return
        self.handed += len(batch)
        numbers = range(first, self.handed)
        ids: Iterable[int] = self._ids
        on_dispatch = self.options.on_dispatch
        if on_dispatch is not None:
            ids = list(islice(self._ids, len(batch)))
            for task, number in zip(ids, numbers, strict=True):
                on_dispatch(task, number)
        self.window.extend(zip(numbers, ids, batch, repeat(1)))

    def take_all(self) -> list[Record]:
        """Return the records that are there, in order of completion."""
        get = self.records.get_nowait
        records = [get() for _ in range(self.records.qsize())]
        if self.memory is not None and records:
            self.memory.keep(records)
        return records

    def untaken(self) -> int:
        """Return how many records `take_all` would return."""
        return self.records.qsize()

    def ready(self) -> bool:
        """Return whether `take_all` has something."""
        return not self.records.empty()

    def finished(self) -> bool:
        """Return whether everything handed out has been taken and nothing more comes."""
        return self.taken >= self.handed and (self.exhausted or self.halted is not None)

    def raise_source_error(self) -> None:
        """Raise what the input raised, if it did."""
        if self._source_error is not None:
            raise self._source_error

    def drain(self, reason: str) -> None:
        """Hand out nothing more, no second attempt either, and let the items at hand end. Any thread."""
        self.halted = reason
        while True:
            try:
                entry = self.window.popleft()
            except IndexError:
                break
            self._drop(entry)
        self._exhaust(None)
        self.tell()

    def halt(self, reason: str) -> None:
        """Hand out nothing more and ask the items at hand to stop. Any thread; a second call asks again."""
        self.drain(reason)
        self.workers.request_cancel(self, reason)

    def cancel(self, task: int, reason: str) -> None:
        """Ask the item of the number `task` to stop, and give up on it after the grace time. Any thread.

        One that waits for its next attempt has none.
        """
        self._unwanted[task] = reason
        self.workers.post(lambda: self._cancel_at_hand(task, reason))

    def _cancel_at_hand(self, task: int, reason: str) -> None:
        job = self.job_of(task)
        if job is not None:
            job.cancel(reason, self.policy.grace)

    def abandon_in_time(self) -> None:
        """Give up, after the grace time, on the workers that have not stopped by then."""
        if self.is_active():
            self.workers.timer.after(self.policy.grace, lambda: self.abandon("did not stop in time"))

    def abandon(self, reason: str) -> None:
        """Give up on the workers that did not stop."""
        for job in self.jobs():
            job.give_up(Cancelled(reason))

    def _exhaust(self, error: BaseException | None) -> None:
        if not self.exhausted:
            self.exhausted = True
            self._source_error = error
            self._tell_closed()

    def _tell_closed(self) -> None:
        """Send, once, that nothing more comes."""
        mine = object()
        if self._opened and _closing.first(self, mine) is mine:
            self.reporter.send(SourceClosed(self.reporter.now(), self.id, self.handed))

    def _room(self) -> int:
        outstanding = self.handed - self.taken
        buffersize = self.options.buffersize
        if buffersize is not None:
            self._ahead = buffersize
            return buffersize - outstanding
        outstanding -= self.lent
        ahead = self.workers.lookahead(self)
        if ahead is not None:
            self._ahead = ahead
            return ahead - outstanding
        workers = self.workers.max_workers
        self._ahead = 2 * workers
        slots = list(self.slots.values())
        count = sum(slot.count for slot in slots)
        if count >= workers:
            now = self.reporter.now()
            mean = sum(slot.seconds(now) for slot in slots) / count
            self._ahead = min(MOST_AHEAD, max(self._ahead, int(AHEAD_S * workers / max(mean, 1e-9))))
        if self.memory is not None:
            self._ahead = max(self._ahead, LOOKED_UP)
        return self._ahead - outstanding if outstanding <= self._ahead // 2 else 0

    def _drop(self, entry: Entry) -> None:
        index, ident, args, attempt = entry
        now = self.reporter.now()
        reason = self.halted or self._unwanted.get(ident, "")
        if attempt > 1:  # it waited for its next attempt
            self.reporter.send(TaskCancelled(now, ident, attempt - 1, 0, reason))
        self.records.put((index, args, None, Cancelled(reason), now, now, attempt - 1))

    # --- the owner of its items' attempts: any thread ---

    def owner_of(self, entry: Entry) -> Map:  # noqa: ARG002  # a share's: all of its items are its own
        """Return itself."""
        return self

    def new_slot(self, ref: Any) -> WorkerSlot:
        """Return a place for a worker that comes for the first time."""
        return WorkerSlot(self, self.workers, ref)

    def describe(self, args: tuple[Any, ...]) -> str:
        """Return the name of an item."""
        return self._name_of(args)

    def input(self, args: tuple[Any, ...]) -> str:
        """Describe an item: its argument, or all of them."""
        return describe(args[0] if len(args) == 1 else args)

    def where(self, job: Job, given: str) -> str:
        """Return the note for the exception of an item."""
        return f"while working on input {given} ({job.slot.worker}, attempt {job.attempt})"

    def over_time(self, args: tuple[Any, ...]) -> TaskTimeout:  # noqa: ARG002  # an owner's
        """Return the error of an item that is over its timeout."""
        return TaskTimeout(f"not done within its timeout of {self.policy.timeout:g} s")

    def queued(self, at: float) -> None:  # an owner's
        """Return nothing: an item that waits is not told of."""

    def may_retry(self, job: Job, error: BaseException) -> bool:
        """Return whether another attempt follows."""
        return self.halted is None and job.id not in self._unwanted and self.policy.again(error, job.attempt)

    def retry_later(self, entry: Entry) -> None:
        """Do nothing: `requeue` brings the entry."""

    def requeue(self, entry: Entry, *, first: bool = False) -> None:
        """Queue the attempt, before all others if it goes `first`; drop what is not wanted any more."""
        if self.halted is not None or entry[1] in self._unwanted:
            self._drop(entry)
            self.tell()
            return
        if first:
            self.window.appendleft(entry)
        else:
            self.window.append(entry)
        self.workers.offer(self)

    def dropped(self, entry: Entry, reason: str) -> None:  # noqa: ARG002  # it is the map's or the item's own
        """Take an item that was cancelled before a worker began it."""
        self._drop(entry)
        self.tell()

    def settled(self, job: Job, outcome: Outcome) -> None:
        """Take what became of an item."""
        error = outcome.error
        if error is not None and not is_instance(error, Cancelled):
            self._fail(error)  # before the record: a loop that meets the failure finds the rest halted
        index, _, args, attempt = job.entry
        self.records.put((index, args, outcome.value, error, job.started, self.reporter.now(), attempt))
        self.tell()

    def _fail(self, error: BaseException) -> None:
        if self.first_failure is None:
            self.first_failure = error
        if self.options.halt_on_failure:
            self.halt("another item failed")

    # --- who waits for it ---

    def tell(self) -> None:
        """Wake who waits for results, if there are any."""
        if self.waiting and not self.records.empty():
            self.waiting = False
            self._wake()

    def rested(self) -> None:
        """Called when a worker has left it: the run may wait for the last of them."""
        if (self.left or self.halted is not None) and not self.is_active():
            self._wake()
