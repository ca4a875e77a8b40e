"""Ctrl-C while the main thread waits in a call of ours: the work is asked to stop, and what was done is kept.

It presses Ctrl-C itself, by the signal that the key sends. Press it again where a worker does not stop: its thread is
abandoned at once. A third time ends the process, with the terminal given back.
"""

from __future__ import annotations

import os
import signal

import mainstage

LAST = 5


def work(n: int) -> int:
    """Do a little; number 5 presses Ctrl-C and would go on for an hour."""
    task = mainstage.current_task()
    if n == LAST:
        os.kill(os.getpid(), signal.SIGINT)
        task.sleep(3600)  # wakes at once when the run is stopped
    task.sleep(0.05)
    return n


def main() -> None:
    """Be interrupted, and look at what there is."""
    try:
        with mainstage.Run("interrupted", max_workers=1) as run:
            futures = [run.submit(work, n) for n in range(100)]
            futures[-1].result()  # here it waits
    except KeyboardInterrupt as stop:
        results = stop.run.results  # type: ignore[attr-defined]  # the exception carries its run
    assert results == list(range(LAST)), results
    assert all(future.done() for future in futures)
    print(f"stopped; done so far: {results}")


if __name__ == "__main__":
    main()
