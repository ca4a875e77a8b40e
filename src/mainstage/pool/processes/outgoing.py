"""What worker processes are given: calls one by one, items of maps as many ahead as their measured time warrants.

All of it happens on the dispatcher's thread.
"""

from __future__ import annotations

import contextlib
from array import array
from typing import TYPE_CHECKING

from mainstage.channels import frames
from mainstage.core import pickling
from mainstage.errors import Unpicklable, explain
from mainstage.pool.remote import NO_WORKER, RemoteJob, RemoteSenders, clone_exception
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.queue.thread_patches import any_open

if TYPE_CHECKING:
    from mainstage.pool.calls import Call, Calls
    from mainstage.pool.job import Entry, WindowShare
    from mainstage.pool.mapping import Map
    from mainstage.pool.processes.process import WorkerProcess

AHEAD_S = 0.01
"""Seconds of work that a worker is given ahead."""
MOST_AHEAD = 2048


def new_job(share: WindowShare, worker: WorkerProcess, entry: Entry, now: float) -> RemoteJob:
    """Return the attempt at `entry`: what was handed to a worker a moment ago is as good as begun."""
    slot = share.slots.get(worker)
    if slot is None:
        slot = share.slots[worker] = share.new_slot(worker)
    job = RemoteJob()
    job.slot, job.entry, job.started = slot, entry, now
    return job


def refuse_entry(share: WindowShare, entry: Entry, error: Exception) -> None:
    """Fail an attempt that there is no worker for."""
    job = RemoteJob()
    job.slot, job.entry, job.started = share.new_slot(NO_WORKER), entry, share.workers.reporter.now()
    job.refuse(clone_exception(error))


class OutgoingCalls:
    """The calls of a pool, on their way to its workers."""

    def __init__(self, calls: Calls, *, forked: bool) -> None:
        self._calls = calls
        self._forked = forked

    @property
    def exclusive(self) -> bool:
        """Whether a worker is given nothing beside the next one: its time counts from when it is handed over."""
        call: Call = self._calls.window[0]
        return call.policy.timeout is not None

    def waits(self) -> int:
        """Return how many wait for a worker."""
        return len(self._calls.window)

    def hand(self, worker: WorkerProcess) -> None:
        """Send the next one to `worker`, if it is to run."""
        taken = self._next()
        if taken is None:
            return
        call, entry = taken
        share = self._calls
        job = new_job(share, worker, entry, share.reporter.now())
        try:
            with pickling.substituting(worker.stand_in, forked=self._forked):
                packed = pickling.pack_call(call.fn, call.args, dict(call.kwargs), forked=self._forked)
        except BaseException as error:  # noqa: BLE001  # attributes of a callable of the user's may raise anything
            job.conclude(Outcome(None, self._why_not(call, error)))
            return
        if any_open():
            job.senders = RemoteSenders()
            job.senders.expect(worker, call.args, call.kwargs)
        description = memoryview(call.describe(call.args).encode("utf-8", "surrogatepass"))
        buffers = [description, *packed.buffers]
        job.number = worker.given = worker.given + 1
        head = frames.pack_frame(
            frames.CALL, packed.data, buffers, task=job.id, number=job.number, at=float(job.attempt)
        )
        share.in_hand[job.id] = worker.inflight[job.id] = job
        worker.end.write(head, buffers)
        if call.cancel_reason is not None:  # it was asked to stop meanwhile, and no job was found
            call.ask(job, call.cancel_reason)
        job.set_alarm()

    def _next(self) -> tuple[Call, Entry] | None:
        try:
            call: Call = self._calls.window.popleft()
        except IndexError:
            return None
        entry = call.take() if call.future.running() else call.begin()
        return None if entry is None else (call, entry)

    def _why_not(self, call: Call, why: BaseException) -> Unpicklable:
        """Return the error that names what in a call cannot be sent."""
        described = call.describe(call.args)
        try:
            pickling.pack_function(call.fn, forked=self._forked)
            for index, arg in enumerate(call.args):
                pickling.pack(arg, f"argument {index + 1} of {described}")
            for name, arg in call.kwargs.items():
                pickling.pack(arg, f"argument {name} of {described}")
        except Unpicklable as found:
            return found
        except BaseException:  # noqa: BLE001, S110  # as above
            pass
        return Unpicklable(f"{described} cannot be sent to another process: {explain(why)}")

    def refuse(self, error: Exception) -> None:
        """Fail what waits, since there is no worker for it."""
        while self._calls.window:
            taken = self._next()
            if taken is not None:
                refuse_entry(self._calls, taken[1], error)


