"""A worker process is killed: its task fails and says by which signal, every other result stands."""

from __future__ import annotations

import os
import signal
from typing import cast

import mainstage
from mainstage.errors import WorkerLost


def work(number: int) -> int:
    """Square a number; the third worker meets what the kernel does when memory runs out."""
    if number == 3:  # noqa: PLR2004
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def main() -> None:
    """Go on without the one that was lost."""
    with mainstage.Run("squares", executor="process", max_workers=2, on_error="collect") as run:
        found = cast("list[object]", list(run.map(work, range(6))))
    lost = found.pop(3)
    assert isinstance(lost, WorkerLost)
    print(f"all others there: {found}; lost: {lost}")


if __name__ == "__main__":
    main()
