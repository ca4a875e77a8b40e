"""What a journal tells of its run, gathered: what each worker was at, and when; failures, measurements, output.

The state of a run forgets what is over, since its memory follows what is live. A report is about what was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from mainstage.events import (
    ItemsEnded,
    MetricReported,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskRetried,
    TaskStarted,
    TextWritten,
)
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import ErrorReport, Event
    from mainstage.journal.format import JournalHeader
    from mainstage.journal.reader import JournalReader

DONE, FAILED, RETRIED, CANCELLED, CUT_OFF = range(5)
KINDS = ("done", "failed", "tried again", "cancelled", "cut off")
"""What became of an attempt; cut off: the run ended, or its journal, while it was at work."""
MOST_TEXTS = 5000
"""Texts of the output that are kept, the last ones."""


class Span(NamedTuple):
    """An attempt at a task: from `start` to `end`, in seconds after the run's start, on `worker`."""

    worker: str
    start: float
    end: float
    kind: int
    task: int
    name: str
    parent: int | None = None
    """The task that it is nested in; None: it is a task of the run."""


class Trouble(NamedTuple):
    """An attempt that failed; `final`: and the task with it."""

    name: str
    task: int
    attempt: int
    worker: str
    at: float
    final: bool
    error: ErrorReport
    input: str


class Figures(NamedTuple):
    """A run in numbers; times in seconds, of tasks that were done."""

    done: int
    failed: int
    cancelled: int
    retried: int
    before: int
    seconds: float
    rate: float
    work: float
    busy: dict[str, float]
    """The part of the time in which each worker was at work."""
    p50: float
    p90: float
    p99: float
    longest: float


class Sum(NamedTuple):
    """So many short `items` of a worker ended well from `since` to `at`, seconds of the run; they took `seconds`."""

    since: float
    at: float
    worker: str
    items: int
    seconds: float


