"""What starting costs: `import mainstage` and its worker side, beside a bare interpreter, Rich's bars and tqdm."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.rows import Row, interleaved, listed

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 12
WORKER_SIDE = "import mainstage; mainstage.task, mainstage.track, mainstage.current_task, mainstage.stepwise"
LOADED = "import sys; print(sum(name.split('.')[0] in ('rich', 'msgspec', 'click') for name in sys.modules))"


def cpu(program: str) -> Callable[[], float]:
    """Return what runs `program` in a fresh interpreter and returns its CPU seconds."""

    def run() -> float:
        child = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
        _, status, used = os.wait4(child, 0)
        assert status == 0
        return used.ru_utime + used.ru_stime

    return run


def rows() -> list[Row]:
    cases = {
        "a bare start": "pass",
        "import mainstage": "import mainstage",
        "worker side": WORKER_SIDE,
        "threading, contextvars": "import threading, contextvars",
        "rich.progress": "import rich.progress",
        "tqdm": "import tqdm",
    }
    found = interleaved({name: cpu(program) for name, program in cases.items()}, ROUNDS)
    bare = found.pop("a bare start")
    times = {name: seconds / bare for name, seconds in found.items()}
    peers = listed({name: times[name] for name in ("threading, contextvars", "rich.progress", "tqdm")}, "x", ".1f")
    program = f"{WORKER_SIDE}; {LOADED}"
    loaded = int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    return [
        Row(
            "import mainstage / a bare start",
            f"{found['import mainstage'] * 1e3:.0f} ms",
            peers,
            times["import mainstage"],
            3,
        ),
        Row("the worker side / a bare start", f"{found['worker side'] * 1e3:.0f} ms", peers, times["worker side"], 3),
        Row("modules of Rich on the worker side", str(loaded), "", loaded, 0, ""),
    ]
