"""What is known of a run: the state that the reducer alone changes and every view reads.

Two rules. Only `state.reducer` writes here: the objects are mutable because a copy per event costs five times more,
everybody else treats them as read-only. And memory follows what is live, not what has been: a task that ended leaves
`tasks` and is a number in `counts` from then on; the first and the last failures are kept, and one byte a task tells
late events from impossible ones.

All times are seconds on the run's clock unless a name says otherwise; positions and totals are items of the task's
unit.
"""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.eta.run_eta import run_eta
from mainstage.ui.eta.simulation import Durations
from mainstage.ui.eta.sizes import SizePlan
from mainstage.ui.eta.speed import Speed
from mainstage.ui.state.failures import Failures
from mainstage.ui.state.status_map import StatusMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mainstage.events import ErrorReport, Field, StopRequested, TaskStarted, TextWritten
    from mainstage.ui.eta.position import Eta
    from mainstage.ui.state.series import Series
    from mainstage.ui.state.workers import WorkerState

NO_FIELDS: Mapping[str, Field] = MappingProxyType({})
DESCRIBED = 8
"""How many impossible events keep their description."""
LAST_TEXTS = 64
"""Texts that are kept for whoever shows the last ones; a text is a line, or a few that were written at once."""
TAIL_TEXTS = 12
"""The same of each live task."""
SLOWEST = 5
"""How many of the slowest finished tasks are kept."""


