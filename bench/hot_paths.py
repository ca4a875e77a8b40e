"""The four hot paths as loops of N: `PATH N` runs one, for whoever counts the instructions (`bench.counts`).

The garbage collector is off: when it looks depends on what else there is, and `bench --row growth` has its cost.
"""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

import mainstage
from mainstage.events import TaskEnded, TaskMoved, TaskStarted
from mainstage.tasks.reporter import live
from mainstage.tasks.task import open_task
from mainstage.tasks.track import track
from mainstage.testing import collect_events
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable


def nothing(n: int) -> int:
    return n


def track_steps(n: int) -> None:
    with collect_events():
        for _ in track(range(n), "bench"):
            pass


def advances(n: int) -> None:
    with collect_events():
        reporter = live.reporter
        assert reporter is not None
        task = open_task(reporter, reporter.new_id(), 1, "bench", worker="bench")
        for _ in range(n):
            task.advance(1)


def submits(n: int) -> None:
    """Submit calls to a busy worker, let it do them, and take their results: two threads that take turns once."""
    busy = threading.Event()
    with mainstage.Run("bench", max_workers=1, view="silent", heartbeat=False) as run:
        run.submit(busy.wait)
        futures = [run.submit(nothing, number) for number in range(n)]
        busy.set()
        futures[-1].result()
        assert [future.result() for future in futures] == list(range(n))


def reductions(n: int) -> None:
    state = RunState()
    for number in range(1, n + 1):
        reduce(state, TaskStarted(1.0, number, 1, "bench", "item"))
        reduce(state, TaskMoved(1.5, number, 1, 1))
        reduce(state, TaskEnded(2.0, number, 1, 2))
    assert state.counts.done == n


PATHS: dict[str, tuple[Callable[[int], None], int]] = {
    "track step": (track_steps, 20_000),
    "advance": (advances, 20_000),
    "submit to result": (submits, 5_000),
    "reduce": (reductions, 2_000),
}
"""By name: the loop, and how often it goes round for a count that 5 % of do not drown in."""


def main(path: str, n: int) -> None:
    gc.disable()
    PATHS[path][0](n)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
