"""What starting costs: `import mainstage` and its worker side, beside a bare interpreter, Rich's bars and tqdm.

All of them from bytecode, as an installer leaves it: what stands in a working tree may have none, where the environment
forbids to write it, and would be compiled anew at each start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from bench.rows import Row, interleaved, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROUNDS = 12
WORKER_SIDE = "import mainstage; mainstage.task, mainstage.track, mainstage.current_task, mainstage.stepwise"
EMPTY = "import sys; sys.argv = ['', 'exec', '/dev/null']; from mainstage.cli.main import main; main()"
LOADED = "import sys; print(sum(name.split('.')[0] in ('rich', 'msgspec', 'click') for name in sys.modules))"


def cpu(program: str, env: Mapping[str, str]) -> Callable[[], float]:
    """Return what runs `program` in a fresh interpreter and returns its CPU seconds; the first run writes bytecode."""

    def run() -> float:
        child = os.posix_spawn(sys.executable, [sys.executable, "-c", program], env)
        _, status, used = os.wait4(child, 0)
        assert status == 0
        return used.ru_utime + used.ru_stime

    run()
    return run


def measured(cases: Mapping[str, str]) -> dict[str, float]:
    """Return the CPU seconds of each program."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as cache:
        env["PYTHONPYCACHEPREFIX"] = cache
        return interleaved({name: cpu(program, env) for name, program in cases.items()}, ROUNDS)


def rows() -> list[Row]:
    cases = {
        "a bare start": "pass",
        "import mainstage": "import mainstage",
        "worker side": WORKER_SIDE,
        "threading, contextvars": "import threading, contextvars",
        "rich.progress": "import rich.progress",
        "tqdm": "import tqdm",
        "an empty program": EMPTY,
    }
    found = measured(cases)
    bare = found.pop("a bare start")
    executed = found.pop("an empty program") - bare
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
        Row("exec of an empty program, seconds more", f"{executed * 1e3:.0f} ms", "", executed, 0.1, "s"),
        Row("modules of Rich on the worker side", str(loaded), "", loaded, 0, ""),
    ]
