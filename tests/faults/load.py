"""The whole suite beside busy processes: `python -m tests.faults.load [TIMES [BUSY [PYTEST ARGUMENT ...]]]`.

A test that fails here and not on quiet cores is a fault of the program or of the test. Nothing is tried twice. Each
round prints the tests that failed and pytest's closing line; the exit status is 1 if any round had a failure.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parent.parent.parent
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(1_000_000))"
"""Computes until its parent is gone."""
SUITE = ("--numprocesses", "3", "--dist", "worksteal")


def one_round(words: list[str]) -> bool:
    """Run the suite once; print what failed and the closing line; return whether all went well."""
    began = monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    for line in lines:
        if re.match("(FAILED|ERROR) ", line):
            print(f"  {line}")
    if done.returncode > 1:  # no tests, or pytest itself has failed
        print(done.stdout[-2000:], done.stderr[-2000:])
    print(f"  {lines[-1] if lines else 'no output'} ({monotonic() - began:.0f} s)", flush=True)
    return done.returncode == 0


def main(times: int, busy: int, words: list[str]) -> int:
    """Run the suite so many times beside so many busy processes; return the exit status."""
    load = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    failed = 0
    try:
        for number in range(1, times + 1):
            print(f"round {number} of {times}, beside {busy} busy processes", flush=True)
            failed += not one_round(words or list(SUITE))
    finally:
        for process in load:
            process.kill()
            process.wait()
    print(f"{times - failed} of {times} rounds without a failure")
    return 1 if failed else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(int(given[0]) if given else 10, int(given[1]) if len(given) > 1 else 4, given[2:]))
