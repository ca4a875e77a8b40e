"""Ctrl-Z, `fg`, and a window that changes its size: the terminal is given back and taken again, at the size of then.

Try them while it runs. Ctrl-S stops the terminal and not the work; Ctrl-Q lets it go on.
"""

from __future__ import annotations

import mainstage


def work(n: int) -> int:
    """Take a while."""
    for _ in mainstage.track(range(100)):
        mainstage.current_task().sleep(0.04)
    return n


def main() -> None:
    """Take four seconds of its own time."""
    results = list(mainstage.map(work, range(4), max_workers=4))
    assert results == list(range(4))
    print("all there:", results)


if __name__ == "__main__":
    main()
