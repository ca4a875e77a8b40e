"""The recipe that everybody pastes, its worker unchanged: own threads, a queue, a sentinel. See docs/recipe.md."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import mainstage

if TYPE_CHECKING:
    import queue


def worker(n: int, q: queue.Queue[int | None]) -> None:
    """Do `n` things and tell the queue; it knows nothing of mainstage."""
    for _ in range(n):
        time.sleep(0.01)
        q.put(1)
    q.put(None)


def main() -> None:
    """Start four threads that share one bar; the end of the block waits for it."""
    with mainstage.Run("recipe") as run:
        q = run.queue(total=200, description="four threads")
        for _ in range(4):
            threading.Thread(target=worker, args=(50, q)).start()
    print(f"{q.completed:.0f} done")


if __name__ == "__main__":
    main()
