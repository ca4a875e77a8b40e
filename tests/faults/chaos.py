"""Workers killed at random moments throughout thousands of tasks: what is to be true afterwards, and one run of it.

`python -m tests.faults.chaos [RUNS [TASKS]]` prints the figures of docs/reliability.md, for each start method.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import mainstage
from mainstage.errors import WorkerLost

if TYPE_CHECKING:
    from mainstage.backends.dispatcher import Dispatcher

METHODS = {"fork": 0.05, "forkserver": 0.2, "spawn": 0.3}
"""Seconds between two kills, on average: some ten times what a worker takes to start."""
SIZE = 300_000
WORKERS = 4
STUCK = 120.0
"""Seconds after which a run counts as stuck."""


def bulk(n: int) -> bytes:
    """Return 300 kB that tell the number: the worker is mostly busy sending it."""
    return n.to_bytes(4, "big") * (SIZE // 4)


def quick(n: int) -> int:
    """Return at once: many of these are handed ahead, and their results travel together."""
    return -n


class Killer(threading.Thread):
    """Kills workers at seeded moments: at work, while they send, as they start."""

    def __init__(self, dispatcher: Dispatcher, seed: int, pause: float) -> None:
        super().__init__(daemon=True)
        self._dispatcher = dispatcher
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._pause = pause
        self.killed: set[int] = set()
        self.seen: set[int] = set()

    def run(self) -> None:
        """Kill until told to stop."""
        while not self._over.wait(self._random.expovariate(1 / self._pause)):
            workers = list(self._dispatcher.workers)
            self.seen.update(worker.pid for worker in workers)
            if not workers:
                continue
            victim = self._random.choice(workers[-2:] if self._random.random() < 0.3 else workers)  # the newest ones
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGKILL)
                self.killed.add(victim.pid)

    def stop(self) -> None:
        """Kill no more."""
        self._over.set()
        self.join()


class Seen(NamedTuple):
    """How a run went."""

    wrong: list[str]
    kills: int
    lost: int
    seconds: float


def chaos(method: str, seed: int, tasks: int) -> Seen:
    """Run `tasks` tasks, a third of them calls, under a killer; return what is not as promised."""
    fds = _descriptors()
    began = time.monotonic()
    with mainstage.Run(
        executor="process", mp_context=method, max_workers=WORKERS, view="silent", on_error="collect"
    ) as run:
        killer = Killer(run._live().work.backend.dispatcher, seed, METHODS[method])  # type: ignore[union-attr]
        killer.start()
        calls = [run.submit(bulk, n) for n in range(tasks // 3)]
        items = list(run.map(bulk, range(tasks // 3)))
        small: list[Any] = list(run.map(quick, range(tasks - 2 * (tasks // 3))))
        answers: list[Any] = [call.exception() or call.result() for call in calls]
        killer.stop()
    wrong = []
    lost: list[WorkerLost] = []
    for name, found, expected in (("call", answers, bulk), ("item", items, bulk), ("small item", small, quick)):
        for n, value in enumerate(found):
            if isinstance(value, WorkerLost):
                lost.append(value)
            elif value != expected(n):
                wrong.append(f"{name} {n} is {str(value)[:80]!r}")
    if len(items) != tasks // 3 or len(small) != tasks - 2 * (tasks // 3):
        wrong.append(f"{len(items)} and {len(small)} outcomes")
    pids = [one.pid for one in lost]
    wrong += [f"{pid} was lost with more than one task" for pid in set(pids) if pids.count(pid) > 1]
    wrong += [f"{pid} was lost and not killed" for pid in set(pids) - killer.killed]
    wrong += [f"process {pid} is left" for pid in killer.seen if not _gone(pid)]
    if _descriptors() > fds + 3 * (method != "fork"):  # of the fork server and the resource tracker, once
        wrong.append(f"{_descriptors() - fds} descriptors are left")
    return Seen(wrong, len(killer.killed), len(lost), time.monotonic() - began)


def _gone(pid: int) -> bool:
    ends = time.monotonic() + 2
    while time.monotonic() < ends:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0]
        except OSError:
            return True
        if state == "Z":
            return True
        threading.Event().wait(0.01)
    return False


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def main() -> int:
    """Run it many times for each start method and print a table."""
    words = [int(word) for word in sys.argv[1:]]
    runs, tasks = (words + [20, 5000][len(words) :])[:2]
    failed = 0
    print("| start method | runs | stuck | tasks | workers killed | tasks lost | other outcomes | seconds a run |")
    print("|---|---|---|---|---|---|---|---|")
    for method in METHODS:
        found = [chaos(method, seed, tasks) for seed in range(runs)]
        wrong = [text for one in found for text in one.wrong]
        kills, lost = sum(one.kills for one in found), sum(one.lost for one in found)
        longest = max(one.seconds for one in found)
        stuck = sum(one.seconds > STUCK for one in found)
        print(
            f"| {method} | {runs} | {stuck} | {runs * tasks:,} | {kills:,} | {lost:,} | {len(wrong)} | "
            f"{sum(one.seconds for one in found) / runs:.1f} (longest {longest:.1f}) |",
            flush=True,
        )
        for text in wrong[:10]:
            print(f"{method}: {text}")
        failed += len(wrong) + stuck
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
