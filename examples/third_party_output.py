"""Workers that call code which prints, logs, warns and draws bars of its own: every line is kept whole, with its task.

Run it on a terminal, then as `python examples/third_party_output.py | cat`: what the program prints goes into the pipe
and nothing else does.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings

import mainstage

try:
    from tqdm import tqdm
except ImportError:  # any library will do: its bars become nested tasks
    tqdm = None  # type: ignore[assignment,misc]

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
log = logging.getLogger("library")


def noisy_library(name: str) -> int:
    """Stand for somebody else's function: it knows nothing of mainstage."""
    rows = range(60)
    for row in rows if tqdm is None else tqdm(rows, desc=f"reading {name}", unit="row"):
        time.sleep(0.02)
        if row in (10, 30, 50):
            print(f"{name}: row {row}")
            log.info("%s is at %d", name, row)
            sys.stderr.write("a line ")
            sys.stderr.write(f"in pieces, of {name}\n")
    warnings.warn(f"{name} is deprecated", DeprecationWarning, stacklevel=1)
    return len(rows)


if __name__ == "__main__":
    warnings.simplefilter("default")
    with mainstage.Run("third-party output", max_workers=3) as run:
        counts = list(run.map(noisy_library, ["alpha", "beta", "gamma", "delta"]))
    print("rows:", sum(counts))
