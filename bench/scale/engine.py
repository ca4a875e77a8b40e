"""A simulated engine: worker processes without a process, a network without a wire."""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

from mainstage.core.pickling import pack
from mainstage.pool.engines.worker import WorkerAgent
from mainstage.tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstage.pool.engines.adapter import Piece
    from mainstage.tasks.task import Task
    from mainstage.testing import ManualClock

DELAY = 0.005
"""Seconds that bytes are on their way."""
NOTHING = pack(None, "nothing").data


class Timeline:
    """What happens when, in simulated time."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.now = clock.now
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Have `call` called at `when`, after what was said before for the same time."""
        heapq.heappush(self._heap, (when, next(self._order), call))

    def step(self) -> None:
        """Let the next thing happen."""
        when, _, call = heapq.heappop(self._heap)
        if when > self.now():
            self.clock.advance(when - self.now())
        call()


class Worker:
    """A worker process: what its main thread and its reporter thread would do, as time comes by."""

    def __init__(self, number: int, engine: Engine) -> None:
        self.station = WorkerAgent(f"node{number // 64}/{number}", self._carry, engine.timeline.clock)
        self.piece: Piece | None = None
        self.task: Task | None = None
        self.started = self.step_s = 0.0
        self.steps = 0
        self._engine = engine
        self._timeline = engine.timeline
        self._wakes = float("inf")

    def _carry(self, batch: bytes) -> None:
        self._engine.send(batch)

    def begin(self, piece: Piece, seconds: float) -> None:
        """Work on `piece` for `seconds`, with a number of equal steps to report."""
        now = self._timeline.now()
        self.piece, self.started, self.steps = piece, now, 0
        self.step_s = seconds / self._engine.steps
        self.task = self.station.begin(piece.head)
        self._timeline.at(now + seconds, self._end)
        self.look()

    def done_by(self, now: float) -> int:
        """Return how many steps are done."""
        return min(self._engine.steps, int((now - self.started) / self.step_s)) if self.task is not None else 0

    def _advance(self) -> None:
        steps = self.done_by(self._timeline.now())
        if self.task is not None and steps > self.steps:
            self.task.advance(steps - self.steps)
            self.steps = steps

    def _end(self) -> None:
        piece, task = self.piece, self.task
        assert piece is not None
        assert task is not None
        self._advance()
        self.task = None
        result = self.station.result(task, Outcome(None, None), self.started)
        self.station.leave(task.id)
        self._engine.came(self, piece, result)

    # --- its reporter thread ---

    def look(self) -> None:
        """Wake when there is something to send, or when the next step will have made it so."""
        now = self._timeline.now()
        due = self.station.channel.due()
        if due is None and self.task is not None and self.steps < self._engine.steps:
            channel = self.station.channel
            due = max(self.started + (self.steps + 1.001) * self.step_s, channel._reported + channel._seconds)  # noqa: SLF001  # when the note that this step makes will be due
        if due is not None and (due < self._wakes or self._wakes <= now):
            self._wakes = max(due, now)
            self._timeline.at(self._wakes, self._wake)

    def _wake(self) -> None:
        now = self._timeline.now()
        if now < self._wakes:
            return  # woken earlier meanwhile
        self._wakes = float("inf")
        self._advance()
        self.station.channel.report(now)
        self.look()


class Engine:
    """A port (`pool.engines.adapter.EngineAdapter`) to `slots` simulated workers."""

    name = "simulated"
    link = ""
    far = False

    def __init__(self, slots: int, timeline: Timeline, seconds: Callable[[], float], steps: int) -> None:
        """Each piece takes `seconds()` in `steps` steps."""
        self.slots = slots
        self.timeline = timeline
        self.steps = steps
        self.workers = [Worker(number, self) for number in range(slots)]
        self.batches = self.bytes = self.orders = 0
        self.on_arrival: Callable[[], None] = lambda: None
        """Called when something has come to the owner's process."""
        self.ended: dict[int, float] = {}
        """When tasks ended that the owner may show as running yet."""
        self._hear: Callable[[bytes], None] = lambda _: None
        self._seconds = seconds
        self._idle = deque(self.workers)
        self._waiting: deque[Piece] = deque()

    # --- the port ---

    def open(self, run: str, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:  # noqa: ARG002  # the port's
        self._hear = hear

    def keep(self, data: bytes) -> Any:
        return data

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        self._waiting.extend(pieces)
        self.timeline.at(self.timeline.now() + DELAY, self._hand_out)
        return [piece.head.task for piece in pieces]

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        raise NotImplementedError

    def locate(self, root: int, task: int, attempt: int, since: float) -> None:
        raise NotImplementedError

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:
        raise NotImplementedError

    def set_interval(self, seconds: float) -> None:
        self.orders += 1

        def ask() -> None:
            for worker in self.workers:
                worker.station.set_interval(seconds)
                worker.look()

        self.timeline.at(self.timeline.now() + DELAY, ask)

    def close(self) -> None:
        pass

    # --- what is between ---

    def send(self, batch: bytes) -> None:
        """Carry a batch to the owner."""
        self.batches += 1
        self.bytes += len(batch)

        def arrive() -> None:
            self._hear(batch)
            self.on_arrival()

        self.timeline.at(self.timeline.now() + DELAY, arrive)

    def came(self, worker: Worker, piece: Piece, result: Any) -> None:
        """Carry a result to the owner, and give its worker the next piece."""
        self.bytes += len(result.news) + len(result.value)
        now = self.timeline.now()
        self.ended[piece.head.task] = now

        def arrive() -> None:
            piece.done(result, None)
            self.on_arrival()

        self.timeline.at(now + DELAY, arrive)
        if self._waiting:
            worker.begin(self._waiting.popleft(), self._seconds())
        else:
            self._idle.append(worker)

    def _hand_out(self) -> None:
        while self._waiting and self._idle:
            self._idle.popleft().begin(self._waiting.popleft(), self._seconds())
