"""What an engine is given: calls one by one, items of maps in pieces, as many ahead as keep it busy.

All of it happens on the thread of the engine's workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mainstage.core import pickling
from mainstage.errors import Unpicklable
from mainstage.pool.engines.batch import SMALL, Pace
from mainstage.pool.engines.jobs import EngineHost, EngineJob, ItemBatch, Place, Sent, as_result, made_of, slot_at
from mainstage.pool.remote import RemoteSenders
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstage.pool.calls import Call, Calls
    from mainstage.pool.engines.adapter import EngineAdapter, Piece
    from mainstage.pool.engines.batch_runner import Ended
    from mainstage.pool.mapping import Map
    from mainstage.tasks.queue.raw_queue import RawQueue

AHEAD_S = 0.5
"""Seconds of work that the engine is given ahead of what its slots can run."""
FEW_AHEAD, EACH_AHEAD, MOST_AHEAD = 1000, 64, 20_000
"""Items that the engine is given ahead at most: so many, or where it has many slots, so many for each; never more than
the last, or two for each."""


class PieceHost(EngineHost, Protocol):
    """The workers of an engine, as far as what makes pieces for them uses them."""

    port: EngineAdapter
    max_workers: int
    held: bool
    queues: dict[int, RawQueue]

    def stand_in(self, thing: Any) -> tuple[Any, ...]:
        """Return what a raw queue is pickled as."""
        ...

    def pack(self, value: Any, what: str) -> pickling.Pickled:
        """Pickle what goes to the workers; `Unpicklable` names `what`, and what in it would not."""
        ...

    def pack_function(self, fn: Any) -> pickling.Pickled:
        """Pickle a function for the workers, with nothing beside it."""
        ...

    def send(self, works: Sequence[Sent], pieces: Sequence[Piece]) -> None:
        """Give pieces of work to the engine."""
        ...

    def over(self, task: int) -> None:
        """Forget a task that is in the engine's hands no more."""
        ...


class CallPieces:
    """The calls of a pool, on their way to an engine."""

    def __init__(self, calls: Calls, host: PieceHost, on_done: Callable[[Any], None]) -> None:
        """`on_done` is called with the future of a call when that is done or cancelled, on any thread."""
        self.calls = calls
        self._host = host
        self._on_done = on_done

    def hand(self) -> None:
        """Give the engine what it may have: its own queue of calls is short, so that ours can be cancelled."""
        most = max(4 * self._host.max_workers, 64)
        calls = self.calls
        while calls.window and len(calls.in_hand) < most and not self._host.held:
            try:
                call: Call = calls.window.popleft()
            except IndexError:
                return
            self._hand(call)

    def _hand(self, call: Call) -> None:
        """Give it to the engine. Its future waits, and can be cancelled, until a worker is heard to begin it."""
        entry = call.take()
        if entry is None:
            return
        calls, host = self.calls, self._host
        job = EngineJob(slot_at(calls, Place(host, host.port.name)), entry, calls.reporter.now())
        if call.future.cancelled():
            call.withdrawn()
            return
        described = call.describe(call.args)
        calls.in_hand[job.id] = job
        try:
            function = host.pack_function(call.fn)
            with pickling.substituting(host.stand_in):
                payload = host.pack((call.args, dict(call.kwargs)), f"an argument of {described}, ")
        except Unpicklable as error:
            job.finish(Outcome(None, error))
            return
        if host.queues:
            job.senders = RemoteSenders()
            job.senders.expect(job.place, call.args, call.kwargs)
        host.send([job], [host.piece(job.id, job.attempt, described, function.data, payload)])
        if call.cancel_reason is not None:  # it was asked to stop meanwhile
            call.ask(job, call.cancel_reason)
        call.future.add_done_callback(self._on_done)


