"""Logging to both streams, warnings, a line that is overwritten. Usage: logs.py [SECONDS]."""

import logging
import sys
import time
import warnings

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s:%(name)s:%(message)s")
logging.getLogger("app").info("starting up")
logging.getLogger("app.db").warning("slow query")
warnings.warn("this is old", FutureWarning, stacklevel=1)
for percent in range(0, 101, 25):
    print(f"\rloading {percent} %", end="", flush=True)
    time.sleep(pause)
print()
logging.getLogger("app").error("giving up")
