"""Threads of this process that take calls and items one by one, and the two loops in which all of the time is spent.

`run_calls` and `run_items` are written out by hand: a function call more for each costs 5 %. What they inline is the
making of a `Job`, and the end of one that was short, gave a value and was not asked to stop: that needs no task, no
event and, with a grace time, no right to end it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from mainstage.core.fork import end_forked_child
from mainstage.errors import add_note, is_instance
from mainstage.pool.calls import Calls
from mainstage.pool.items import FOLD
from mainstage.pool.job import Job, WindowShare, WorkerSlot
from mainstage.pool.mapping import Map
from mainstage.pool.thread_pool import ThreadPool
from mainstage.pool.timer import Timer
from mainstage.tasks.outcome import Outcome
from mainstage.tasks.queue import raw_queue
from mainstage.tasks.queue.thread_patches import any_open
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.channels.inbox import ThreadChannel
    from mainstage.core.commands import Locate
    from mainstage.pool.calls import Call
    from mainstage.pool.job import Entry, Share
    from mainstage.pool.thread_pool import Worker


TURN = 64
"""Calls after which a thread looks whether others wait for it: a map, while calls go on coming."""

_all: WeakSet[ThreadWorkers] = WeakSet()


def _after_in_child() -> None:
    """Make the job of the thread that has forked end its process instead of being concluded: the loop is the parent's.

    The hot loops pay nothing for it: what is put here is an attribute of the one job, in the child.
    """
    thread: Any = threading.current_thread()
    for workers in tuple(_all):
        for share in workers.shares():
            slot = share.slots.get(thread)
            if slot is not None and slot.current is not None:
                job = slot.current
                job.cancel_reason = "forked"  # a success is then concluded as all else is
                vars(job)["conclude"] = lambda outcome, _=None: end_forked_child(outcome.error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)


class ThreadWorkers:
    """At most `max_workers` threads that do not wait for each other."""

    receive_cpu_s = 0.0
    """Nothing: they report in this process."""
    remote_workers = 0
    """None reports by batches."""

    def __init__(
        self, reporter: ThreadChannel, max_workers: int, *, wake: Callable[[], None], name: str = "thread"
    ) -> None:
        self.reporter = reporter
        self.max_workers = max_workers
        self.threads = ThreadPool(max_workers, name=name, on_idle=wake)
        self.timer = Timer()
        self._shares: dict[WindowShare, None] = {}
        _all.add(self)

    def shares(self) -> list[WindowShare]:
        """Return those that are known."""
        return list(self._shares)

    @property
    def most(self) -> int:
        """How many threads there may be now: another one for each that waits for work of its own pool."""
        return self.threads.most

    @property
    def closed(self) -> bool:
        """Whether no more work is taken."""
        return self.threads.closed

    def open(self, share: WindowShare) -> None:
        """Register `share`, until `forget`."""
        self._shares[share] = None

    def forget(self, share: WindowShare) -> None:
        """Remove it."""
        self._shares.pop(share, None)

    def offer(self, share: WindowShare) -> None:
        """Bring as many threads to a window as it has work for. Any thread."""
        free, owed, active, most = share.free, share.owed, share.active, self.threads.most
        while len(share.window) > most - len(free) + len(owed) - len(active):  # so many are on their way
            try:
                free.pop()
            except IndexError:
                return
            self.threads.put(functools.partial(self.serve, share), yields=share.yields)

    def post(self, call: Callable[[], None]) -> None:
        """Call `call` at once: threads report by themselves."""
        call()

    def request_cancel(self, share: Share, reason: str) -> None:
        """Ask all jobs of `share` that are at hand to stop. Any thread, signal handlers too."""
        for job in share.jobs():
            job.request_cancel(reason)

    def give_up(self, job: Job, error: BaseException) -> None:
        """End `job` although its thread did not stop: that one is counted out, another comes in its place."""
        slot, share = job.slot, job.slot.share
        job.cancel_reason = job.cancel_reason or str(error)  # its worker has to contend for the end from here on
        if slot.current is not job or not job.try_settle():
            return
        self.threads.abandon(slot.ref)  # it ends when it comes back
        share.slots.pop(slot.ref, None)
        if is_instance(error, Exception):
            add_note(error, "its thread did not stop when asked, and was abandoned; it is not retried")
        job.resolve()  # what comes from its thread from now on goes nowhere, and that is asked to stop
        job.end(Outcome(None, error))
        slot.note_rest()
        assert isinstance(share, WindowShare)  # noqa: S101  # its worker is one of these threads
        self._retire(share, slot.ref)
        share.tell()

    def hold(self, *, on: bool) -> None:
        """Begin nothing more, or go on."""
        self.threads.hold(on=on)

    def here(self) -> bool:
        """Return whether the calling thread is one of them."""
        return self.threads.here()

    @contextlib.contextmanager
    def blocked(self) -> Iterator[None]:
        """Bring another thread in the place of the calling one, which waits within the block for work of theirs."""
        with self.threads.blocked():
            for share in list(self._shares):
                share.add_place()
                self.offer(share)
            try:
                yield
            finally:
                for share in list(self._shares):
                    share.remove_place()

    def lookahead(self, share: Map) -> None:  # the protocol's
        """Return nothing: the speed of the items says how many are pulled ahead."""

    def set_interval(self, seconds: float) -> None:
        """Do nothing: positions are read where they are."""

    def locate(self, asked: Locate) -> None:
        """Do nothing: the owner sees where a thread stands."""

    def close(self, *, pending: bool) -> None:
        """Take no more work; the threads end when what there is has been done."""
        self.threads.close()
        if not pending:
            self.timer.close()

    def is_idle(self) -> bool:
        """Return whether every thread that was not abandoned has ended."""
        return not any(thread.is_alive() for thread in self.threads.threads())

    # --- on a thread ---

    def serve(self, share: WindowShare, worker: Worker) -> None:
        """Take from the window of `share`: a unit of the pool of threads."""
        slot = share.slots.get(worker)
        if slot is None:
            slot = share.slots[worker] = share.new_slot(worker)
        share.active[worker] = None
        slot.polled = True
        try:
            if isinstance(share, Calls):
                self.run_calls(share, slot)
            elif isinstance(share, Map):
                self.run_items(share, slot)
        finally:
            ambient.set(None)
            slot.current = None
            slot.note_rest()
            if not worker.abandoned:
                self._retire(share, worker)
            share.tell()

    def _retire(self, share: WindowShare, worker: Worker) -> None:
        share.remove_worker(worker)
        if share.window:
            self.offer(share)
        share.rested()

    def run_calls(self, calls: Calls, slot: WorkerSlot) -> None:  # noqa: C901, PLR0912  # one loop, the hot path of calls
        """Take calls until none waits, or the thread is wanted elsewhere."""
        popleft, now, new, worker = calls.window.popleft, self.reporter.now, object.__new__, slot.ref
        set_ambient, ended, holds, surplus = ambient.set, slot.ended, self.threads.holds, self.threads.surplus
        call: Call | None
        job: Job | None
        entry: Entry | None
        while True:
            try:
                call = popleft()
            except IndexError:
                return
            entry = call.begin()
            if entry is None:
                call = None  # nothing here keeps what has ended
                continue
            job = new(Job)
            job.slot, job.entry, job.started = slot, entry, now()
            slot.current = job
            set_ambient(job)
            if call.cancel_reason is not None:  # it was asked to stop as it began, and no job was found
                call.ask(job, call.cancel_reason)
            if self.reporter.detailed:
                job.resolve()
            elif slot.armed:
                slot.armed = False
                self.reporter.moved(slot)
            if call.policy.timeout is not None or any_open():
                self._run_slowly(call, job)
            else:
                try:
                    value = call.fn(*entry[2], **call.kwargs)
                except BaseException as error:  # noqa: BLE001  # whatever it is, it is this call's outcome
                    slot.count += 1
                    if job.task is not None or job.cancel_reason is not None or not call.fail(job, error):
                        job.conclude(Outcome(None, error))
                else:
                    slot.count += 1
                    if job.task is None and job.cancel_reason is None and (call.policy.grace or job.try_settle()):
                        ended.append((entry[1], job.started, now()))
                        call.succeed(value)
                    else:
                        job.conclude(Outcome(value, None))
                    del value
            slot.current = None
            set_ambient(None)
            call = job = entry = None
            if len(ended) > FOLD:
                slot.fold()
            if worker.abandoned or holds or surplus or (not slot.count % TURN and self.threads.busy()):
                return

    def run_items(self, share: Map, slot: WorkerSlot) -> None:  # noqa: C901, PLR0912  # one loop, the hot path of maps
        """Take items until none waits, or the thread is wanted elsewhere."""
        popleft, now, new, worker, fn = share.window.popleft, self.reporter.now, object.__new__, slot.ref, share.fn
        set_ambient, ended, put, alone = ambient.set, slot.ended, share.records.put, self.threads.alone
        quick, patient = share.policy.timeout is None, share.policy.grace > 0
        at = slot.began = now()
        try:
            while True:
                try:
                    entry = popleft()
                except IndexError:
                    return
                job = new(Job)
                job.slot, job.entry, job.started = slot, entry, at  # where the one before it ended: a reading less
                slot.current = job
                set_ambient(job)
                if slot.armed:
                    slot.armed = False
                    self.reporter.moved(slot)
                index, ident, args, attempt = entry
                if quick:
                    try:
                        value = fn(*args)
                    except BaseException as error:  # noqa: BLE001  # whatever it is, it is this item's outcome
                        job.conclude(Outcome(None, error))
                        at = now()
                    else:
                        started, at = at, now()
                        slot.count += 1
                        if job.task is None and job.cancel_reason is None and (patient or job.try_settle()):
                            ended.append((ident, started, at))
                            put((index, args, value, None, started, at, attempt))
                        else:
                            job.conclude(Outcome(value, None))
                        del value
                else:
                    outcome = job.run_timed()
                    job.conclude(outcome)  # looked up only now: a fork has put another in its place in the child
                    at = now()
                    del outcome
                if len(ended) > FOLD:
                    slot.fold()
                if share.waiting:
                    share.tell()
                if worker.abandoned or not alone():
                    return
        finally:
            slot.rest(now())

    def _run_slowly(self, call: Call, job: Job) -> None:
        """Run a call that has a deadline, or may have been given a raw queue."""
        queues = raw_queue.enter_senders(call.args, call.kwargs, job.resolve()) if any_open() else ()

        def leave(error: BaseException | None) -> None:
            for queue in queues:
                raw_queue.leave_sender(queue, error)

        outcome = job.run_timed()
        job.conclude(outcome, leave)  # looked up only now: a fork in there has put another in its place in the child
