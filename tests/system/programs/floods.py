"""Eight threads that write lines while eight bars move: floods.py LINES WAY.

WAY is log, print, logging, stderr, warnings, mixed, direct or children.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import warnings

import mainstage

THREADS = 8
CHILD = """
import os, sys, time
who, lines = sys.argv[1:]
for n in range(int(lines)):
    time.sleep(0.005)
    os.write(1 + n % 2, f"child {who} line {n:04d} {'=' * 20} whole\\n".encode())
"""
WAYS = ("log", "print", "logging", "stderr", "warnings")


def text_of(who: int, n: int) -> str:
    return f"thread {who} line {n:04d} {'.' * 20} whole"


def write(how: str, text: str) -> None:
    match how:
        case "log":
            mainstage.current_task().log(text)
        case "print":
            print(text)  # noqa: T201  # the subject
        case "logging":
            logging.getLogger("flood").warning(text)
        case "stderr":
            sys.stderr.write(text + "\n")
        case "warnings":
            warnings.warn(text, stacklevel=1)
        case "direct":  # as C code would: one call, past every stream
            os.write(2, f"{text}\n".encode())


def talk(who: int, lines: int, how: str) -> None:
    """Move a bar and write, as fast as it goes."""
    with mainstage.task(f"bar {who}", total=lines) as task:
        for n in range(lines):
            write(WAYS[(who + n) % len(WAYS)] if how == "mixed" else how, text_of(who, n))
            task.advance()
            if n % (lines // 20) == 0:  # long enough for bars to be seen
                time.sleep(0.07)


def parent(who: int, lines: int) -> None:
    """Move a bar while a child writes."""
    with mainstage.task(f"bar {who}", total=100) as task:
        step(task, 60)
        subprocess.run([sys.executable, "-c", CHILD, str(who), str(lines)], check=True)
        step(task, 40)


def step(task: mainstage.Task, count: int) -> None:
    for _ in range(count):
        time.sleep(0.01)
        task.advance()


def main() -> None:
    lines, how = int(sys.argv[1]), sys.argv[2]
    logging.basicConfig(format="%(message)s")
    warnings.simplefilter("always")
    warnings.formatwarning = lambda message, *_: f"{message}\n"
    sys.stderr.write("BEFORE\n")
    with mainstage.Run("flood", max_workers=THREADS) as run:
        if how == "children":
            futures = [run.submit(parent, who, lines) for who in range(THREADS)]
        else:
            futures = [run.submit(talk, who, lines, how) for who in range(THREADS)]
        for future in futures:
            future.result()
    sys.stderr.write("AFTER\n")


if __name__ == "__main__":
    main()
