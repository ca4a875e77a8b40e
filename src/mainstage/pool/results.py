"""The caller's side of a `map`: feed, take, put in order, and end in each of the ways that a loop can end."""

from __future__ import annotations

from collections import deque
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from mainstage.core.lending import Lending
from mainstage.core.names import nearest
from mainstage.errors import Cancelled, is_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.pool.mapping import Map, Record

OnError: TypeAlias = Literal["raise", "collect", "skip"]


class ItemOutcome(NamedTuple):
    """What became of one item: `value`, or `error`. `seconds` is how long its last attempt took."""

    number: int
    """Its place in the input, from 0."""
    input: Any
    value: Any
    error: BaseException | None
    seconds: float
    attempt: int
    started: float
    """In seconds on the run's clock."""


class WaitHost(Protocol):
    """The run that a map belongs to, as far as its consumer needs it."""

    def _wait_until(self, done: Callable[[], bool]) -> bool:
        """Wait for `done()`, drawing."""
        ...

    def _wind_down(self, busy: Callable[[], bool]) -> None:
        """Wait until not `busy()`, for the grace time or until asked to stop once more."""
        ...

    def _draw_if_due(self) -> None:
        """Draw if it is time."""
        ...

    def _consumed(self, consumer: ResultIterator) -> None:
        """Forget a consumer that has ended."""
        ...


def check_on_error(value: str) -> OnError:
    """Return `value`, or raise `ValueError` naming what it may be."""
    if value not in ("raise", "collect", "skip"):
        known = ("raise", "collect", "skip")
        raise ValueError(f"on_error={value!r} is not one of {', '.join(map(repr, known))}{nearest(value, known)}")
    return value  # type: ignore[return-value]  # just checked


def _outcome(record: Record) -> ItemOutcome:
    number, args, value, error, started, ended, attempt = record
    return ItemOutcome(number, args[0], value, error, ended - started, attempt, started)


def _as_of_a_future(error: BaseException) -> BaseException:
    """Return what a future's `result` raises for `error`: a `Cancelled` is the worker's own business."""
    return CancelledError(*error.args) if is_instance(error, Cancelled) else error


class ResultIterator:
    """Takes the records of one map."""

    def __init__(self, claims: Map, host: WaitHost, *, ordered: bool) -> None:
        self.claims = claims
        self._host = host
        self._ordered = ordered
        self._ready: deque[Record] = deque()
        """What is to be given out next, in the right order."""
        self._early: dict[int, Record] = {}
        """What came before its turn, by index."""
        self._next = 0
        self._lending = Lending()
        self._told = 0
        """Failures that were passed on as outcomes: the caller is a command, whose own end they decide."""
        self._raised = False

    def results(self, on_error: OnError) -> Iterator[Any]:
        """Yield values, treating failures as `on_error` says."""
        claims, ready = self.claims, self._ready
        try:
            while self._refill():
                while ready:
                    error, value = ready[0][3], ready.popleft()[2]
                    claims.taken += 1
                    if claims.taken >= claims.feed_at:
                        claims.feed()
                    if error is None:
                        yield value
                        del value
                    elif on_error == "raise":
                        self._raised = True
                        first = claims.first_failure
                        raise _as_of_a_future(error) if first is None else first
                    elif on_error == "collect":
                        yield _as_of_a_future(error)
        finally:
            self._end()

    def outcomes(self) -> Iterator[ItemOutcome]:
        """Yield what became of each item; interrupted, first what ended well meanwhile, then the interrupt."""
        claims, ready = self.claims, self._ready
        interrupt: KeyboardInterrupt | None = None
        try:
            while True:
                try:
                    more = self._refill()
                except KeyboardInterrupt as error:
                    interrupt, more = error, False
                    claims.halt("Ctrl-C")
                    self._host._wind_down(claims.is_active)
                    self._sort(claims.take_all())
                    ready.extend(self._early[number] for number in sorted(self._early))
                while ready:
                    record = ready.popleft()
                    claims.taken += 1
                    if record[6] > 0 or not isinstance(record[3], Cancelled):
                        self._told += record[3] is not None
                        yield _outcome(record)
                    if interrupt is None:  # only now: the caller may have given up at this outcome
                        claims.feed()
                if interrupt is not None:
                    raise interrupt
                if not more:
                    return
        finally:
            self._end()

    def done(self) -> int:
        """Return how many items are over; any thread, roughly in the middle of a step of the consumer's."""
        taken: int = self.claims.taken + self.claims.untaken()
        return taken + len(self._ready) + len(self._early)

    def leftovers(self) -> list[Any]:
        """Return the values that are there and have not been taken."""
        self._sort(self.claims.take_all())
        return [record[2] for record in (*self._ready, *self._early.values()) if record[3] is None]

    def unretrieved(self) -> int:
        """Return how many failures the caller has not been given: none, once one was raised to it."""
        if self._raised:
            return 0
        self._sort(self.claims.take_all())
        return self._told + sum(record[3] is not None for record in (*self._ready, *self._early.values()))

    def _refill(self) -> bool:
        """Wait until there is something to give out; False: nothing more comes."""
        claims = self.claims
        while True:
            came = claims.take_all()
            self._sort(came)
            if came and self._early:
                self._lending.look(came[-1][2])
            claims.lent = 0 if self._ready else self._lending.lent(len(self._early))
            claims.feed()
            self._host._draw_if_due()
            if self._ready:
                return True
            if claims.options.halt_on_failure and claims.first_failure is not None:
                self._raised = True
                raise claims.first_failure
            if claims.finished():
                claims.raise_source_error()
                return False
            claims.waiting = True
            if not claims.ready():
                self._host._wait_until(claims.ready)
            claims.waiting = False

    def _sort(self, records: list[Record]) -> None:
        if not self._ordered:
            self._ready.extend(records)
            return
        early, ready, turn = self._early, self._ready, self._next
        for record in records:
            if record[0] != turn:
                early[record[0]] = record
                continue
            ready.append(record)  # most come in turn
            turn += 1
            while early and turn in early:
                ready.append(early.pop(turn))
                turn += 1
        self._next = turn

    def _end(self) -> None:
        if not self.claims.finished():
            self.claims.halt("nobody takes its results any more")
        self._host._consumed(self)
