"""`python -m bench.counts [--write]`: instructions of the four hot paths, under valgrind, against `counts.json`.

A time says nothing on a busy machine; instructions are the same each time, to a few in a thousand where there are two
threads. What a loop of 2n needs more than one of n is what n rounds need, without start and imports. The hash seed,
the environment and the addresses are fixed. Counts belong to one build of the interpreter: where `counts.json` has none
for this one, or valgrind is missing, the check says so and passes. Exit status 1: a path needs over 5 % more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bench.hot_paths import PATHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BASELINE = Path(__file__).with_suffix(".json")
MOST = 1.05
LEAST = 0.95
"""What is that much better is to be the new baseline, so that it stays so."""
AGAIN = 3
"""How often a path that is over its limit is counted again."""


def build() -> str:
    """Return what counts belong to: the interpreter's version, compiler and options, and the machine."""
    options = str(sysconfig.get_config_var("CONFIG_ARGS"))
    optimised = [name for name in ("--enable-optimizations", "--with-lto", "--disable-gil") if name in options]
    implementation = f"{platform.python_implementation()} {platform.python_version()}"
    return ", ".join([implementation, platform.machine(), platform.python_compiler(), *optimised])


def instructions(path: str, n: int) -> int:
    """Return how many instructions the program took in which `path` goes round `n` times."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command += [sys.executable, "-m", "bench.hot_paths", path, str(n)]
    if shutil.which("setarch"):
        command = ["setarch", "-R", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=ENVIRONMENT, check=False)
    found = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{path} failed under valgrind:\n{done.stderr}")
    return int(found[1].replace(",", ""))


ENVIRONMENT = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", os.defpath)}


def counted(paths: Iterable[str]) -> dict[str, float]:
    """Return the instructions of one round of each path. The runs share the processors: that changes no count."""
    subprocess.run([sys.executable, "-m", "bench.hot_paths", "reduce", "1"], env=ENVIRONMENT, check=True)  # compiled
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {path: [pool.submit(instructions, path, PATHS[path][1] * times) for times in (1, 2)] for path in paths}
        return {path: (twice.result() - once.result()) / PATHS[path][1] for path, (once, twice) in runs.items()}


def least(known: Mapping[str, float]) -> dict[str, float]:
    """Return the counts; what is over its limit is counted again, and the least stands.

    Two threads take turns more often on a busy machine, which costs instructions of its own: up to a tenth.
    """
    found = counted(PATHS)
    for _ in range(AGAIN):
        over = [path for path, count in found.items() if count > known.get(path, count) * MOST]
        if not over:
            break
        found |= {path: min(found[path], count) for path, count in counted(over).items()}
    return found


def told(path: str, count: float, before: float | None) -> str:
    if before is None:
        return f"{path}: {count:,.0f} instructions"
    verdict = "short" if count > before * MOST else "ok"
    better = ", better: keep it with --write" if count < before * LEAST else ""
    return f"{verdict:5} {path}: {count:,.0f} instructions, {count / before - 1:+.1%} of {before:,.0f}{better}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.counts", description="Instructions of the hot paths.")
    parser.add_argument("--write", action="store_true", help="keep the counts as the baseline of this interpreter")
    asked = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is missing: the count of instructions is skipped")
        return 0
    baselines: dict[str, dict[str, float]] = json.loads(BASELINE.read_text(encoding="utf-8"))
    known = baselines.get(build(), {})
    if not known and not asked.write:
        print(f"no baseline for {build()}: the count of instructions is skipped")
        return 0
    found = least(known)
    print("\n".join(told(path, count, known.get(path)) for path, count in found.items()))
    if asked.write:
        baselines[build()] = {path: round(count, 1) for path, count in found.items()}
        BASELINE.write_text(json.dumps(baselines, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    return int(any(count > known[path] * MOST for path, count in found.items()))


if __name__ == "__main__":
    sys.exit(main())
