"""Steps that feed each other under one display: a generator worker, nested tasks, measurements, a summary."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import mainstage

if TYPE_CHECKING:
    from collections.abc import Generator

REGIONS = ("north", "south", "east", "west", "coast", "hills")


@mainstage.stepwise
def extract(region: str) -> Generator[object, None, list[int]]:
    """Yield what is done, as into a queue; return the rows. It needs nothing of mainstage but the mark above."""
    yield ("total", 20)
    rows = []
    for n in range(20):
        time.sleep(0.01)
        rows.append(len(region) * n)
        yield 1
    return rows


def load(region: str, rows: list[int]) -> int:
    """Clean, then store: two tasks within this one."""
    with mainstage.task("clean", total=len(rows), unit="rows") as cleaning:
        kept = []
        for row in rows:
            time.sleep(0.005)
            if row % 3:
                kept.append(row)
            cleaning.advance()
    for _ in mainstage.track(kept, "store"):
        time.sleep(0.005)
    task = mainstage.current_task()
    task.metric("kept", len(kept) / len(rows))
    task.log(f"{region}: kept {len(kept)} of {len(rows)} rows")
    return sum(kept)


def main() -> None:
    """Extract all regions; load each as soon as it is there."""
    with mainstage.Run("nightly", max_workers=4) as run:
        extracts = {run.options(description=f"extract {name}").submit(extract, name): name for name in REGIONS}
        loads = {}
        for future in run.as_completed(extracts):
            name = extracts[future]
            loads[name] = run.options(description=f"load {name}").submit(load, name, future.result())
        sums = {name: loads[name].result() for name in REGIONS}
    print(*(f"{name}={total}" for name, total in sums.items()))


if __name__ == "__main__":
    main()
