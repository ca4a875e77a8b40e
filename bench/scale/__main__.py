"""`python -m bench.scale [--markdown] [--strict] [WORKERS:TASKS[:SECONDS] ...]`: what the owner bears."""

from __future__ import annotations

import argparse
import gc
import json
import random
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from bench.rows import terminal
from bench.scale.engine import Engine, Timeline
from bench.scale.owner import Owner, Usage
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

SPAN = 200.0
"""Simulated seconds that the work takes all workers."""
STEPS = 10
"""Steps that a task reports."""
PLAN = ("10:1000", "100:10000", "1000:100000", "10000:1000000")
MOST_AGE, MOST_CPU, MOST_MEMORY = 2.0, 1.0, 500e6
HEAD = (
    "workers",
    "tasks",
    "simulated s",
    "owner, cores",
    "slowness",
    "of that reports",
    "events/s",
    "batches/s",
    "kB/s",
    "interval s",
    "age median",
    "age p95",
    "age max",
    "owner's MB",
    "process MB",
    "",
)


def simulate(workers: int, tasks: int, span: float = SPAN, steps: int = STEPS, quiet_ns: float | None = None) -> Usage:
    """Have `workers` do `tasks` in `span` simulated seconds; tasks take a uniform share of 0.5 to 1.5 of their mean."""
    mean = span * workers / tasks
    timeline = Timeline(ManualClock(0.0))
    lengths = partial(random.Random(1).uniform, 0.5 * mean, 1.5 * mean)  # not for secrets
    engine = Engine(workers, timeline, lengths, steps)
    gc.collect()
    gc.freeze()  # the workers' objects are elsewhere in truth: the owner's collector has nothing to do with them
    try:
        with terminal(120, 40) as fd:
            return Owner(engine, timeline, fd, quiet_ns).run(tasks)
    finally:
        gc.unfreeze()


def apart(one: str, quiet_ns: float | None) -> Usage:
    """Do so in a process of its own: memory is then that of this run."""
    command = [sys.executable, "-m", "bench.scale", "--one", one]
    command += [] if quiet_ns is None else ["--quiet-ns", str(quiet_ns)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # ourselves
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr}")
    return Usage(*json.loads(done.stdout))


def short_of(usage: Usage) -> list[str]:
    """Return what of the three promises was not kept."""
    kept = {
        f"age {usage.age_max:.1f} s": usage.age_max < MOST_AGE,
        f"{usage.cpu / usage.span:.2f} cores": usage.cpu < MOST_CPU * usage.span,
        f"{usage.rss / 1e6:.0f} MB": usage.rss < MOST_MEMORY,
    }
    return [name for name, ok in kept.items() if not ok]


def read(one: str) -> tuple[int, int, float]:
    """Return workers, tasks and seconds of "100:10000" or "100:1000:20"."""
    workers, tasks, *span = one.split(":")
    return int(workers), int(tasks), float(span[0]) if span else SPAN


def cells(workers: int, tasks: int, usage: Usage) -> Iterator[str]:
    yield from (f"{workers:,}", f"{tasks:,}", f"{usage.span:.0f}")
    yield from (f"{usage.cpu / usage.span:.3f}", f"{usage.slowness:.1f}", f"{usage.heard / usage.span:.3f}")
    yield from (f"{usage.events / usage.span:,.0f}", f"{usage.batches / usage.span:,.0f}")
    yield from (f"{usage.sent / usage.span / 1e3:,.0f}", f"{usage.interval:.2f}")
    yield from (f"{usage.age_p50:.2f}", f"{usage.age_p95:.2f}", f"{usage.age_max:.2f}")
    yield from (f"{usage.owned / 1e6:.1f}", f"{usage.rss / 1e6:.0f}", ", ".join(short_of(usage)) or "ok")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description="The owner, by workers and tasks.")
    parser.add_argument(
        "plan", nargs="*", default=PLAN, metavar="WORKERS:TASKS[:SECONDS]", help=f"default: {' '.join(PLAN)}"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/scale.md")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a promise is not kept")
    parser.add_argument(
        "--quiet-ns",
        type=float,
        help="what an item of a bare loop takes on this machine when nobody else computes: the owner is then reckoned "
        "as if nobody did",
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    if asked.one:
        workers, tasks, span = read(asked.one)
        print(json.dumps(simulate(workers, tasks, span, quiet_ns=asked.quiet_ns)))
        return 0
    edge = "| " if asked.markdown else ""
    between = " | " if asked.markdown else "  "
    print(edge + between.join(HEAD))
    if asked.markdown:
        print("|" + " --- |" * len(HEAD))
    short = False
    for one in asked.plan:
        workers, tasks, _ = read(one)
        usage = apart(one, asked.quiet_ns)
        short = short or bool(short_of(usage))
        line = [cell.rjust(len(name)) for name, cell in zip(HEAD, cells(workers, tasks, usage), strict=True)]
        print(edge + between.join(cell.strip() if asked.markdown else cell for cell in line), flush=True)
    return 1 if short and asked.strict else 0


if __name__ == "__main__":
    sys.exit(main())
