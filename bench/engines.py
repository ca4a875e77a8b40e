"""2,000 tasks of 1 ms on Dask and on Ray: under our display, and by the engine's own means, in interleaved pairs.

`python -m bench.engines [--pairs N] [--tasks N] [dask|ray ...]`: minutes, so `make bench` leaves it out. Beside the
time on the clock it tells the processors' time of all processes: the program's own, scheduler and workers.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from importlib import import_module
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

import mainstage
from bench.rows import Row, markdown, table
from bench.tiny_tasks import on_a_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TASKS = 2000
PAIRS = 20
WORKERS = 2
LENGTH_S = 0.001
MOST = 1.05


class Cost(NamedTuple):
    """Seconds: on the clock, and of all processors."""

    wall: float
    cpu: float


def busy(n: int) -> int:
    """Compute for a millisecond."""
    until = thread_time() + LENGTH_S
    while thread_time() < until:
        pass
    return n


def cpu_of_all() -> float:
    """Return what this process and those below it have computed so far."""
    psutil: Any = import_module("psutil")
    me = psutil.Process()
    total = 0.0
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def cost(work: Callable[[], list[int]], tasks: int) -> Cost:
    cpu, wall = cpu_of_all(), perf_counter()
    results = work()
    wall = perf_counter() - wall
    assert sorted(results) == list(range(tasks))
    return Cost(wall, cpu_of_all() - cpu)


@contextlib.contextmanager
def on_dask(tasks: int) -> Iterator[tuple[Callable[[], list[int]], Any]]:
    """Start a cluster; give what runs the tasks there by its own means, and what a run takes to join it."""
    distributed: Any = import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield lambda: list(client.gather(client.map(busy, range(tasks), pure=False))), client


@contextlib.contextmanager
def on_ray(tasks: int) -> Iterator[tuple[Callable[[], list[int]], Any]]:
    """Do the same for Ray."""
    ray: Any = import_module("ray")
    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    remote = ray.remote(busy)
    try:
        yield lambda: list(ray.get([remote.remote(n) for n in range(tasks)])), None
    finally:
        ray.shutdown()


ENGINES = {"dask": on_dask, "ray": on_ray}


def pairs_on(engine: str, pairs: int, tasks: int) -> list[tuple[Cost, Cost]]:
    """Return pairs of ours and the engine's own, one after the other, the first of them thrown away."""
    with (
        on_a_terminal(),
        ENGINES[engine](tasks) as (bare, cluster),
        mainstage.Run("bench", executor=engine, cluster=cluster, view="live") as run,
    ):

        def ours() -> list[int]:
            return list(run.map(busy, range(tasks), unordered=True))

        found: list[tuple[Cost, Cost]] = []
        for turn in range(pairs + 1):  # who goes first changes
            order = (ours, bare) if turn % 2 else (bare, ours)
            both = {work: cost(work, tasks) for work in order}
            found.append((both[ours], both[bare]))
        return found[1:]


def rows_of(engine: str, pairs: int = PAIRS, tasks: int = TASKS) -> list[Row]:
    found = pairs_on(engine, pairs, tasks)

    def ratio(what: str) -> float:
        return statistics.median(getattr(ours, what) / getattr(bare, what) for ours, bare in found)

    def each(what: str) -> tuple[str, str]:
        mine, theirs = (statistics.median(getattr(pair[place], what) for pair in found) for place in (0, 1))
        return f"{mine / tasks * 1e3:.2f} ms", f"bare {theirs / tasks * 1e3:.2f} ms"

    name = f"{tasks:,} tasks of 1 ms on {engine}, {len(found)} pairs"
    return [
        Row(f"{name}: wall / the bare engine's", *each("wall"), ratio("wall"), MOST),
        Row("the same: CPU of all processes / the bare engine's", *each("cpu"), ratio("cpu"), None),
    ]


def rows() -> list[Row]:
    return [row for engine in ENGINES for row in rows_of(engine)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description="Our share on Dask and Ray.")
    parser.add_argument("engine", nargs="*", choices=[*ENGINES, []], default=list(ENGINES))
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    found = [row for engine in asked.engine for row in rows_of(engine, asked.pairs, asked.tasks)]
    print("\n".join(markdown(found) if asked.markdown else table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(import_module("bench.engines").main())  # workers know `busy` by this name
