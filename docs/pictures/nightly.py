"""A job as CI sees it: long enough for a line in between."""

# ruff: noqa: INP001, T201  # a program as users write them

from __future__ import annotations

import mainstage


def rebuild(name: str) -> None:
    """Rebuild one index."""
    task = mainstage.current_task()
    for _ in range(20):
        task.sleep(0.11 + len(name) % 3 * 0.01)
    if name == "index-19":
        raise ValueError("page 3 has a wrong checksum")
    if name == "index-05":
        print("rebuilt from the copy")


if __name__ == "__main__":
    with mainstage.Run("nightly", max_workers=4, on_error="collect") as run:
        list(run.map(rebuild, [f"index-{n:02}" for n in range(1, 25)]))