class OutgoingItems:
    """The items of one map, on their way to the workers of a pool."""

    def __init__(self, share: Map, *, forked: bool) -> None:
        self.share = share
        self._forked = forked
        self._function: list[pickling.Pickled] = []

    @property
    def exclusive(self) -> bool:
        """Whether a worker is given one item at a time."""
        return self.share.policy.timeout is not None

    def waits(self) -> int:
        """Return how many items wait for a worker."""
        return len(self.share.window)

    def room(self, worker: WorkerProcess) -> int:
        """Return how many items a worker may have in hand, by what is known of their speed."""
        if self.exclusive:
            return 1
        slots = self.share.slots
        count = sum([slot.count for slot in slots.values()])
        if not count:
            return 1
        mean = sum([slot.spent for slot in slots.values()]) / count
        slot = slots.get(worker)
        tried = 2 * slot.count + 1 if slot is not None else 1
        return max(1, min(MOST_AHEAD, tried, int(AHEAD_S / max(mean, 1e-6))))

    def hand(self, worker: WorkerProcess, count: int) -> None:
        """Send up to `count` items to `worker`."""
        share = self.share
        batch: list[Entry] = []
        with contextlib.suppress(IndexError):
            for _ in range(count):
                batch.append(share.window.popleft())  # noqa: PERF401  # keeps what came before the end
        now = share.reporter.now()
        jobs = [new_job(share, worker, entry, now) for entry in batch]
        with pickling.substituting(worker.stand_in, forked=self._forked):
            try:
                self._introduce(worker)
            except Unpicklable as error:
                for job in jobs:
                    job.refuse(clone_exception(error))
                return
            if len(jobs) == 1 or any_open() or not self._hand_together(worker, jobs):
                for job in jobs:
                    self._hand_alone(worker, job)
        if share.halted is not None:  # meanwhile
            share.workers.request_cancel(share, share.halted)

    def _hand_together(self, worker: WorkerProcess, jobs: list[RemoteJob]) -> bool:
        """Send many items in one frame; False: some are not simple enough for that, and nothing was sent."""
        parts = pickling.pack_many([job.entry[2] for job in jobs])
        if parts is None or any(job.entry[3] != 1 for job in jobs):
            return False
        number, inflight, in_hand = worker.given, worker.inflight, self.share.in_hand
        table = array("q")
        for job, part in zip(jobs, parts, strict=True):
            number += 1
            job.number = number
            ident = job.entry[1]
            inflight[ident] = in_hand[ident] = job
            table.append(ident)
            table.append(len(part))
        heads = memoryview(table.tobytes())
        head = frames.pack_frame(
            frames.ITEMS, b"".join(parts), [heads], number=worker.given, until=float(self.share.id)
        )
        worker.given = number
        worker.end.write(head, [heads])
        return True

    def _hand_alone(self, worker: WorkerProcess, job: RemoteJob) -> None:
        try:
            data, buffers = pickling.pack(job.args, "an argument of the map, ")
        except Unpicklable as error:
            job.refuse(clone_exception(error))
            return
        job.number = worker.given = worker.given + 1
        self.share.in_hand[job.id] = worker.inflight[job.id] = job
        if any_open():
            job.senders = RemoteSenders()
            job.senders.expect(worker, (self.share.fn, *job.args), {})
        at, until = float(job.attempt), float(self.share.id)
        head = frames.pack_frame(frames.ITEM, data, buffers, task=job.id, number=job.number, at=at, until=until)
        worker.end.write(head, buffers)
        job.set_alarm()

    def _introduce(self, worker: WorkerProcess) -> None:
        """Send the function, the first time."""
        if self.share.id in worker.knows:
            return
        if not self._function:
            self._function.append(pickling.pack_function(self.share.fn, forked=self._forked))
        data, buffers = self._function[0]
        worker.knows.add(self.share.id)
        worker.end.write(frames.pack_frame(frames.FUNCTION, data, buffers, task=self.share.id), buffers)

    def refuse(self, error: Exception) -> None:
        """Fail what waits, since there is no worker for it."""
        share = self.share
        while share.window:
            with contextlib.suppress(IndexError):
                refuse_entry(share, share.window.popleft(), error)
        share.rested()
