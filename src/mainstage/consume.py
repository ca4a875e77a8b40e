"""The caller's side of a `map`: feed, take, put in order, and end in each of the ways that a loop can end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from mainstage.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.backends.claims import Claims, Record

OnError: TypeAlias = Literal["raise", "collect", "skip"]
GLANCE_EVERY = 64


class ItemOutcome(NamedTuple):
    """What became of one item: `value`, or `error`. `seconds` is how long its last attempt took."""

    index: int
    input: Any
    value: Any
    error: BaseException | None
    seconds: float
    attempt: int
    started: float
    """In seconds on the run's clock."""


class Host(Protocol):
    """The run that a map belongs to, as far as its consumer needs it."""

    def wait_until(self, done: Callable[[], bool]) -> bool:
        """Wait for `done()`, drawing."""
        ...

    def glance(self) -> None:
        """Draw if it is time."""
        ...

    def consumed(self, consumer: Consumer) -> None:
        """Forget a consumer that has ended."""
        ...


def check_on_error(value: str) -> OnError:
    """Return `value`, or raise `ValueError` naming what it may be."""
    if value not in ("raise", "collect", "skip"):
        msg = f"on_error={value!r} is not one of 'raise', 'collect', 'skip'"
        raise ValueError(msg)
    return value  # type: ignore[return-value]  # just checked


class Consumer:
    """Takes the records of one map."""

    def __init__(self, claims: Claims, host: Host, *, ordered: bool) -> None:
        self.claims = claims
        self._host = host
        self._ordered = ordered
        self._ready: dict[int, Record] = {}
        self._next = 0
        self._since_glance = 0

    def results(self, on_error: OnError) -> Iterator[Any]:
        """Yield values, treating failures as `on_error` says."""
        claims = self.claims
        claims.halt_on_failure = on_error == "raise"
        try:
            for record in self._records():
                error = record.error
                if error is None:
                    yield record.value
                elif on_error == "raise":
                    raise claims.first_failure or error
                elif on_error == "collect":
                    yield error
        finally:
            self._end()

    def outcomes(self) -> Iterator[ItemOutcome]:
        """Yield what became of each item."""
        try:
            for record in self._records():
                index, args, value, error, started, ended, attempt = record
                if not (isinstance(error, Cancelled) and attempt == 0):
                    yield ItemOutcome(index, args[0], value, error, ended - started, attempt, started)
        finally:
            self._end()

    def leftovers(self) -> list[Any]:
        """Return the values that are there and have not been taken."""
        while (record := self.claims.take()) is not None:
            self._ready[record.index] = record
        return [record.value for record in self._ready.values() if record.error is None]

    def _records(self) -> Iterator[Record]:
        claims = self.claims
        while True:
            claims.feed()
            record = self._take()
            if record is None:
                if claims.halt_on_failure and claims.first_failure is not None:
                    raise claims.first_failure
                if claims.finished() and not self._ready:
                    claims.raise_source_error()
                    return
                self._wait()
                continue
            self._since_glance += 1
            if self._since_glance >= GLANCE_EVERY:
                self._since_glance = 0
                self._host.glance()
            yield record

    def _take(self) -> Record | None:
        claims, ready = self.claims, self._ready
        if not self._ordered:
            return claims.take()
        record = ready.pop(self._next, None)
        while record is None:
            taken = claims.take()
            if taken is None:
                return None
            if taken.index == self._next:
                record = taken
            else:
                ready[taken.index] = taken
        self._next += 1
        return record

    def _wait(self) -> None:
        claims = self.claims
        claims.waiting = True
        if not claims.ready():
            self._host.wait_until(claims.ready)
        claims.waiting = False

    def _end(self) -> None:
        if not self.claims.finished():
            self.claims.halt("nobody takes its results any more")
        self._host.consumed(self)
