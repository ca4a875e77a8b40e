"""Processes of ours killed at random moments throughout thousands of tasks: what is to be true afterwards, and one run.

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
import warnings
from collections import deque
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import mainstage
from mainstage.errors import WorkerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from mainstage.pool.processes.dispatcher import Dispatcher
    from mainstage.pool.processes.process import WorkerProcess

METHODS = {"fork": 0.1, "forkserver": 0.2, "spawn": 0.3}
"""Seconds between two kills, on average: some ten times what a worker takes to start."""
SIZE = 300_000
HUGE = 4_000_000
"""More than a worker's journal holds: such a result is lost where its worker dies in the middle of it."""
WORKERS = 4
CALLS = 50
"""Calls that are out at once."""
AIMED = 0.3
"""The share of the kills that is aimed at workers as they start, and that at workers in the middle of a message."""
HELPERS = 0.2
"""The share of the kills that is aimed at what is no worker: the fork server, the resource tracker."""
STUCK = 600.0
"""Seconds after which a run counts as stuck."""


def bulk(n: int) -> bytes:
    """Return 300 kB, now and then 4 MB, that tell the number: the worker is mostly busy sending it."""
    return n.to_bytes(4, "big") * ((SIZE if n % 50 else HUGE) // 4)


def quick(n: int) -> int:
    """Return at once: many of these are handed ahead, and their results travel together."""
    return -n


class Killer(threading.Thread):
    """Kills at seeded moments: workers at work, in the middle of a message, as they start; what runs beside them."""

    def __init__(self, dispatcher: Dispatcher, method: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._dispatcher = dispatcher
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._pause = METHODS[method]
        self._forked = method == "fork"
        self.killed: set[int] = set()
        self.seen: set[int] = set()
        self.unborn = 0
        self.sending = 0
        self.helpers = 0

    def run(self) -> None:
        """Kill until told to stop."""
        while not self._over.wait(self._random.expovariate(1 / self._pause)):
            if not self._forked and (self._random.random() < HELPERS or not self.helpers):
                self._kill_a_helper()
            elif (victim := self._aim()) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim.pid, signal.SIGKILL)
                    self.killed.add(victim.pid)

    def _kill_a_helper(self) -> None:
        """Kill the fork server or the resource tracker, if the one that is chosen runs."""
        found = [getattr(resource_tracker._resource_tracker, "_pid", None)]
        found.append(getattr(forkserver._forkserver, "_forkserver_pid", None))
        pid = self._random.choice(found)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.helpers += 1

    def _aim(self) -> WorkerProcess | None:
        """Choose a worker; while none is ready, none: a pool none of whose workers ever comes up gives up, and may."""
        aim = self._random.random()
        if not self._soon(lambda worker: worker.ready):
            return None
        if aim < AIMED and (unborn := self._soon(lambda worker: not worker.ready)):
            self.unborn += 1
            return unborn
        if aim > 1 - AIMED and (sending := self._soon(_is_sending)):
            self.sending += 1
            return sending
        workers = [worker for worker in self._workers() if worker.ready]
        return self._random.choice(workers) if workers else None

    def _soon(self, wanted: Callable[[WorkerProcess], bool]) -> WorkerProcess | None:
        """Return a worker that is as wanted, if one is in the next moments."""
        for _ in range(200):
            for worker in self._workers():
                if wanted(worker):
                    return worker
            if self._over.wait(0.0002):
                break
        return None

    def _workers(self) -> list[WorkerProcess]:
        workers = list(self._dispatcher.workers)
        self.seen.update(worker.pid for worker in workers)
        return workers

    def stop(self) -> None:
        """Kill no more."""
        self._over.set()
        self.join()


def _is_sending(worker: WorkerProcess) -> bool:
    """Return whether a message of the worker's has come in part."""
    return worker.end._incoming._large is not None


class Seen(NamedTuple):
    """How a run went."""

    wrong: list[str]
    kills: int
    unborn: int
    """Of those, workers that were not ready yet."""
    sending: int
    """And workers of whose message half had come."""
    helpers: int
    """Fork servers and resource trackers that were killed."""
    lost: int
    seconds: float


class Outcomes:
    """What came of the tasks: each has one outcome, which is right, or the loss of its worker."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.lost: list[int] = []
        self.count = 0

    def take(self, name: str, value: Any, expected: Any) -> None:
        """Take the outcome of one task."""
        self.count += 1
        if isinstance(value, WorkerLost):
            self.lost.append(value.pid)
        elif value != expected:
            self.wrong.append(f"{name} is {str(value)[:80]!r}")

    def judge(self, killed: set[int], tasks: int) -> list[str]:
        """Return what is not as promised."""
        wrong = [*self.wrong] if self.count == tasks else [*self.wrong, f"{self.count} outcomes"]
        wrong += [f"{pid} was lost with more than one task" for pid in set(self.lost) if self.lost.count(pid) > 1]
        return wrong + [f"{pid} was lost and not killed" for pid in set(self.lost) - killed]


def chaos(method: str, seed: int, tasks: int) -> Seen:
    """Run `tasks` tasks, a third of them calls, under a killer; return what is not as promised."""
    fds, semaphores = _descriptors(), _semaphores()
    began = time.monotonic()
    outcomes = Outcomes()
    with (
        warnings.catch_warnings(),
        mainstage.Run(
            executor="process", mp_context=method, max_workers=WORKERS, view="silent", on_error="collect"
        ) as run,
    ):
        warnings.filterwarnings("ignore", "resource_tracker: process died")  # it did
        killer = Killer(run._live().work.backend.workers.dispatcher, method, seed)  # type: ignore[attr-defined]
        killer.start()
        _work(run, outcomes, tasks)
        killer.stop()
    wrong = outcomes.judge(killer.killed, tasks)
    wrong += [f"process {pid} is left" for pid in killer.seen if not _gone(pid)]
    once = 1 + 3 * (method != "fork")  # where bars of children report; of the fork server and the resource tracker
    if _descriptors() > fds + once:
        wrong.append(f"{_descriptors() - fds} descriptors are left")
    wrong += [f"a journal is left: {line}" for line in _maps() if "memfd:mainstage" in line]
    wrong += [f"a semaphore is left: {name}" for name in _semaphores() - semaphores]
    seconds = time.monotonic() - began
    return Seen(wrong, len(killer.killed), killer.unborn, killer.sending, killer.helpers, len(outcomes.lost), seconds)


def _work(run: mainstage.Run, outcomes: Outcomes, tasks: int) -> None:
    """Do calls and items of a map side by side, then small items; what has come is not kept: forks stay quick."""
    bulky = tasks // 3
    calls: deque[tuple[int, Future[bytes]]] = deque()

    def take_call() -> None:
        n, call = calls.popleft()
        outcomes.take(f"call {n}", call.exception() or call.result(), bulk(n))

    for n, value in enumerate(run.map(bulk, range(bulky))):
        outcomes.take(f"item {n}", value, bulk(n))
        calls.append((n, run.submit(bulk, n)))
        if len(calls) > CALLS:
            take_call()
    while calls:
        take_call()
    for n, small in enumerate(run.map(quick, range(tasks - 2 * bulky))):
        outcomes.take(f"small item {n}", small, quick(n))


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


def _maps() -> list[str]:
    return Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()


def _semaphores() -> set[str]:
    """Return the semaphores of `multiprocessing` that this process has mapped."""
    return {line for line in _maps() if "/dev/shm/sem." in line}


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """Run it many times for each start method and print a table."""
    words = [int(word) for word in sys.argv[1:]]
    runs, tasks = (words + [20, 5000][len(words) :])[:2]
    failed = 0
    titles = (
        "start method",
        "runs",
        "stuck",
        "tasks",
        "killed",
        "as they start",
        "in a message",
        "helpers",
        "lost",
        "wrong",
        "seconds",
    )
    print(_row(titles), _row(["---"] * len(titles)), sep="\n")
    for method in METHODS:
        found = [chaos(method, seed, tasks) for seed in range(runs)]
        wrong = [text for one in found for text in one.wrong]
        stuck = sum([one.seconds > STUCK for one in found])
        seconds = [one.seconds for one in found]
        cells = (
            *(method, runs, stuck, f"{runs * tasks:,}"),
            *(f"{sum(count):,}" for count in zip(*(one[1:6] for one in found), strict=True)),
            *(len(wrong), f"{sum(seconds) / runs:.1f} (longest {max(seconds):.1f})"),
        )
        print(_row(cells), flush=True)
        for text in wrong[:10]:
            print(f"{method}: {text}")
        failed += len(wrong) + stuck
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
