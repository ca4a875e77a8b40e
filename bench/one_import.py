"""`mainstage.tqdm` beside tqdm: the same calls of the two classes, on a terminal, ours with a run live.

The bare loop is taken off. Rounds of the two are in turn; each takes its best.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import tqdm as theirs

import mainstage
from bench.rows import Row, interleaved, terminal
from mainstage import tqdm as ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 9
UPDATES = 40_000
"""Of a new bar: tqdm asks the clock less often when it has run for long."""
ITEMS = 200_000
BARS = 50


@contextmanager
def stderr_on_a_terminal() -> Iterator[None]:
    kept = os.dup(2)
    with terminal() as slave:
        os.dup2(slave, 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def updates(kind: Any, **arguments: Any) -> Callable[[], float]:
    def timed() -> float:
        bar = kind(total=UPDATES, **arguments)
        start = perf_counter()
        for _ in range(UPDATES):
            bar.update(1)
        took = perf_counter() - start
        bar.close()
        return took / UPDATES

    return timed


def items(kind: Any, **arguments: Any) -> Callable[[], float]:
    numbers = list(range(ITEMS))

    def timed() -> float:
        start = perf_counter()
        for _ in kind(numbers, **arguments):
            pass
        return (perf_counter() - start) / ITEMS

    return timed


def short(kind: Any) -> Callable[[], float]:
    def timed() -> float:
        start = perf_counter()
        for _ in range(BARS):
            for _ in kind(range(3)):
                pass
        return (perf_counter() - start) / BARS

    return timed


def bare() -> float:
    start = perf_counter()
    for _ in range(ITEMS):
        pass
    return (perf_counter() - start) / ITEMS


def in_a_run(case: Callable[[], float]) -> Callable[[], float]:
    def timed() -> float:
        with mainstage.Run(view="silent"):
            return case()

    return timed


def row(name: str, target: float, make: Callable[..., Callable[[], float]], *, run: bool = True, **given: Any) -> Row:
    """Measure one case of both classes."""
    mine = make(ours.tqdm, **given)
    cases = {"ours": in_a_run(mine) if run else mine, "tqdm": make(theirs.tqdm, **given), "bare": bare}
    with stderr_on_a_terminal():
        found = interleaved(cases, ROUNDS)
    off = found["bare"] if run else 0.0
    scale, unit = (1e9, "ns") if run else (1e6, "us")
    us, them = (found["ours"] - off) * scale, (found["tqdm"] - off) * scale
    return Row(name, f"{us:.3g} {unit}", f"tqdm {them:.3g} {unit}", us / them, target)


def rows() -> list[Row]:
    return [
        row("mainstage.tqdm: update(1) of a new bar", 0.35, updates),
        row("mainstage.tqdm: an item of a loop", 0.2, items),
        row("mainstage.tqdm: update(1) of a disabled bar", 1.0, updates, disable=True),
        row("mainstage.tqdm: update(1) of a bar of text", 1.2, updates, file=io.StringIO()),
        row("mainstage.tqdm: an item of a bar of text", 1.2, items, file=io.StringIO()),
        row("mainstage.tqdm: a bar of three items, no run", 1.0, short, run=False),
    ]
