"""Ctrl-C while the main thread is in code that is not ours: `KeyboardInterrupt` there, as ever.

The end of the `with` block then stops the work. The exception is not caught: the process dies of the signal, as a shell
expects it, without a traceback. The display goes on all the while, although the main thread sleeps.
"""

from __future__ import annotations

import os
import signal
import threading
import time

import mainstage

begun = threading.Event()


def work(_: int) -> None:
    """Report for an hour."""
    task = mainstage.current_task()
    for _second in mainstage.track(range(36_000), unit="s"):
        begun.set()
        task.sleep(0.1)


def main() -> None:
    """Sleep until Ctrl-C; it comes by itself, after a second."""
    with mainstage.Run("interrupted", max_workers=3) as run:
        for n in range(10):
            run.submit(work, n)
        begun.wait()
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            time.sleep(3600)
        except KeyboardInterrupt:
            print("interrupted in time.sleep")
            raise


if __name__ == "__main__":
    main()
