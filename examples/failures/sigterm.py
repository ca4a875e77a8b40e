"""SIGTERM, as `kill` and service supervisors send it: as Ctrl-C, raised as `Terminated`; the process dies of it.

SIGHUP, of a terminal that is closed, is the same; run under `nohup` it stays ignored. The program sends the signal
itself.
"""

from __future__ import annotations

import os
import signal

import mainstage

done: list[int] = []


def work(n: int) -> None:
    """Do a little; number 3 sends the signal."""
    if n == 3:  # noqa: PLR2004  # as said
        os.kill(os.getpid(), signal.SIGTERM)
        mainstage.current_task().sleep(3600)
    done.append(n)


def main() -> None:
    """Be terminated, and say goodbye."""
    try:
        for _ in mainstage.map(work, range(100), max_workers=1):
            pass
    except mainstage.Terminated as stop:
        print(f"terminated by {stop.signum}; done: {done}")
        raise  # uncaught: a shell sees 143


if __name__ == "__main__":
    main()
