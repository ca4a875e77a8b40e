"""Calls and items of maps that an engine of somebody else's runs: attempts, deadlines, order and settling are ours.

All but what says otherwise happens on the backend's own thread.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mainstage.backends.assignments import RemoteSenders, RemoteTask, whole
from mainstage.backends.calls import Call
from mainstage.backends.claims import Claims
from mainstage.backends.lane import Item, Lane
from mainstage.errors import Cancelled, TaskTimeout, Unpicklable
from mainstage.events import TaskStarted
from mainstage.worker import cargo, runner
from mainstage.worker.runner import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.backends.calls import Spec, TaskFuture
    from mainstage.backends.engine_worker import Result
    from mainstage.backends.engines import EngineBackend, Piece
    from mainstage.backends.lane import Entry
    from mainstage.backends.timer import Alarm
    from mainstage.worker.reporter import Reporter

AHEAD_S = 0.5
"""Seconds of work that the engine is given ahead of what its slots can run."""
MOST_AHEAD = 1000


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


class Work(Protocol):
    """A piece of work in the engine's hands."""

    handle: Any
    """What the engine gave for it."""
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

    def came(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        ...


def outcome_of(result: Result, asked: str | None) -> Outcome:
    """Return what a worker sent back, made here; `asked`: why it was asked to stop, if it was."""
    if result.error:
        error = cargo.unpack_error(result.error)[0]
        if asked is not None and isinstance(error, KeyboardInterrupt):  # Ray's way to stop what runs
            error = Cancelled(asked)
        return Outcome(None, error)
    try:
        return Outcome(cargo.unpack(result.value, [bytearray(one) for one in result.buffers]), None)
    except BaseException as error:  # noqa: BLE001  # a class of the user's may raise anything as it is made
        made = Unpicklable(f"the result could not be made here: {type(error).__name__}: {error}")
        made.__cause__ = error
        return Outcome(None, made)


def ran_again(work: Work, result: Result) -> bool:
    """Return whether a result is of another worker than was heard to begin it: Ray's overtake news."""
    return work.begun_at is not None and work.place.name != result.worker


class EngineCall(Call):
    """A submitted call that an engine runs."""

    __slots__ = ("announced", "begun_at", "handle", "place", "senders")

    def __init__(self, owner: EngineBackend, spec: Spec, future: TaskFuture[Any]) -> None:
        super().__init__(owner, spec, future)  # type: ignore[arg-type]  # what it asks of it is there
        self.handle: Any = None
        self.senders = RemoteSenders()
        self.place = Place(owner, owner.port.name)
        self.announced = False
        self.begun_at: float | None = None

    def hand(self) -> bool:
        """Give it to the engine; False: it does not run, and is settled."""
        if not self._begin():
            return False
        spec, backend = self.spec, self._owner
        self.announced, self.begun_at = False, None
        self.place = Place(backend, backend.port.name)
        with self._lock:
            self.task, asked = self._new_task(), self._asked
        try:
            function = backend.pack_function(spec.fn)
            with cargo.crossing(backend.stand_in):
                payload = backend.pack((spec.args, dict(spec.kwargs)), f"an argument of {spec.description}, ")
        except Unpicklable as error:
            self._end(Outcome(None, error))
            return False
        self.senders.expect(self.place, spec.args, spec.kwargs)  # type: ignore[arg-type]  # its name is all it asks
        piece = backend.piece(self.future.task, self.attempt, spec.description, function.data, payload)
        backend.send([self], [piece])
        if asked is not None:
            self.place.request(self.future.task, asked)
        return True

    def _new_task(self) -> RemoteTask:
        return RemoteTask(self.place, self.future.task, self.attempt, self.spec.description)  # type: ignore[arg-type]

    def begun(self, place: Place, event: TaskStarted) -> bool:
        """Learn that a worker began it; return whether one had before: the engine runs it again."""
        if self.begun_at is not None:
            return True
        self.place = place
        self.begun_at = event.at
        self._announce(event.at)
        timeout = self.spec.policy.timeout
        if timeout is not None:
            self._alarm = self._owner.timer.after(timeout, lambda: self._overdue(place))  # type: ignore[arg-type]
        return False

    def again(self, reason: str) -> None:
        """Learn that it runs anew, as a further attempt."""
        if self._alarm is not None:
            self._alarm.cancel()
        task = self.remote_task()
        runner.retry(task, Outcome(None, self._owner.lost(reason, self._input())), 0.0, self._input())
        with self._lock:
            self.attempt += 1
            self.announced, self.begun_at = False, None
            self.task = self._new_task()

    def _announce(self, at: float) -> None:
        if not self.announced and self.task is not None:
            self.announced = True
            self.task.worker = self.place.name
            reporter = self._owner.reporter
            reporter.send(TaskStarted(at, self.future.task, self.attempt, self.place.name, self.spec.description))

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
        task = self.task
        assert isinstance(task, RemoteTask)  # noqa: S101  # made as it was handed over
        self._announce(self._owner.reporter.now())
        return task

    def came(self, result: Result | None, error: BaseException | None) -> None:
        """Take its outcome: what the worker made of it, or why the engine could not have it run."""
        if result is not None and self.task is not None:
            if ran_again(self, result):
                self.again(f"worker {self.place.name} is gone")
            self.place = Place(self._owner, result.worker)
            self._announce(result.started)
            self.task.place(whole(result.completed))
        self._end(outcome_of(result, self._asked) if result is not None else Outcome(None, error))

    def _end(self, outcome: Outcome) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if isinstance(outcome.error, Cancelled) and not self.announced and self._asked is not None:
            if self._claim():
                self.future.set_exception(CancelledError(self._asked))
                self._never_began(self._asked)
            self.senders.end(None)
            return
        again = self._conclude(self.place, self.remote_task(), outcome)  # type: ignore[arg-type]  # as above
        self.senders.end(None if again else outcome.error)

    def _retries(self, error: BaseException) -> bool:
        return super()._retries(error) and not isinstance(error, Unpicklable)

    def _give_up(self, worker: Any, error: BaseException) -> None:
        """Settle it now, and have the engine forget it. Any thread."""
        if self._claim():
            self._owner.post(lambda: self._settle(self.remote_task(), Outcome(None, error), worker))
        self._owner.post(lambda: self._owner.drop(self.future.task, lost=isinstance(error, TaskTimeout)))

    if TYPE_CHECKING:
        _owner: EngineBackend  # type: ignore[assignment]


NO_SENDERS = RemoteSenders()
"""Of work that was given no raw queue: tens of thousands share it."""


class EngineItem(Item):
    """An item of a map in the hands of an engine."""

    senders = NO_SENDERS
    handle: Any = None
    begun_at: float | None = None
    alarm: Alarm | None = None
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
        self.announced, self.task, self.begun_at = False, None, None

    def remote_task(self) -> RemoteTask:
        """Return the task that stands for it here, announced."""
        task = self.task
        if task is None:
            event = self.announce(self.started)
            if event is not None:
                self.reporter.send(event)
            task = self.task = RemoteTask(self.place, self.id, self.attempt, self.input())  # type: ignore[arg-type]
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
        self._spent = 0.0
        self._ended = 0

    def lane(self, name: str) -> Lane:
        """Return a worker's place in this map."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = Lane(self._reporter, self.id, name)
        return known

    def ahead(self) -> int:
        """Return how many items the engine may have, by what is known of their speed."""
        slots = self.backend.max_workers
        if not self._ended:
            return 2 * slots
        mean = max(self._spent / self._ended, 1e-6)
        return max(2 * slots, min(MOST_AHEAD, 2 * self._ended, int(slots * (1 + AHEAD_S / mean))))

    def _room(self) -> int:
        outstanding = self.handed - self.taken
        if self.buffersize is not None:
            self._ahead = self.buffersize
        else:
            self._ahead = 2 * self.ahead()
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
        items: list[EngineItem] = []
        pieces: list[Piece] = []
        with cargo.crossing(self.backend.stand_in):
            while len(items) < room:
                try:
                    item = EngineItem(self, self._window.popleft())
                except IndexError:
                    break
                self._inhand[item.id] = item
                try:
                    pieces.append(self._piece(item))
                except Unpicklable as error:
                    self._finish(item, Outcome(None, error))
                else:
                    items.append(item)
        self.backend.send(items, pieces)
        if self.halted is not None:  # meanwhile
            self._ask_all(self.halted)

    def _piece(self, item: EngineItem) -> Piece:
        backend = self.backend
        if not self._function:
            self._function.append(backend.port.keep(backend.pack_function(self._fn).data))
        payload = backend.pack((item.args, {}), "an argument of the map, ")
        if backend.queues:
            item.senders = RemoteSenders()
            item.senders.expect(item.place, item.args, {})  # type: ignore[arg-type]  # its name is all it asks
        return backend.piece(item.id, item.attempt, item.input(), self._function[0], payload)

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
            self._spent += result.ended - result.started
            self._ended += 1
            item.remote_task().place(whole(result.completed))
            self._finish(item, outcome_of(result, item.asked))
        elif isinstance(error, Cancelled) and not item.announced and self.halted is not None:
            if self._let_go(item) and item.claim():
                self._drop(item.entry)
            self.look()
        else:
            self._finish(item, Outcome(None, error))

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

    def active(self) -> bool:
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
                if item.claim():
                    self._settle(item, Outcome(None, error))
                self.hand()
                self.look()

        self.backend.post(settle)

    def _retire(self, worker: Any) -> None:
        """Do nothing: an engine's workers are its own."""
