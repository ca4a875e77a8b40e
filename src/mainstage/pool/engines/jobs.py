"""Work in the hands of an engine (Dask, Ray, interpreters): attempts, deadlines, order and settling are ours.

A piece is one job, or a batch of several short items of a map, since a piece costs an engine more than the items. All
but what says otherwise happens on the thread of the engine's workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mainstage.core import pickling
from mainstage.errors import Cancelled, Unpicklable, WorkerLost, explain, is_instance
from mainstage.pool.calls import Call
from mainstage.pool.engines.batch_runner import Ended
from mainstage.pool.engines.worker import Result
from mainstage.pool.remote import RemoteJob, as_int_if_whole
from mainstage.tasks import outcome as runner
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstage.events import TaskStarted
    from mainstage.pool.engines.adapter import Piece
    from mainstage.pool.engines.batch_runner import BatchSplit
    from mainstage.pool.job import Entry, WindowShare, WorkerSlot
    from mainstage.tasks.reporter import Reporter


class EngineHost(Protocol):
    """The workers of an engine, as far as work in their hands uses them."""

    @property
    def reporter(self) -> Reporter:
        """Where their reports go."""
        ...

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask tasks to stop; those that no worker has begun are not begun. Any thread."""
        ...

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
        """Return a piece of work, as an engine takes it."""
        ...

    def drop(self, task: int, *, lost: bool) -> None:
        """Forget a piece of work that was given up; `lost`: it is over its time and holds its worker."""
        ...


class Place(NamedTuple):
    """A worker of the engine, or the engine itself where that is not known yet."""

    host: EngineHost
    name: str

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        return self.host.reporter

    def request(self, task: int, reason: str) -> None:
        """Ask the task to stop. Any thread."""
        self.host.ask([task], reason)


