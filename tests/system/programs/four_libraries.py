"""Bars of tqdm, Rich and of the two modules in their places, opened within each other in the order of `argv[1]`.

With `after` behind it: one after another.

t, T: tqdm, mainstage.tqdm; r, R: rich.progress, mainstage.rich.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import rich.progress
import tqdm

import mainstage.rich
import mainstage.tqdm

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 60
BARS: dict[str, Any] = {"t": tqdm.tqdm, "T": mainstage.tqdm.tqdm}
ROWS: dict[str, Any] = {"r": rich.progress.Progress, "R": mainstage.rich.Progress}


def within(kinds: str, steps: list[Callable[[], object]]) -> None:
    """Open what is left of `kinds`, and go through all in the innermost."""
    if not kinds:
        for number in range(STEPS):
            time.sleep(0.04)
            for step in steps:
                step()
            if number == STEPS // 2:
                sys.stdout.write("a line\n")
        return
    kind, name = kinds[0], f"bar-{kinds[0]}"
    if kind in BARS:
        with BARS[kind](total=STEPS, desc=name) as bar:
            within(kinds[1:], [*steps, bar.update])
    else:
        with ROWS[kind]() as progress:
            task = progress.add_task(name, total=STEPS)
            within(kinds[1:], [*steps, lambda: progress.advance(task)])


for group in sys.argv[1] if sys.argv[2:] == ["after"] else [sys.argv[1]]:
    within(group, [])
sys.stdout.write("end\n")
