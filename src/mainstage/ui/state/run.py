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
from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.eta.run_eta import run_eta
from mainstage.ui.eta.simulation import Durations
from mainstage.ui.eta.sizes import SizePlan
from mainstage.ui.eta.speed import Speed
from mainstage.ui.state.counts import Anomalies, Counts, IntBitmap, MetricState
from mainstage.ui.state.failures import KeptFailures
from mainstage.ui.state.status_map import StatusMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.events import StopRequested, TextWritten
    from mainstage.ui.eta.position import Eta
    from mainstage.ui.state.series import Series
    from mainstage.ui.state.task import LoopEnd, TaskState
    from mainstage.ui.state.workers import WorkerState

LAST_TEXTS = 64
"""Texts that are kept for whoever shows the last ones; a text is a line, or a few that were written at once."""
SLOWEST = 5
"""How many of the slowest finished tasks are kept."""


class Source(NamedTuple):
    """A `map` that still hands out items; `total` is how many in all, None: not known."""

    total: int | None


class RunState:
    """All that is known of a run."""

    __slots__ = (
        "anomalies",
        "before",
        "board",
        "children",
        "counts",
        "durations",
        "ended_at",
        "failing",
        "failures",
        "first_loop",
        "first_loop_ended",
        "first_start",
        "known",
        "last_attempts",
        "live_loops",
        "live_units",
        "loop_ended",
        "loops",
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
        self.loops = Counts()
        """Of loops and bars of the main thread, which go through work: tasks of the run are counted without them."""
        self.live_loops: dict[int, TaskState] = {}
        """Those that are live and in no other, by id."""
        self.first_loop: tuple[int, str] | None = None
        """The first one, and its description when it began."""
        self.first_loop_ended: LoopEnd | None = None
        """How that ended; None: it did not."""
        self.loop_ended: LoopEnd | None = None
        """How the last loop ended, a nested one too."""
        self.failures = KeptFailures()
        """Top-level tasks that failed for good, by id, in that order; of very many the first and the last."""
        self.slowest: list[tuple[float, str]] = []
        """The slowest top-level tasks that ended well: (seconds, description), slowest first, at most `SLOWEST`."""
        self.sources: dict[int, Source] = {}
        """Open sources by their number."""
        self.uncounted = 0
        """How many of these do not know their total."""
        self.known = 0
        """Tasks that were ever queued, items that closed sources handed out, and the totals of the open ones."""
        self.before = 0
        """Items that an earlier run has done: they count as ended, and are no speed of this one."""
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
    def seen(self) -> int:
        """Return how many tasks and loops were ever heard of."""
        return self.counts.seen + self.loops.seen

    @property
    def live_loop(self) -> TaskState | None:
        """Return the outermost live loop of the main thread; None: there is none."""
        return next(iter(self.live_loops.values()), None)

    @property
    def of_loop(self) -> bool:
        """Return whether the run is that of its first loop: opened by it, or without a name and with nothing else."""
        if self.first_loop is None:
            return False
        return self.title == self.first_loop[1] if self.title else not self.counts.seen

    @property
    def open_ended(self) -> bool:
        """Return whether more tasks than `expected` may come: an open source does not know its total."""
        return self.uncounted > 0

    @property
    def fraction(self) -> float | None:
        """Return the part of the run that is done, running tasks by their fractions; None: no telling.

        A loop of the main thread that goes on is what the run is about.
        """
        loop = self.live_loop
        if loop is not None:
            return loop.fraction
        expected = self.expected
        if self.open_ended or not expected:
            return None
        return min(1.0, (self.counts.ended + max(0.0, self.progress)) / expected)

    @property
    def ended_fraction(self) -> float | None:
        """Return the part of the expected tasks that ended, the measure of their count; None: no telling."""
        expected = self.expected
        return None if self.open_ended or not expected else min(1.0, self.counts.ended / expected)

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
        """Return how long until all expected tasks are over, or the loop of the main thread; None: no telling."""
        loop = self.live_loop
        return run_eta(self, now) if loop is None else loop.eta(now)

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
            "loops": self.loops.as_dict(),
            "failures": dict(sorted(self.failures.items())),
            "kinds": dict(sorted(self.failures.kinds.items())),
            "slowest": list(self.slowest),
            "sources": dict(sorted(self.sources.items())),
            "before": self.before,
            "expected": self.expected,
            "open_ended": self.open_ended,
            "metrics": {n: (m.min, m.max, m.count) for n, m in sorted(self.metrics.items())},
            "workers": {name: len(worker.tasks) for name, worker in sorted(self.workers.items())},
            "units": dict(sorted(self.units.items())),
            "text_lines": self.text_lines,
            "stale": self.stale,
            "anomalies": self.anomalies.count,
        }
