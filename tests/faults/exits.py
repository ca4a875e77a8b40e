"""A program that is stopped, and what holds its exit: exits.py [thread NAME | handler | pool]."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import mainstage

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD = sys.argv[1] if sys.argv[1:] else ""


def work() -> None:
    task = mainstage.current_task()
    while True:
        time.sleep(0.02)
        task.advance()


@contextlib.contextmanager
def slow_handler() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        os.write(2, b"HANDLING\r\n")
        time.sleep(60)


atexit.register(os.write, 2, b"HOOK\r\n")
if HELD == "thread":
    threading.Thread(target=time.sleep, args=(60,), name=sys.argv[2]).start()
if HELD == "pool":
    ThreadPoolExecutor(1, "theirs").submit(time.sleep, 60)
with slow_handler() if HELD == "handler" else contextlib.nullcontext(), mainstage.Run("faults") as run:
    future = run.submit(work)
    threading.Timer(0.8, os.write, (2, b"READY\r\n")).start()
    future.result()
