"""One task of a run as it is known: live (`TaskState`), or failed for good (`Failure`). Only the reducer changes it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping

    from mainstage.events import ErrorReport, Field, TaskStarted, TextWritten
    from mainstage.ui.eta.position import Eta
    from mainstage.ui.eta.speed import Speed

NO_FIELDS: Mapping[str, Field] = MappingProxyType({})
TAIL_TEXTS = 12
"""The same of each live task."""


class TaskState:
    """One live task: its current attempt, or the wait between two attempts."""

    __slots__ = (
        "attempt",
        "changes",
        "completed",
        "counted",
        "description",
        "error",
        "fields",
        "fraction",
        "id",
        "loop",
        "moved_at",
        "moves",
        "parent",
        "reopened",
        "retry_at",
        "slot",
        "speed",
        "started_at",
        "status",
        "stuck",
        "tail",
        "total",
        "unit",
        "waiting",
        "worker",
    )

    def __init__(self, started: TaskStarted) -> None:  # noqa: PLR0915  # a declaration of the fields, not a procedure
        """Begin where the event `started` says."""
        at, task, attempt, worker, description, total, unit, parent, fields, loop = started
        self.id = task
        """The number of the task in its run."""
        self.attempt = attempt
        """1 for the first."""
        self.worker = worker
        """The name of who runs it."""
        self.description = description
        self.total: float | None
        """Items to do; None: nobody knows."""
        self.completed: float
        """Items done, as last read; it may go back, and beyond `total`."""
        self.fraction: float | None
        """The part that is done, within 0.0 and 1.0; None: the total is not known."""
        self.place(0, total)
        self.unit = unit
        """"B", "rows"; "" for plain items."""
        self.status = ""
        """What the task last said of itself; "" for nothing."""
        self.fields: Mapping[str, Field] = dict(fields) if fields else NO_FIELDS
        """What the user attached, by name."""
        self.parent = parent
        """The task that it is nested in; it may not be live (not yet, or no more). None: a top-level task."""
        self.loop = loop
        """As in `TaskStarted`: "" for work."""
        self.counted = parent is None and not loop
        """Whether it is one of the tasks that the run counts."""
        self.started_at = at
        """When this attempt began."""
        self.moved_at = at
        """When anything about it last changed."""
        self.moves = 0
        """How often its position changed."""
        self.changes = 0
        """How often anything else did; by these two, who keeps something of it sees whether that still holds."""
        self.waiting = False
        """True between two attempts: the last one failed with `error`, the next one begins about `retry_at`."""
        self.retry_at: float | None = None
        self.error: ErrorReport | None = None
        """How the previous attempt failed, from `TaskRetried` on; stays through the next attempt."""
        self.reopened = False
        """True if it had been told as failed and went on."""
        self.speed: Speed | None = None
        """None until it first moved; ask `rate(now)`."""
        self.slot = -1
        """Its place on the board; -1: none, it is nested."""
        self.tail: deque[TextWritten] | None = None
        """The last that it wrote, or what is nested in it, at most `TAIL_TEXTS` texts; None: nothing."""
        self.stuck: str | None = None
        """Where it stands, if it was found not to move; None: it moves, or nobody has looked."""

    def facts(self) -> tuple[object, ...]:
        """Return what does not depend on when its position was read."""
        known = (
            self.attempt,
            self.worker,
            self.description,
            self.total,
            self.unit,
            self.status,
            self.parent,
            self.loop,
        )
        fields = tuple(sorted(self.fields.items(), key=lambda field: field[0]))
        return (*known, fields, self.started_at, self.waiting, self.retry_at, self.error, self.reopened)

    def place(self, completed: float, total: float | None) -> None:
        """Set the position to `completed` items of `total`. The reducer's."""
        self.completed = completed
        self.total = total
        if total is None:
            self.fraction = None
        else:
            self.fraction = min(1.0, completed / total) if total > 0 else 1.0

    def elapsed(self, now: float) -> float:
        """Return the seconds since this attempt began."""
        return max(0.0, now - self.started_at)

    def rate(self, now: float) -> float | None:
        """Return items a second; None: it has not moved yet."""
        return self.speed.speed(now) if self.speed is not None else None

    def eta(self, now: float) -> Eta | None:
        """Return how long until it is done; None: nothing to tell it by."""
        if self.total is None or self.speed is None or self.waiting:
            return None
        return self.speed.eta(self.total, now)


class LoopEnd(NamedTuple):
    """A loop of the main thread, as it ended; `kind` is its `loop`, `left`: before it came to its end."""

    task: int
    description: str
    completed: float
    total: float | None
    unit: str
    seconds: float
    left: bool
    kind: str
    interrupted: bool = False
    """Whether Ctrl-C is what it was left by."""


class Failure(NamedTuple):
    """A top-level task that failed for good. `at` is when, `seconds` how long its last attempt ran."""

    task: int
    attempt: int
    description: str
    error: ErrorReport
    input: str
    at: float
    worker: str
    seconds: float
