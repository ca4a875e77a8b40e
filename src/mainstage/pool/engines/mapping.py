"""Items of maps that an engine of somebody else's runs: attempts, deadlines, order and settling are ours.

All but what says otherwise happens on the backend's own thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mainstage.core import pickling
from mainstage.errors import Cancelled, TaskTimeout, Unpicklable, explain, is_instance
from mainstage.pool.claims import Claims
from mainstage.pool.engines.batch import SMALL, Bundle, Pace, as_result
from mainstage.pool.items import Item, Lane
from mainstage.pool.remote import RemoteSenders, RemoteTask, as_int_if_whole
from mainstage.tasks import outcome as runner
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mainstage.events import TaskStarted
    from mainstage.pool.engines.adapter import Piece
    from mainstage.pool.engines.shelf import Ended
    from mainstage.pool.engines.worker import Result
    from mainstage.pool.engines.workers import EngineBackend
    from mainstage.pool.items import Entry
    from mainstage.pool.timer import Alarm
    from mainstage.tasks.reporter import Reporter

AHEAD_S = 0.5
"""Seconds of work that the engine is given ahead of what its slots can run."""
FEW_AHEAD, EACH_AHEAD, MOST_AHEAD = 1000, 64, 20_000
"""Items that the engine is given ahead at most: so many, or where it has many slots, so many for each; never more than
the last, or two for each."""


class Place(NamedTuple):
    """A worker of the engine, or the engine itself where that is not known yet."""

    backend: EngineBackend
    name: str

    @property
    def reporter(self) -> Reporter:
        """Where its reports go."""
        return self.backend.reporter

    def request(self, task: int, reason: str) -> None:
        """Ask the task to stop. Any thread."""
        self.backend.ask([task], reason)


class Sent(Protocol):
    """A piece of work in the engine's hands."""

    handle: Any
    """What the engine gave for it."""
    place: Place

    def tasks(self) -> Mapping[int, Work]:
        """Return the tasks in it, by their number."""
        ...

    def came(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        ...


class Work(Protocol):
    """A task in the engine's hands."""

    handle: Any
    """What the engine gave for it, if it is a piece of work by itself."""
    begun_at: float | None
    """When a worker was heard to begin it."""
    place: Place
    senders: RemoteSenders

    def begun(self, place: Place, event: TaskStarted) -> bool:
        """Learn that a worker began it; return whether one had before: the engine runs it again."""
        ...

    def again(self, reason: str) -> None:
        """Learn that it runs anew, as a further attempt."""
        ...

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
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


def ran_again(work: Work, result: Result) -> bool:
    """Return whether a result is of another worker than was heard to begin it: Ray's overtake news."""
    return work.begun_at is not None and work.place.name != result.worker


NO_SENDERS = RemoteSenders()
"""Of work that was given no raw queue: tens of thousands share it."""


class EngineItem(Item):
    """An item of a map in the hands of an engine."""

    senders = NO_SENDERS
    handle: Any = None
    begun_at: float | None = None
    alarm: Alarm | None = None
    bundle: Bundle | None = None
    """What it goes in, if not by itself."""
    _told: str | None = None

    def __init__(self, owner: EngineMap, entry: Entry) -> None:
        self._owner = owner
        self.place = owner.nowhere
        super().__init__(owner.lane(self.place.name), entry, owner.now())

    def input(self) -> str:
        """Describe what it works on, once."""
        if self._told is None:
            self._told = super().input()
        return self._told

    def tasks(self) -> Mapping[int, Work]:
        """Return it, by its number."""
        return {self.id: self}

    def begun(self, place: Place, event: TaskStarted) -> bool:
        """Learn that a worker began it; return whether one had before: the engine runs it again."""
        if self.begun_at is not None:
            return True
        self.place = place
        self.lane = self._owner.lane(place.name)
        self.begun_at = self.started = event.at
        self._owner.set_alarm(self)
        self.remote_task()
        return False

    def again(self, reason: str) -> None:
        """Learn that it runs anew, as a further attempt."""
        if self.alarm is not None:
            self.alarm.cancel()
        runner.retry(
            self.remote_task(), Outcome(None, self.place.backend.lost(reason, self.input())), 0.0, self.input()
        )
        index, ident, args, attempt = self.entry
        self.entry = (index, ident, args, attempt + 1)
        vars(self).pop("announced", None)
        self.task, self.begun_at = None, None

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
        task = self.task
        if task is None:
            for event in self.announce(self.started):
                self.reporter.send(event)
            task = self.task = RemoteTask(self.place, self.id, self.attempt, self.name())
        assert isinstance(task, RemoteTask)  # noqa: S101  # made here and nowhere else
        return task

    resolve = remote_task

    def request_cancel(self, reason: str) -> None:
        """Ask its worker to stop."""
        self.asked = reason
        self.place.request(self.id, reason)

    def came(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        self._owner.ended(self, result, error)


class EngineMap(Claims):
    """A map whose items are given to an engine, as many ahead as keep it busy."""

    def __init__(self, backend: EngineBackend, fn: Callable[..., Any], source: Any, policy: Any) -> None:
        super().__init__(
            fn,
            source,
            pool=backend,  # type: ignore[arg-type]  # its `max_workers` is all that is asked
            timer=backend.timer,
            reporter=backend.reporter,
            policy=policy,
        )
        self.backend = backend
        self.now = backend.reporter.now
        self._inhand: dict[int, EngineItem] = {}
        self._function: list[Any] = []
        self._known: dict[str, Lane] = {}
        self.nowhere = Place(backend, backend.port.name)
        """Where an item is until a worker is heard to have begun it."""
        self._pace = Pace()
        self._apart: set[int] = set()
        """Items that go by themselves since a worker died that had them."""

    def lane(self, name: str) -> Lane:
        """Return a worker's place in this map."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = Lane(self._reporter, self.id, name, name_of=self.name_of)
        return known

    def ahead(self) -> int:
        """Return how many items the engine may have, by what is known of their speed."""
        slots, pace = self.backend.max_workers, self._pace
        if not pace.count:
            return 2 * slots
        most = max(FEW_AHEAD, min(EACH_AHEAD * slots, MOST_AHEAD))
        mean = max(pace.spent / pace.count, 1e-6)
        return max(2 * slots, min(most, 2 * pace.count, int(slots * (1 + AHEAD_S / mean))))

    def _room(self) -> int:
        outstanding = self.handed - self.taken
        if self.buffersize is not None:
            self._ahead = self.buffersize
        else:
            self._ahead = 2 * self.ahead()
            outstanding -= self.lent
        return self._ahead - outstanding

    def _launch(self) -> None:
        if self._window:
            self.backend.post(self.hand)

    def hand(self) -> None:
        """Give the engine what it may have, once it is worth the words."""
        if not self._window or self.backend.held:
            return
        room = self.ahead() - len(self._inhand)
        if room < min(len(self._window), self.ahead() // 4):
            return
        sent: list[Sent] = []
        pieces: list[Piece] = []
        with pickling.substituting(self.backend.stand_in):
            while room > 0 and self._window:
                taken = self._take(min(room, self._together()))
                room -= len(taken)
                for work, piece in self._pieces(taken):
                    sent.append(work)
                    pieces.append(piece)
        self.backend.send(sent, pieces)
        if self.halted is not None:  # meanwhile
            self._ask_all(self.halted)

    def _together(self) -> int:
        """Return how many of the items that wait go in one piece."""
        if self._policy.timeout is not None:
            return 1
        waiting = len(self._window) if self._exhausted else len(self._window) + len(self._inhand)
        return self._pace.together(self.backend.max_workers, self.ahead(), waiting)

    def _take(self, count: int) -> list[tuple[EngineItem, pickling.Pickled]]:
        """Take up to `count` items that wait, each with its arguments packed; those that refuse fail."""
        taken: list[tuple[EngineItem, pickling.Pickled]] = []
        for _ in range(count):
            try:
                item = EngineItem(self, self._window.popleft())
            except IndexError:
                break
            self._inhand[item.id] = item
            try:
                taken.append((item, self.backend.pack((item.args, {}), "an argument of the map, ")))
                if not self._function:
                    self._function.append(self.backend.port.keep(self.backend.pack_function(self._fn).data))
            except Unpicklable as error:
                self._finish(item, Outcome(None, error))
        return taken

    def _pieces(self, taken: Sequence[tuple[EngineItem, pickling.Pickled]]) -> Iterator[tuple[Sent, Piece]]:
        """Make pieces of items: one of all that are plain, one of each other."""
        plain = [(item, payload.data) for item, payload in taken if self._is_plain(item, payload)]
        if len(plain) > 1 and not self.backend.queues:
            bundle = Bundle(self, [item for item, _ in plain], self.nowhere)
            yield bundle, bundle.piece(self._function[0], [data for _, data in plain])
        for item, payload in taken:
            if item.bundle is None:
                yield item, self._piece(item, payload)

    def _is_plain(self, item: EngineItem, payload: pickling.Pickled) -> bool:
        return item.attempt == 1 and not payload.buffers and len(payload.data) <= SMALL and item.id not in self._apart

    def _piece(self, item: EngineItem, payload: pickling.Pickled) -> Piece:
        if self.backend.queues:
            item.senders = RemoteSenders()
            item.senders.expect(item.place, item.args, {})
        return self.backend.piece(item.id, item.attempt, item.name(), self._function[0], payload)

    def forget(self) -> None:
        """Let go of what the engine keeps for it."""
        self._function.clear()

    def set_alarm(self, item: EngineItem) -> None:
        """Have it end at its deadline."""
        timeout = self._policy.timeout
        if timeout is not None:
            item.alarm = self._timer.after(timeout, lambda: self._overdue(item.place, item))  # type: ignore[arg-type]

    def ended(self, item: EngineItem, result: Result | None, error: BaseException | None) -> None:
        """Take an outcome."""
        if result is not None:
            if ran_again(item, result):
                item.again(f"worker {item.place.name} is gone")
            if item.begun_at is None:
                item.started = result.started
                item.place = Place(self.backend, result.worker)
                item.lane = self.lane(result.worker)
            self._pace.learn(result.ended - result.started)
            item.remote_task().set_position(as_int_if_whole(result.completed))
            self._finish(item, outcome_of(result, item.asked))
        elif is_instance(error, Cancelled) and not item.announced and self.halted is not None:
            if self._let_go(item) and item.claim():
                self._drop(item.entry)
            self.look()
        else:
            self._finish(item, Outcome(None, error))

    def ended_together(self, worker: str, ended: Sequence[tuple[EngineItem, Ended]]) -> None:
        """Take what came of items of a bundle. Short ones that just returned something are told of all at once."""
        lane, count = self.lane(worker), 0
        for item, one in ended:
            self.backend.over(item.id)
            task, value, buffers, error, started, at, _ = one
            if error or item.announced or (outcome := made_of(value, buffers)).error is not None:
                self.ended(item, as_result(worker, one), None)
            elif self._inhand.pop(task, None) is not None:
                lane.ended.append((task, started, at))
                count += 1
                self._pace.learn(at - started)
                self._done.put((item.index, item.args, outcome.value, None, started, at, item.attempt))
        if count:
            lane.count += count
            lane.tell()
            self.look()

    def take_back(self, items: Sequence[EngineItem], *, alone: bool) -> None:
        """Have items wait again, before all others, that their bundle did not come to; `alone`: its worker died."""
        for item in reversed(items):
            self.backend.over(item.id)
            if self._inhand.pop(item.id, None) is None:  # given up
                continue
            if item.announced:
                item.again(f"worker {item.place.name} is gone")
            if self.halted is not None or item.id in self._unwanted:
                self._drop(item.entry)
            else:
                self._window.appendleft(item.entry)
        if items:
            self._apart.update([item.id for item in items] if alone else ())
            self.look()

    def _finish(self, item: EngineItem, outcome: Outcome) -> None:
        if self._let_go(item):
            item.remote_task()
            item.senders.end(outcome.error)
            self._conclude(item, outcome)
        self.look()

    def _let_go(self, item: EngineItem) -> bool:
        if item.alarm is not None:
            item.alarm.cancel()
        return self._inhand.pop(item.id, None) is not None

    def look(self) -> None:
        """Tell whoever waits."""
        self._tell()
        if (self.left or self.halted is not None) and not self._inhand and self.on_done is not None:
            self.on_done()

    # --- what threads do otherwise ---

    def is_active(self) -> bool:
        """Return whether the engine has items."""
        return bool(self._inhand)

    def halt(self, reason: str) -> None:
        """Hand out nothing more and ask the items at hand to stop. Any thread; a second call asks again."""
        self.drain(reason)
        self.backend.post(lambda: self._ask_all(reason))

    def _ask_all(self, reason: str) -> None:
        for item in self._inhand.values():
            item.asked = reason
        self.backend.ask(list(self._inhand), reason)
        for bundle in {item.bundle for item in self._inhand.values() if item.bundle is not None}:
            if bundle.unbegun() and bundle.handle is not None:
                self.backend.port.drop(bundle.handle, "", kill=False)

    def cancel(self, task: int, reason: str) -> None:
        """Ask the item of the number `task` to stop, and give up on it after the grace time. Any thread."""
        self._unwanted[task] = reason
        item = self._inhand.get(task)
        if item is not None:
            item.request_cancel(reason)
            self._timer.after(
                self._policy.grace, lambda: self._give_up(item.place, item, Cancelled("did not stop in time"))
            )

    def abandon_in_time(self) -> None:
        """Give up, after the grace time, on what has not stopped by then."""
        if self._inhand:
            self._timer.after(self._policy.grace, lambda: self.abandon("did not stop in time"))

    def abandon(self, reason: str) -> None:
        """Settle the items at hand, and have the engine forget them."""
        for item in list(self._inhand.values()):
            self._give_up(item.place, item, Cancelled(reason))

    def _give_up(self, worker: Any, item: Any, error: BaseException) -> None:  # noqa: ARG002  # as of threads
        def settle() -> None:
            if self._let_go(item):
                self.backend.drop(item.id, lost=isinstance(error, TaskTimeout))
                if item.bundle is not None:
                    item.bundle.forgo(item)
                if item.claim():
                    self._settle(item, Outcome(None, error))
                self.hand()
                self.look()

        self.backend.post(settle)

    def _retire(self, worker: Any) -> None:
        """Do nothing: an engine's workers are its own."""
