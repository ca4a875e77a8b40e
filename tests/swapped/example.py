"""Run an example of another library, its sleeps shorter: `example.py SPEED PROGRAM ARGUMENT...`."""

from __future__ import annotations

import runpy
import sys
import time

if __name__ == "__main__":
    sleep, speed = time.sleep, float(sys.argv[1])  # noqa: TID251  # the program's own
    time.sleep = lambda seconds: sleep(float(seconds) / speed)  # noqa: TID251  # as above
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
