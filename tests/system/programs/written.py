"""Eight rows and short lines of text, numbered, until it gets SIGUSR1. Its pid is in the file named."""
# ruff: noqa: T201  # what is printed is the subject

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path

import mainstage

enough: list[int] = []


def work(number: int) -> None:
    """Move, and write now and then."""
    with mainstage.task(f"file-{number:02d}", total=1000, unit="kB") as task:
        for step in itertools.count():
            if enough:
                break
            task.advance(0.5)
            if step % 10 == number:
                task.log(f"text {step // 10:02d} of {number} " + "." * (10 + 3 * number))
            task.sleep(0.02)


def main() -> None:
    signal.signal(signal.SIGUSR1, lambda number, _: enough.append(number))
    Path(sys.argv[1]).write_text(str(os.getpid()), encoding="ascii")
    for number in range(5):
        print(f"before {number}")
    with mainstage.Run("nightly", max_workers=8, prefix=False) as run:
        list(run.map(work, range(8)))
    print("THE END", flush=True)


if __name__ == "__main__":
    main()
