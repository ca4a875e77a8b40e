"""The owner's process: real backend, map, loop, view and terminal, on one simulated processor of its own."""

from __future__ import annotations

import gc
import resource
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from bench.scale.processor import Stopwatch, held_by, loop_ns
from mainstage.channels.inbox import ThreadChannel
from mainstage.core.clock import cpu
from mainstage.core.commands import SetInterval
from mainstage.core.retry_policy import check_policy
from mainstage.events import RunStarted
from mainstage.pool.engines import workers as engines
from mainstage.pool.engines.workers import EngineWorkers
from mainstage.pool.pool import Pool
from mainstage.pool.results import ResultIterator
from mainstage.run import render_loop
from mainstage.ui.display.terminal import TerminalDisplay
from mainstage.ui.views.layouts import factory
from mainstage.ui.views.palette import Glyphs, Palette

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.scale.engine import Engine, Timeline
    from mainstage.events import Event
    from mainstage.ui.state.run import RunState

LOOKS_S = 1.0
"""Simulated seconds between two looks at how old the picture is."""
AGES = [0.05 * n for n in range(1, 2000)]


class InlineWorkers(EngineWorkers):
    """The workers of an engine, their thread's work done when `pump` is called: a run is the same each time."""

    def _serve(self) -> None:
        pass

    def pump(self) -> None:
        """Do what its thread would have to do now."""
        while not self._posted.empty():
            call = self._posted.get_nowait()
            if call is not None:
                call()


class Usage(NamedTuple):
    """What a run was to its owner. Times are CPU seconds of the owner's process by part; `span` is simulated."""

    span: float
    cpu: float
    slowness: float
    """By what the computing was divided, on average, for a machine that others used as well; 1.0: by nothing."""
    heard: float
    frames: int
    events: int
    batches: int
    sent: int
    interval: float
    orders: int
    age_p50: float
    age_p95: float
    age_max: float
    owned: int
    """Bytes of what the owner's side holds, at most."""
    rss: int
    """Bytes of this whole process at the end, the simulated workers with it."""
    anomalies: int
    late: int