class ItemPieces:
    """The items of one map, on their way to an engine."""

    def __init__(self, share: Map, host: PieceHost) -> None:
        self.share = share
        self._host = host
        self._function: list[Any] = []
        self.pace = Pace()
        self._apart: set[int] = set()
        """Items that go by themselves since a worker died that had them."""

    def ahead(self) -> int:
        """Return how many items the engine may have, by what is known of their speed."""
        slots, pace = self._host.max_workers, self.pace
        if not pace.count:
            return 2 * slots
        most = max(FEW_AHEAD, min(EACH_AHEAD * slots, MOST_AHEAD))
        mean = max(pace.spent / pace.count, 1e-6)
        return max(2 * slots, min(most, 2 * pace.count, int(slots * (1 + AHEAD_S / mean))))

    def learn(self, seconds: float) -> None:
        """Take the time that an item has taken."""
        self.pace.learn(seconds)

    def hand(self) -> None:
        """Give the engine what it may have, once it is worth the words."""
        share, host = self.share, self._host
        if not share.window or host.held:
            return
        room = self.ahead() - len(share.in_hand)
        if room < min(len(share.window), self.ahead() // 4):
            return
        sent: list[Sent] = []
        pieces: list[Piece] = []
        with pickling.substituting(host.stand_in):
            while room > 0 and share.window:
                taken = self._take(min(room, self._together()))
                room -= len(taken)
                for work, piece in self._pieces(taken):
                    sent.append(work)
                    pieces.append(piece)
        host.send(sent, pieces)
        if share.halted is not None:  # meanwhile
            share.workers.request_cancel(share, share.halted)

    def _together(self) -> int:
        """Return how many of the items that wait go in one piece."""
        share = self.share
        if share.policy.timeout is not None:
            return 1
        waiting = len(share.window) if share.exhausted else len(share.window) + len(share.in_hand)
        return self.pace.together(self._host.max_workers, self.ahead(), waiting)

    def _take(self, count: int) -> list[tuple[EngineJob, pickling.Pickled]]:
        """Take up to `count` items that wait, each with its arguments packed; those that refuse fail."""
        share, host = self.share, self._host
        taken: list[tuple[EngineJob, pickling.Pickled]] = []
        slot = slot_at(share, Place(host, host.port.name))
        for _ in range(count):
            try:
                job = EngineJob(slot, share.window.popleft(), share.reporter.now())
            except IndexError:
                break
            job.items = self
            share.in_hand[job.id] = job
            try:
                taken.append((job, host.pack((job.args, {}), "an argument of the map, ")))
                if not self._function:
                    self._function.append(host.port.keep(host.pack_function(share.fn).data))
            except Unpicklable as error:
                job.finish(Outcome(None, error))
        return taken

    def _pieces(self, taken: Sequence[tuple[EngineJob, pickling.Pickled]]) -> Iterator[tuple[Sent, Piece]]:
        """Make pieces of items: one of all that are plain, one of each other."""
        plain = [(job, payload.data) for job, payload in taken if self._is_plain(job, payload)]
        if len(plain) > 1 and not self._host.queues:
            batch = ItemBatch(self, [job for job, _ in plain], plain[0][0].place)
            yield batch, batch.piece(self._function[0], [data for _, data in plain])
        for job, payload in taken:
            if job.batch is None:
                yield job, self._piece(job, payload)

    def _is_plain(self, job: EngineJob, payload: pickling.Pickled) -> bool:
        return job.attempt == 1 and not payload.buffers and len(payload.data) <= SMALL and job.id not in self._apart

    def _piece(self, job: EngineJob, payload: pickling.Pickled) -> Piece:
        if self._host.queues:
            job.senders = RemoteSenders()
            job.senders.expect(job.place, job.args, {})
        return self._host.piece(job.id, job.attempt, self.share.describe(job.args), self._function[0], payload)

    def forget(self) -> None:
        """Release the function that the engine keeps for it."""
        self._function.clear()

    def ended_together(self, worker: str, ended: Sequence[tuple[EngineJob, Ended]]) -> None:
        """Take the outcomes of items of a batch. Short ones that just returned a value are reported all at once."""
        share, count = self.share, 0
        slot = slot_at(share, Place(self._host, worker))
        for job, one in ended:
            self._host.over(job.id)
            task, value, buffers, error, started, at, _ = one
            if error or job.announced is not None or (outcome := made_of(value, buffers)).error is not None:
                job.arrived(as_result(worker, one), None)
            elif share.in_hand.pop(task, None) is not None:
                slot.ended.append((task, started, at))
                count += 1
                self.pace.learn(at - started)
                index, _, args, attempt = job.entry
                share.records.put((index, args, outcome.value, None, started, at, attempt))
        if count:
            slot.count += count
            slot.tell()
            share.tell()
            share.rested()

    def take_back(self, jobs: Sequence[EngineJob], *, alone: bool) -> None:
        """Requeue items, before all others, that their batch did not come to; `alone`: its worker died."""
        share = self.share
        if alone:
            self._apart.update([job.id for job in jobs])
        for job in reversed(jobs):
            self._host.over(job.id)
            if not job.leave_hands():  # given up
                continue
            if job.announced is not None:
                job.rerun(f"worker {job.place.name} is gone")
            share.requeue(job.entry, first=True)
        if jobs:
            share.tell()
            share.rested()
