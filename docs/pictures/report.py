# ruff: noqa: D103, INP001, PLR2004, S311, TID251  # a picture's program, as people write them
"""The run of the picture in report.md: an import with two attempts that are tried again, and one failure."""

import random
import sys
import time

import mainstage


def load(number: int) -> int:
    chance, task = random.Random(number), mainstage.current_task()
    for _ in mainstage.track(range(chance.randint(3, 14)), "rows"):
        time.sleep(0.012)
    task.metric("rows/s", 80 + 40 * chance.random())
    if number in (9, 31) and task.attempt == 1:
        raise ConnectionResetError("connection reset by peer")
    if number == 44:
        raise ValueError(f"part-{number}.csv: row 812 has 7 fields, not 8")
    task.log(f"part-{number}.csv is in")
    return number


with mainstage.Run("nightly import", max_workers=6, retries=1, on_error="collect", journal=sys.argv[1]) as run:
    list(run.map(load, range(90)))
