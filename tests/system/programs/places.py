"""Works while the place that is drawn on breaks: places.py RESULT. The results go to the file RESULT."""
# ruff: noqa: T201  # printing is the subject

from __future__ import annotations

import sys
import time
from pathlib import Path

import mainstage


def work(n: int) -> int:
    with mainstage.task(f"task {n}", total=10) as task:
        for _ in range(10):
            task.log(f"task {n} writes {'.' * 60}")
            print(f"task {n} prints {'.' * 60}")
            task.sleep(0.02)
            task.advance()
    return n * n


def main() -> None:
    with mainstage.Run("places", max_workers=4) as run:
        future = run.submit(time.sleep, 0.7)
        future.result()
        found = list(run.map(work, range(16)))
    Path(sys.argv[1]).write_text(repr(found), encoding="utf-8")


if __name__ == "__main__":
    main()
