"""Memory by the million: what a run gains while calls, items and failures go through it, each in a program of its own.

`python -m bench.memory WORK N` is that program. It tells the most that it held above what it held at its start, in MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mainstage
from bench.rows import Row, listed

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

MOST_MB = 60.0
WORKERS = 2
WINDOW = 1000
TEXT = "x" * 10_000
LONG_S = 1.0


def nothing(n: int) -> int:
    return n


def fail(n: int) -> int:
    raise ValueError(f"{n}: {TEXT}")


def in_a_run() -> mainstage.Run:
    return mainstage.Run("bench", max_workers=WORKERS, view="silent", log=os.devnull, on_error="skip")


def standard() -> Any:
    return ThreadPoolExecutor(WORKERS)


def calls(make: Callable[[], Any], n: int, fn: Callable[[int], int] = nothing) -> None:
    """Submit calls, a thousand at a time, and drop each future once it was taken."""
    taken = 0
    with make() as pool:
        waiting: deque[Future[int]] = deque()
        for number in range(n):
            waiting.append(pool.submit(fn, number))
            if len(waiting) == WINDOW:
                taken += ended(waiting.popleft())
        while waiting:
            taken += ended(waiting.popleft())
    assert taken == n


def ended(future: Future[int]) -> bool:
    future.exception()
    return future.done()


def items(n: int) -> None:
    """Take the items of an ordered map, of which the first takes long."""
    late = threading.Event()

    def first_is_long(number: int) -> int:
        if number == 0:
            late.wait(LONG_S)
        return number

    with in_a_run() as run:
        assert sum(run.map(first_is_long, range(n))) == n * (n - 1) // 2


def failed_items(n: int) -> None:
    with in_a_run() as run:
        assert list(run.map(fail, range(n))) == []


WORKS: dict[str, tuple[str, int, Callable[[int], None]]] = {
    "calls": ("submits, results dropped", 1_000_000, lambda n: calls(in_a_run, n)),
    "items": ("items of an ordered map, the first one long", 1_000_000, items),
    "failures": ("items that fail with 10 kB of text", 100_000, failed_items),
    "failed": ("submits that fail with 10 kB of text", 100_000, lambda n: calls(in_a_run, n, fail)),
    "standard calls": ("", 1_000_000, lambda n: calls(standard, n)),
    "standard failed": ("", 100_000, lambda n: calls(standard, n, fail)),
}
"""By name: what it is called in a row ("" no row: told beside), how many, and what does it."""
BESIDE = {"calls": "standard calls", "failed": "standard failed"}


def held(what: str) -> float:
    """Return MB as the kernel tells them: "VmRSS" now, "VmHWM" at the most."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def gained(name: str, n: int) -> float:
    """Return the MB that the work `name` gained, in a program of its own."""
    command = [sys.executable, "-m", "bench.memory", name, str(n)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout)


def rows(scale: float = 1.0) -> list[Row]:
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for name, (told, number, _) in WORKS.items():
        if told:
            n = int(number * scale)
            beside = {"standard": gained(BESIDE[name], n)} if name in BESIDE else {}
            mine = gained(name, n)
            row = f"{n:,} {told}: memory above the start"
            found.append(Row(row, f"{mine:.1f} MB", listed(beside, "MB", ".1f"), mine, MOST_MB, "MB"))
    return found


def main(name: str, n: int) -> None:
    WORKS[name][2](n // 100)  # what is imported and made once belongs to the start
    before = held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most, from here on
    WORKS[name][2](n)
    print(held("VmHWM") - before)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
