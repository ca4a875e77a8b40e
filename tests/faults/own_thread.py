"""A program whose own thread, no daemon, holds the exit: own_thread.py NAME."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time

import mainstage


def work() -> None:
    task = mainstage.current_task()
    while True:
        time.sleep(0.02)
        task.advance()


atexit.register(os.write, 2, b"HOOK\r\n")
if sys.argv[1:]:
    threading.Thread(target=time.sleep, args=(60,), name=sys.argv[1]).start()
with mainstage.Run("faults") as run:
    future = run.submit(work)
    threading.Timer(0.8, os.write, (2, b"READY\r\n")).start()
    future.result()
