"""Fails in a function, beside a thread that goes on, with hooks for the exit. Usage: failing.py [SECONDS]."""

import atexit
import sys
import threading
import time

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05


def goes_on() -> None:
    time.sleep(4 * pause)
    print("the thread ends")


def divide(number: int) -> float:
    return number / 0


atexit.register(print, "at the exit")
thread = threading.Thread(target=goes_on)
thread.start()
try:
    divide(1)
except ZeroDivisionError as error:
    raise RuntimeError("no way to divide") from error