class RunReport:
    """All that `journal` tells, read to its end."""

    def __init__(self, journal: JournalReader) -> None:
        self.header: JournalHeader = journal.header
        self.state = RunState()
        self.spans: list[Span] = []
        self.sums: list[Sum] = []
        """Short items that were not told one by one."""
        self.troubles: list[Trouble] = []
        self.metrics: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.texts: list[tuple[float, str, str, str]] = []
        """(seconds after the start, name of the task, stream, text), of the last ones."""
        self.texts_left_out = 0
        self._open: dict[tuple[int, int], TaskStarted] = {}
        self._names: dict[int, str] = {}
        self._told: dict[str, float] = {}
        """When short items of a worker were last told."""
        self._began = journal.header.monotonic
        last = self._began
        for event in journal.events():
            reduce(self.state, event)
            self._take(event)
            last = max(last, event.at)
        self.end = (last if self.state.ended_at is None else self.state.ended_at) - self._began
        for start in self._open.values():
            self._close(start, self.end + self._began, CUT_OFF)
        self.spans.sort(key=lambda span: span.start)
        self.live = not journal.ended and journal.writer_lives()
        self.killed = not journal.ended and not self.live and not journal.cut
        self.cut = journal.cut
        self.damage = journal.damage

    def _take(self, event: Event) -> None:
        match event:
            case ItemsEnded():
                self._take_items(event)
            case TaskStarted():
                self._open[event.task, event.attempt] = event
                self._names[event.task] = event.description
            case TaskChanged(task=task, description=str(description)):
                self._names[task] = description
            case TaskEnded():
                self._end(event, DONE)
            case TaskFailed() | TaskRetried():
                self._take_trouble(event)
            case TaskCancelled():
                self._end(event, CANCELLED)
            case MetricReported(at=at, name=name, value=value):
                self.metrics[name].append((at - self._began, value))
            case TextWritten():
                self._take_text(event)

    def _take_items(self, event: ItemsEnded) -> None:
        names, spans, began, worker = self._names, self.spans, self._began, event.worker
        for task, started, ended in event.items:
            if self._open:
                self._open.pop((task, 1), None)
            spans.append(Span(worker, started - began, ended - began, DONE, task, names.get(task, "")))
        if event.more:
            self.sums.append(Sum(self._told.get(worker, 0.0), event.at - began, worker, event.more, event.seconds))
        self._told[worker] = event.at - began

    def _take_trouble(self, event: TaskFailed | TaskRetried) -> None:
        final = isinstance(event, TaskFailed)
        worker = self._end(event, FAILED if final else RETRIED)
        at, name = event.at - self._began, self._names.get(event.task, "")
        self.troubles.append(Trouble(name, event.task, event.attempt, worker, at, final, event.error, event.input))

    def _take_text(self, event: TextWritten) -> None:
        self.texts.append((event.at - self._began, self._names.get(event.task or 0, ""), event.stream, event.text))
        if len(self.texts) > 2 * MOST_TEXTS:
            self.texts_left_out += MOST_TEXTS
            del self.texts[:MOST_TEXTS]

    def _end(self, event: TaskEnded | TaskFailed | TaskRetried | TaskCancelled, kind: int) -> str:
        """Close the span of an attempt; return its worker."""
        start = self._open.pop((event.task, event.attempt), None)
        if start is None:  # it never began
            return ""
        self._close(start, event.at, kind)
        return start.worker

    def _close(self, start: TaskStarted, end: float, kind: int) -> None:
        if start.loop:  # a loop of the main thread goes through work, and is none
            return
        name = self._names.get(start.task, start.description)
        began = self._began
        self.spans.append(Span(start.worker, start.at - began, end - began, kind, start.task, name, start.parent))

    @property
    def title(self) -> str:
        """The title of the run, or what it was started by."""
        return self.state.title or (self.header.argv[0].rpartition("/")[2] if self.header.argv else "") or "run"

    def workers(self) -> list[str]:
        """Return the names of workers, in the order of their numbers."""
        found = {span.worker for span in self.spans} | {one.worker for one in self.sums}
        return sorted(found, key=lambda name: (len(name), name))

    def verdict(self) -> str:
        """Return how the run ended, in a few words."""
        if self.live:
            return "goes on"
        if self.damage:
            return "its journal is damaged"
        if self.cut:
            return f"its journal ends at its {self.cut}"
        if self.killed:
            return "killed"
        if self.state.stop is not None:
            return f"stopped by {self.state.stop.cause}"
        failed = self.state.counts.failed
        return f"{failed:,} failed" if failed else "done"

    def bad(self) -> bool:
        """Return whether the run did not end as it should."""
        return bool(self.killed or self.damage or self.state.stop is not None or self.state.counts.failed)

    def figures(self) -> Figures:
        """Return the numbers."""
        counts, seconds = self.state.counts, max(self.end, 1e-9)
        busy: dict[str, float] = defaultdict(float)
        took = [(one.seconds / one.items, one.items) for one in self.sums]
        for one in self.sums:
            busy[one.worker] += one.seconds
        for span in self.spans:
            if span.parent is None:
                busy[span.worker] += span.end - span.start
                if span.kind == DONE:
                    took.append((span.end - span.start, 1))
        took.sort()
        p50, p90, p99, longest = _quantiles(took, (0.5, 0.9, 0.99, 1.0))
        work = sum(busy.values())
        return Figures(
            done=counts.done,
            failed=counts.failed,
            cancelled=counts.cancelled,
            retried=counts.retried,
            before=self.state.before,
            seconds=self.end,
            rate=max(0, counts.done - self.state.before) / seconds,
            work=work,
            busy={name: min(1.0, spent / seconds) for name, spent in busy.items()},
            p50=p50,
            p90=p90,
            p99=p99,
            longest=longest,
        )

    def slowest(self, most: int) -> list[Span]:
        """Return the tasks that took the longest and ended well, the longest first."""
        done = [span for span in self.spans if span.kind == DONE and span.parent is None]
        return sorted(done, key=lambda span: span.start - span.end)[:most]

    def failures(self) -> list[Trouble]:
        """Return the failures that were final."""
        return [trouble for trouble in self.troubles if trouble.final]


def _quantiles(took: list[tuple[float, int]], parts: Sequence[float]) -> list[float]:
    """Return the seconds below which each of `parts` of the items are; `took` has (seconds, how many), in order."""
    if not took:
        return [0.0 for _ in parts]
    below = list(accumulate(number for _, number in took))
    places = (bisect_right(below, min(below[-1] - 1, int(part * below[-1]))) for part in parts)
    return [took[place][0] for place in places]