class TaskState:
    """One live task: its current attempt, or the wait between two attempts."""

    __slots__ = (
        "attempt",
        "changes",
        "completed",
        "description",
        "error",
        "fields",
        "fraction",
        "id",
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

    def __init__(self, started: TaskStarted) -> None:
        """Begin where the event `started` says."""
        at, task, attempt, worker, description, total, unit, parent, fields = started
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
        known = (self.attempt, self.worker, self.description, self.total, self.unit, self.status, self.parent)
        fields = tuple(sorted(self.fields.items(), key=lambda field: field[0]))
        return (*known, fields, self.started_at, self.waiting, self.retry_at, self.error, self.reopened)

    def place(self, completed: float, total: float | None) -> None:
        """Be at `completed` items of `total`. The reducer's."""
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


class Source(NamedTuple):
    """A `map` that still hands out items; `total` is how many in all, None: nobody knows."""

    total: int | None


class Counts:
    """How many tasks are where. `retried` counts attempts that failed and were followed by another."""

    __slots__ = ("cancelled", "done", "failed", "queued", "retried", "running", "waiting")

    def __init__(self) -> None:
        self.queued = 0
        """Submitted, not begun. Items of a `map` are not queued one by one."""
        self.running = 0
        self.waiting = 0
        """Between two attempts."""
        self.done = 0
        self.failed = 0
        self.cancelled = 0
        self.retried = 0

    @property
    def ended(self) -> int:
        """Return how many are over, well or not."""
        return self.done + self.failed + self.cancelled

    @property
    def seen(self) -> int:
        """Return how many were ever heard of."""
        return self.ended + self.running + self.waiting + self.queued

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class MetricState(NamedTuple):
    """What was measured under one name, by all tasks. A value that is no finite number is only ever `last`."""

    last: float
    min: float
    max: float
    sum: float
    count: int  # type: ignore[assignment]  # nobody asks a measurement how often it has an element

    @property
    def mean(self) -> float | None:
        """Return the mean of the finite values; None: there was none."""
        return self.sum / self.count if self.count else None


class Anomalies:
    """Impossible events: how many, and the last few in words. Each is a bug of ours or a damaged recording."""

    __slots__ = ("count", "last")

    def __init__(self) -> None:
        self.count = 0
        self.last: deque[str] = deque(maxlen=DESCRIBED)

    def report(self, text: str) -> None:
        """Count one and keep its description."""
        self.count += 1
        self.last.append(text)


class IntBitmap:
    """A set of whole numbers that is small while they are dense: one byte each, in blocks of 1024."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def add(self, number: int) -> None:
        """Put `number` in."""
        try:
            self._blocks[number >> 10][number & 1023] = 1
        except KeyError:
            self._blocks[number >> 10] = block = bytearray(1024)
            block[number & 1023] = 1

    def add_all(self, numbers: Iterable[int]) -> list[int]:
        """Put `numbers` in; return the places among them of those that were in already."""
        blocks = self._blocks
        again: list[int] = []
        for place, number in enumerate(numbers):
            try:
                block = blocks[number >> 10]
            except KeyError:
                block = blocks[number >> 10] = bytearray(1024)
            if block[number & 1023]:
                again.append(place)
            block[number & 1023] = 1
        return again

    def __contains__(self, number: int) -> bool:
        """Return whether `number` is in."""
        block = self._blocks.get(number >> 10)
        return block is not None and block[number & 1023] == 1


class RunState:
    """All that is known of a run."""

    __slots__ = (
        "anomalies",
        "board",
        "children",
        "counts",
        "durations",
        "ended_at",
        "failing",
        "failures",
        "first_start",
        "known",
        "last_attempts",
        "live_units",
        "metric_history",
        "metrics",
        "nested",
        "over",
        "pace",
        "plan",
        "progress",
        "queued",
        "reopenable",
        "slowest",
        "sources",
        "sources_over",
        "stale",
        "started_at",
        "starts",
        "stop",
        "tasks",
        "text_lines",
        "texts",
        "title",
        "typical",
        "uncounted",
        "unhanded",
        "unit_paces",
        "units",
        "wall",
        "workers",
    )

    def __init__(self) -> None:  # noqa: PLR0915  # a declaration of the fields, not a procedure
        self.title = ""
        self.started_at: float | None = None
        """When the run was entered; None before."""
        self.wall = 0.0
        """The time of day then, in seconds since the epoch."""
        self.ended_at: float | None = None
        self.stop: StopRequested | None = None
        """The strongest request to stop so far."""

        self.tasks: dict[int, TaskState] = {}
        """Live tasks, nested ones too, in the order in which they started; ended ones are gone. See `walk`."""
        self.children: dict[int, dict[int, TaskState]] = {}
        """Live nested tasks by the id of their parent, live or not; no entry where there is none."""
        self.queued: dict[int, str] = {}
        """Descriptions of tasks that were submitted and have not begun, by id."""
        self.counts = Counts()
        """Of top-level tasks."""
        self.nested = Counts()
        """Of nested tasks."""
        self.failures = Failures()
        """Top-level tasks that failed for good, by id, in that order; of very many the first and the last."""
        self.slowest: list[tuple[float, str]] = []
        """The slowest top-level tasks that ended well: (seconds, description), slowest first, at most `SLOWEST`."""
        self.sources: dict[int, Source] = {}
        """Open sources by their number."""
        self.uncounted = 0
        """How many of these do not know their total."""
        self.known = 0
        """Tasks that were ever queued, items that closed sources handed out, and the totals of the open ones."""
        self.unhanded = 0
        """Items that closed sources were known to have and did not hand out (the run was stopped, say)."""

        self.metrics: dict[str, MetricState] = {}
        self.metric_history: dict[str, Series] = {}
        """How each metric went, from its first value on."""
        self.failing: dict[int, TaskState] = {}
        """Live tasks that failed before: they wait for their next attempt, or are at it."""
        self.board = StatusMap()
        """What became of each top-level task, in the order in which they were first heard of."""
        self.workers: dict[str, WorkerState] = {}
        """Every worker ever seen, by name; see `busy`."""
        self.units: dict[str, float] = {}
        """Items of ended top-level tasks by unit."""
        self.live_units: dict[str, float] = {}
        """Items of live top-level tasks by unit, as last read."""
        self.text_lines = 0
        """Lines of text that came out of the run."""
        self.texts: deque[TextWritten] = deque(maxlen=LAST_TEXTS)
        """The last texts, whoever wrote them."""
        self.stale = 0
        """Events of attempts that were over already: they changed nothing else."""
        self.anomalies = Anomalies()

        self.pace = Speed(0.0)
        """The speed of ended top-level tasks together, in tasks a second."""
        self.unit_paces: dict[str, Speed] = {}
        """The speeds of the items of top-level tasks together, by unit; plain items ("") have none."""
        self.progress = 0.0
        """The fractions of running top-level tasks, added up."""
        self.starts = 0.0
        """When running top-level tasks began, in seconds after `first_start`, added up: it gives their mean age."""
        self.typical = 0.0
        """Seconds that a top-level task takes, the last ones weighing more; 0.0 before one has ended."""
        self.durations = Durations()
        """What top-level tasks that ended well took."""
        self.plan = SizePlan()
        """What is known of tasks before they begin."""
        self.first_start: float | None = None
        """When the first top-level task began."""

        self.over = IntBitmap()
        """The reducer's: ids of tasks that ended, those that were reopened among them."""
        self.last_attempts: dict[int, int] = {}
        """The reducer's: the last attempts of ended tasks, where it was not 1."""
        self.reopenable: dict[int, tuple[TaskState, str]] = {}
        """The reducer's: the last failed tasks as they were when they failed, and by which kind of failure."""
        self.sources_over = IntBitmap()
        """The reducer's: sources that closed."""

    @property
    def expected(self) -> int:
        """Return how many top-level tasks there are to be, as far as is known: submitted, of sources, or just seen."""
        known = self.known if self.stop is None else self.known + self.unhanded
        return max(known, self.counts.seen)

    @property
    def open_ended(self) -> bool:
        """Return whether more tasks than `expected` may come: an open source does not know its total."""
        return self.uncounted > 0

    @property
    def fraction(self) -> float | None:
        """Return the part of the run that is done, running tasks by their fractions; None: no telling."""
        expected = self.expected
        if self.open_ended or not expected:
            return None
        return min(1.0, (self.counts.ended + max(0.0, self.progress)) / expected)

    @property
    def busy(self) -> list[str]:
        """Return the names of the workers that have a live task."""
        return [name for name, worker in self.workers.items() if worker.tasks]

    @property
    def active(self) -> bool:
        """Return whether anything runs, waits or is to come."""
        return bool(self.tasks or self.queued or self.sources)

    def begin(self, at: float) -> None:
        """Take `at` as the start of the first top-level task: rates and ETAs count from it. The reducer's."""
        self.first_start = at
        self.pace = Speed(at)

    def elapsed(self, now: float) -> float:
        """Return the seconds that the run has lasted, up to its end; 0.0 before its start."""
        if self.started_at is None:
            return 0.0
        return max(0.0, (now if self.ended_at is None else self.ended_at) - self.started_at)

    def rate(self, now: float) -> float:
        """Return ended top-level tasks a second."""
        return self.pace.speed(now)

    def unit_rate(self, unit: str, now: float) -> float:
        """Return items of `unit` a second, of all top-level tasks together; 0.0 for plain items."""
        pace = self.unit_paces.get(unit)
        return pace.speed(now) if pace is not None else 0.0

    def items(self, unit: str) -> float:
        """Return the items of `unit` that top-level tasks have done, live and ended ones."""
        return self.units.get(unit, 0) + self.live_units.get(unit, 0)

    def eta(self, now: float) -> Eta | None:
        """Return how long until all expected tasks are over; None: no telling."""
        return run_eta(self, now)

    def walk(self) -> Iterator[tuple[int, TaskState]]:
        """Yield (depth, task) for each live task, nested ones after their parent; one without a live parent has 0.

        Lazy: taking the first 30 of 10,000 costs 30.
        """
        for task in self.tasks.values():
            if task.parent is None or task.parent not in self.tasks:
                yield 0, task
                if task.id in self.children:
                    yield from self._below(task.id)

    def _below(self, root: int) -> Iterator[tuple[int, TaskState]]:
        levels = [iter(self.children[root].values())]  # a stack of our own: tasks nest deeper than Python's allows
        while levels:
            task = next(levels[-1], None)
            if task is None:
                levels.pop()
                continue
            yield len(levels), task
            if task.id in self.children:
                levels.append(iter(self.children[task.id].values()))

    def summary(self) -> dict[str, object]:
        """Return what any interleaving and any sampling of the same events agrees on, as plain comparable values."""
        return {
            "title": self.title,
            "started_at": self.started_at,
            "wall": self.wall,
            "ended_at": self.ended_at,
            "stop": self.stop,
            "live": sorted((task.id, *task.facts()) for task in self.tasks.values()),
            "children": {parent: sorted(tasks) for parent, tasks in sorted(self.children.items())},
            "queued": dict(sorted(self.queued.items())),
            "counts": self.counts.as_dict(),
            "nested": self.nested.as_dict(),
            "failures": dict(sorted(self.failures.items())),
            "kinds": dict(sorted(self.failures.kinds.items())),
            "slowest": list(self.slowest),
            "sources": dict(sorted(self.sources.items())),
            "expected": self.expected,
            "open_ended": self.open_ended,
            "metrics": {n: (m.min, m.max, m.count) for n, m in sorted(self.metrics.items())},
            "workers": {name: len(worker.tasks) for name, worker in sorted(self.workers.items())},
            "units": dict(sorted(self.units.items())),
            "text_lines": self.text_lines,
            "stale": self.stale,
            "anomalies": self.anomalies.count,
        }