class Sent(Protocol):
    """A piece of work in the engine's hands: a job, or a batch of them."""

    handle: Any
    """What the engine gave for it."""

    @property
    def place(self) -> Place:
        """Where it is."""
        ...

    def tasks(self) -> Mapping[int, EngineJob]:
        """Return the jobs in it, by the number of the task."""
        ...

    def arrived(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        ...


def outcome_of(result: Result, asked: str | None) -> Outcome:
    """Return what a worker sent back, made here; `asked`: why it was asked to stop, if it was."""
    if result.error:
        error = pickling.unpack_error(result.error)[0]
        if asked is not None and is_instance(error, KeyboardInterrupt):  # Ray's way to stop what runs
            error = Cancelled(asked)
        return Outcome(None, error)
    return made_of(result.value, result.buffers)


def made_of(value: bytes, buffers: Sequence[bytes]) -> Outcome:
    """Return a value that a worker sent back, made here."""
    try:
        return Outcome(pickling.unpack(value, [bytearray(one) for one in buffers]), None)
    except BaseException as error:  # noqa: BLE001  # a class of the user's may raise anything as it is made
        made = Unpicklable(f"the result could not be made here: {explain(error)}")
        made.__cause__ = error
        return Outcome(None, made)


def ran_again(work: EngineJob, result: Result) -> bool:
    """Return whether a result is of another worker than was heard to begin it: Ray's overtake news."""
    return work.begun_at is not None and work.place.name != result.worker


class BatchOwner(Protocol):
    """The items of a map, as far as work in the engine's hands uses them."""

    def learn(self, seconds: float) -> None:
        """Take the time that an item has taken."""
        ...

    def ended_together(self, worker: str, ended: Sequence[tuple[EngineJob, Ended]]) -> None:
        """Take the outcomes of items of a batch."""
        ...

    def take_back(self, jobs: Sequence[EngineJob], *, alone: bool) -> None:
        """Requeue items, before all others, that their batch did not come to; `alone`: its worker died."""
        ...


def slot_at(share: WindowShare, place: Place) -> WorkerSlot:
    """Return a worker's place in a share."""
    slot = share.slots.get(place.name)
    if slot is None:
        slot = share.slots[place.name] = share.new_slot(place)
    return slot


class EngineJob(RemoteJob):
    """An attempt at a call or an item, in the hands of an engine."""

    handle: Any = None
    """What the engine gave for it, if it is a piece of work by itself."""
    begun_at: float | None = None
    """When a worker was heard to begin it."""
    batch: ItemBatch | None = None
    """What it goes in, if not by itself."""
    items: BatchOwner | None = None
    """The items that it is of; None: it is a call."""
    _given: str | None = None

    def __init__(self, slot: WorkerSlot, entry: Entry, started: float) -> None:
        self.slot, self.entry, self.started = slot, entry, started

    @property
    def place(self) -> Place:
        """Where it is."""
        place: Place = self.slot.ref
        return place

    def input(self) -> str:
        """Describe what it works on, once."""
        if self._given is None:
            self._given = super().input()
        return self._given

    def tasks(self) -> Mapping[int, EngineJob]:
        """Return it, by its number."""
        return {self.id: self}

    def runs(self) -> bool:
        """Return whether it may run: the future of a call runs from now on; False: that was cancelled before."""
        if self.items is not None:
            return True
        future = self.entry[0].future
        return not future.cancelled() and (future.running() or future.set_running_or_notify_cancel())

    # --- what is heard of it ---

    def _move(self, place: Place, at: float) -> None:
        self.slot, self.started = slot_at(self.slot.share, place), at  # type: ignore[arg-type]  # engines have windows

    def begun(self, place: Place, event: TaskStarted) -> bool:
        """Note that a worker began it; return whether one had before: the engine runs it again."""
        if self.begun_at is not None:
            return True
        self.runs()
        self._move(place, event.at)
        self.begun_at = event.at
        self.set_alarm()
        self.resolve()
        return False

    def rerun(self, reason: str) -> None:
        """Go on as a further attempt: the engine, or another worker, runs it anew."""
        if self.alarm is not None:
            self.alarm.cancel()
        given = self.input()
        runner.retry(self.resolve(), Outcome(None, lost_worker(reason, given)), 0.0, given)
        first, ident, args, attempt = self.entry
        self.entry = (first, ident, args, attempt + 1)
        for name in ("announced", "task"):
            vars(self).pop(name, None)
        self.begun_at = None

    def arrived(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        if result is None:
            self.finish(Outcome(None, error))
            return
        if ran_again(self, result):
            self.rerun(f"worker {self.place.name} is gone")
        if self.begun_at is None:
            self._move(Place(self.place.host, result.worker), result.started)
        if self.items is not None:
            self.items.learn(result.ended - result.started)
        if self.runs():
            self.resolve().set_position(as_int_if_whole(result.completed))
        self.finish(outcome_of(result, self.cancel_reason))

    def finish(self, outcome: Outcome) -> None:
        """End this attempt, unless it was given up."""
        if not self.leave_hands():
            return
        if not self.runs():  # its future was cancelled this moment, and that is told of
            self.senders.end(None)
            return
        reason = self._why_dropped() if is_instance(outcome.error, Cancelled) and self.announced is None else None
        if reason is None:
            self.resolve()
            self.conclude(outcome, self.senders.end)
        else:
            self.senders.end(None)
            if self.try_settle():
                self.owner.dropped(self.entry, reason)
        self.left()

    def _why_dropped(self) -> str | None:
        """Return why an attempt that never began leaves no events; None: it does."""
        owner: Any = self.owner
        reason: str | None = owner.cancel_reason if isinstance(owner, Call) else owner.halted
        return reason


class ItemBatch:
    """Items of a map in the hands of an engine, in one piece.

    Each item is settled by itself. What a worker did not come to waits again; where a worker died, its items go out one
    by one, so that one that kills workers fails alone.
    """

    handle: Any = None
    """What the engine gave for it."""

    def __init__(self, owner: BatchOwner, jobs: Iterable[EngineJob], place: Place) -> None:
        self.jobs = {job.id: job for job in jobs}
        """Those that are not settled, nor given back."""
        self.number = place.reporter.new_id()
        self.place = place
        self._owner = owner
        for job in self.jobs.values():
            job.batch = self

    def tasks(self) -> Mapping[int, EngineJob]:
        """Return its jobs, by the number of the task."""
        return self.jobs

    def piece(self, function: Any, packed: Sequence[bytes]) -> Piece:
        """Return it as an engine takes it; `packed` are the items' arguments, in order."""
        described = f"{len(self.jobs)} items from {next(iter(self.jobs.values())).input()}"
        payload = pickling.pack(list(zip(self.jobs, packed, strict=True)), "a bundle")
        return self.place.host.piece(self.number, 1, described, function, payload, bundle=True)

    def arrived(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        if result is not None:
            self._settle(result.worker, pickling.unpack(result.value))
            self._owner.take_back([self.jobs.pop(task) for task in list(self.jobs)], alone=False)
        elif is_instance(error, WorkerLost):
            self._owner.take_back([self.jobs.pop(task) for task in list(self.jobs)], alone=True)
        else:
            for task in list(self.jobs):
                self.jobs.pop(task).arrived(None, error)

    def split(self, worker: str, part: BatchSplit) -> None:
        """Take the items that are done and those that come back, since one of them takes long."""
        self._settle(worker, part.over)
        self._owner.take_back([self.jobs.pop(task) for task in part.left if task in self.jobs], alone=False)

    def _settle(self, worker: str, over: Iterable[tuple[Any, ...]]) -> None:
        ended = [Ended._make(one) for one in over]
        self._owner.ended_together(worker, [(self.jobs.pop(one.task), one) for one in ended if one.task in self.jobs])

    def discard(self, job: EngineJob) -> None:
        """Forget an item that is given up; with the last one goes the piece."""
        if self.jobs.pop(job.id, None) is not None and not self.jobs and self.handle is not None:
            self.place.host.drop(self.number, lost=False)

    def unbegun(self) -> bool:
        """Return whether no worker was heard to begin any of its items."""
        return all(job.begun_at is None for job in self.jobs.values())


def lost_worker(reason: str, given: str) -> WorkerLost:
    """Return the error of a worker that died while it worked on what is `given`."""
    return WorkerLost(f"{reason} while it worked on {given}", 0, None, given)


def as_result(worker: str, one: Ended) -> Result:
    """Return what came of an item of a bundle as of one that went by itself."""
    return Result(worker, one.value, one.buffers, one.error, one.started, one.ended, one.completed, b"", 0)
