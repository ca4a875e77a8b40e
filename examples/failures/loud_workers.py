"""`print`, logging, warnings, Rich and tqdm inside workers: whole lines above the rows, each with its task.

Bars of tqdm and Rich become rows of ours. Into a pipe goes what the program printed, and nothing else.
"""

from __future__ import annotations

import logging
import sys
import warnings

import rich

import mainstage

try:
    from tqdm import tqdm
except ImportError:  # the rest is loud enough
    tqdm = None  # type: ignore[assignment,misc]

logging.basicConfig(format="%(name)s: %(message)s")
log = logging.getLogger("library")


def work(name: str) -> int:
    """Be loud in every way."""
    for step in range(5):
        mainstage.current_task().sleep(0.1)
        print(f"<print {name} {step}>")
        sys.stderr.write(f"<stderr {name} ")
        sys.stderr.write(f"{step}>\n")
        log.warning("<log %s %d>", name, step)
        warnings.warn(f"<warning {name} {step}>", stacklevel=1)
        rich.print(f"<rich {name} [bold]{step}[/]>")
    return sum(1 for _ in (range(50) if tqdm is None else tqdm(range(50), desc=f"bar of {name}")))


def main() -> None:
    """Let four of them speak at once."""
    warnings.simplefilter("always")
    with mainstage.Run("loud", max_workers=4) as run:
        assert list(run.map(work, "abcd")) == [50] * 4
    print("<the end>")


if __name__ == "__main__":
    main()
