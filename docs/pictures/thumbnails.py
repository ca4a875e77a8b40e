"""Three thousand small tasks."""

# ruff: noqa: INP001, TID251  # a program as users write them

from __future__ import annotations

import time

import mainstage


def shrink(number: int) -> None:
    """Shrink one picture."""
    time.sleep(0.02 + (number * 7919 % 101) ** 3 / 2e6)
    if number in (105, 316, 1527, 1738, 2360):
        raise OSError(f"photo-{number}.jpg is cut off")


if __name__ == "__main__":
    with mainstage.Run("thumbnails", max_workers=60, layout="grid", on_error="skip") as run:
        for _ in run.map(shrink, range(3000)):
            pass
