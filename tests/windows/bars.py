"""Eight tasks on four threads, each with a line of text that a code page does not have."""

from __future__ import annotations

import mainstage


def work(n: int) -> int:
    with mainstage.task(f"file-{n:02d} é中.bin", total=100, unit="kB") as task:
        for _ in mainstage.track(range(100)):
            task.advance(1)
        print(f"\x1b[31mred\x1b[0m line of {n} ✔")
    return n


if __name__ == "__main__":
    with mainstage.Run("nightly", max_workers=4) as run:
        print(sum(run.map(work, range(8))))