class Owner:
    """Runs a map over a simulated engine to its end; the `Host` of the map's consumer."""

    def __init__(self, engine: Engine, timeline: Timeline, fd: int, quiet_ns: float | None = None) -> None:
        """`quiet_ns`: what an item of a bare loop takes where nobody else computes; as if so, time is counted."""
        self.engine = engine
        self.timeline = timeline
        self.channel = ThreadChannel(timeline.clock)
        display = TerminalDisplay(fd, env={"TERM": "xterm-256color"})
        view = factory("bars")(Palette("256"), Glyphs(unicode=True))
        self.loop = render_loop.RenderLoop(self.channel, view, display, timeline.clock)
        self.workers = InlineWorkers(self.channel, engine)
        self.backend = Pool(self.workers, wake=lambda: None)
        self.loop.receive_cpu_s = lambda: self.backend.receive_cpu_s
        self.loop.on_interval = lambda seconds: self.backend.command(SetInterval(seconds))
        self.loop.add_workers(engine.slots)
        self.loop.recorders = [self]
        self.loop.watchers.append(self._look)
        engine.on_arrival = self._summon
        self.events = self.frames = 0
        self.cpu = 0.0
        self.owned = 0
        self._raw = 0.0
        self._quiet_ns = quiet_ns
        self._slow = 1.0
        self._free_at = 0.0
        """When the owner has done what it was at."""
        self._comes_at = float("inf")
        self._watch = Stopwatch()
        self._next_look = LOOKS_S
        self._ages = [0] * (len(AGES) + 1)
        self._oldest = 0.0
        self._shown: list[float] = []
        self._shown_at = 0.0

    # --- the program ---

    def run(self, tasks: int) -> Usage:
        """Map over `tasks` items; return what that took."""
        for module in (engines, render_loop):  # what reports cost is measured by it
            vars(module)["cpu"] = self._watch.cpu
        gc.callbacks.append(self._watch.collected)
        try:
            return self._run(tasks)
        finally:
            gc.callbacks.remove(self._watch.collected)
            for module in (engines, render_loop):
                vars(module)["cpu"] = cpu

    def _run(self, tasks: int) -> Usage:
        self.channel.send(RunStarted(self.timeline.now(), "scale", 0.0))
        claims = self.backend.open_map(abs, iter(_arguments(tasks)), check_policy(0, None, 5.0))
        claims.open(tasks)
        begun = self.timeline.now()
        self._watch.start()
        done = 0
        for _ in ResultIterator(claims, self, ordered=False).results("raise"):
            done += 1
            if done in (tasks // 2, tasks * 9 // 10):
                self._weigh()
        self._charge(self._watch.lap())
        assert done == tasks
        self.loop.finish()
        state = self.loop.state
        assert state.counts.done == tasks, state.counts.as_dict()
        self.backend.close()
        return self._usage(self.timeline.now() - begun)

    def _usage(self, span: float) -> Usage:
        total = sum(self._ages)
        state, engine = self.loop.state, self.engine
        return Usage(
            span,
            self.cpu,
            self._raw / self.cpu,
            self.backend.receive_cpu_s * self.cpu / self._raw,
            self.frames,
            self.events,
            engine.batches,
            engine.bytes,
            self.loop.intake.seconds,
            engine.orders,
            self._rank(total * 0.5),
            self._rank(total * 0.95),
            self._oldest,
            self.owned,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            state.anomalies.count,
            state.stale,
        )

    def _rank(self, wanted: float) -> float:
        """Return the age that `wanted` of all looks were not above, to a twentieth of a second."""
        reached = 0
        for place, many in enumerate(self._ages):
            reached += many
            if reached >= wanted:
                return AGES[min(place, len(AGES) - 1)]
        return self._oldest

    def record(self, event: Event) -> None:  # noqa: ARG002  # a recorder's
        """Count an event."""
        self.events += 1

    # --- the host of the consumer ---

    def _draw_if_due(self) -> None:
        """Draw if it is time."""
        due = self.loop.due()
        if due is not None and self.timeline.now() >= due:
            self.loop.run_once(borrowed=False)

    def _wait_until(self, done: Callable[[], bool]) -> bool:
        """Let simulated time pass until `done()`."""
        self._charge(self._watch.lap())
        self._summon()
        while not done():
            self.timeline.step()
        self._watch.start()
        return True

    def _wind_down(self, busy: Callable[[], bool]) -> None:
        """Not needed: nobody presses Ctrl-C."""

    def _consumed(self, consumer: ResultIterator) -> None:
        """Nothing to forget."""

    # --- its processor ---

    def _charge(self, seconds: float) -> None:
        """Have computed for `seconds`: the next thing begins after that."""
        self._raw += seconds
        seconds /= self._slow
        self.cpu += seconds
        self._free_at = max(self._free_at, self.timeline.now()) + seconds

    def _summon(self) -> None:
        """Come round as soon as there is time to."""
        self._come_at(max(self._free_at, self.timeline.now()))

    def _come_at(self, when: float) -> None:
        if when < self._comes_at:
            self._comes_at = when
            self.timeline.at(when, self._come)

    def _come(self) -> None:
        if self.timeline.now() < self._comes_at:
            return  # it came earlier
        self._comes_at = float("inf")
        self._watch.start()
        self.workers.pump()
        due = self.loop.run_once(borrowed=False)
        self._charge(self._watch.lap())
        if not self.channel.empty() or not self.workers._posted.empty():  # noqa: SLF001  # its thread would know
            due = self._free_at
        if due is not None:
            self._come_at(max(due, self._free_at))

    # --- how old is what is shown; what is held ---

    def _look(self, state: RunState, now: float) -> None:
        """Take how old the picture was that this one replaces, at its end: its age grew until now."""
        self.frames += 1
        out = now + self._watch.elapsed()  # this picture is not out before what came first was reduced
        with self._watch.stopped():
            self._note_ages(out)
            if now < self._next_look:
                return
            self._next_look = now + LOOKS_S
            if self._quiet_ns is not None:
                self._slow = max(1.0, loop_ns() / self._quiet_ns)
            if not self.owned:
                self._weigh()
            self._shown, self._shown_at = list(self._stale(state, now)), now

    def _note_ages(self, out: float) -> None:
        for age in self._shown:
            self._ages[bisect_left(AGES, age + out - self._shown_at)] += 1
        if self._shown:
            self._oldest = max(self._oldest, max(self._shown) + out - self._shown_at)
        self._shown = []

    def _stale(self, state: RunState, now: float) -> Iterator[float]:
        """Yield for how long something else has been true of each task than what the state says; 0.0: it is true."""
        live = state.tasks
        for worker in self.engine.workers:
            task = worker.task
            if task is None:
                continue
            shown = live.get(task.id)
            if shown is None:
                yield now - worker.started
            elif worker.done_by(now) > shown.completed:
                yield max(0.0, now - worker.started - (shown.completed + 1) * worker.step_s)
            else:
                yield 0.0
        over = state.over
        for ident, ended in list(self.engine.ended.items()):
            if ident in over:
                del self.engine.ended[ident]
            else:
                yield now - ended

    def _weigh(self) -> None:
        """Look at what the owner's side holds."""
        roots = [self.loop, self.backend, self.channel]
        with self._watch.stopped():
            held = held_by(roots, but=[self.engine, self.timeline, self])
            self._watch.share = min(1.0, held.tracked / max(1, len(gc.get_objects())))
        self.owned = max(self.owned, held.bytes)


def _arguments(count: int) -> Iterator[tuple[int]]:
    for number in range(count):
        yield (number,)
