"""Runs for two seconds, or until it gets SIGUSR1, then reads what was typed up to the word END, and says what it was.

Its words: "signal", "asks" (a question meanwhile), "keys" (the run takes keys).
"""
# ruff: noqa: T201  # what is printed is the subject

from __future__ import annotations

import itertools
import signal
import sys
import time

import mainstage

enough: list[int] = []


def work(number: int) -> None:
    """Move."""
    with mainstage.task(f"work {number}", total=100) as task:
        for _ in itertools.count() if "signal" in sys.argv else range(40):
            if enough:
                break
            task.advance(2)
            task.sleep(0.05)


def main() -> None:
    signal.signal(signal.SIGUSR1, lambda number, _: enough.append(number))
    print("BEGIN", flush=True)
    with mainstage.Run("typing", max_workers=2, keys="keys" in sys.argv) as run:
        for number in range(2):
            run.submit(work, number)
        if "asks" in sys.argv:
            time.sleep(1.0)
            print("ANSWER", input("Name? "))
    typed = ""
    while "END" not in typed:
        typed += sys.stdin.readline()
    print("TYPED", repr(typed))


if __name__ == "__main__":
    main()
