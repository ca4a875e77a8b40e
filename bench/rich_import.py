"""What the calls of `mainstage.rich` cost beside Rich's own, a run live, the bare loop taken off."""

from __future__ import annotations

import io
from time import perf_counter
from typing import TYPE_CHECKING

import rich.progress
from rich.console import Console

import mainstage.rich
from bench.rows import Row, interleaved, listed
from bench.worker_cost import site
from mainstage import Run

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 20_000
ITEMS = 200_000
"""Of a loop, as of one over `mainstage.tqdm`: shorter ones measure how they begin."""
ROUNDS = 9
MANY = 10**9
GOALS = {"advance": 0.1, "update": 0.2, "track": 0.2}


class TakenDisplay(mainstage.rich.ProgressLive):
    """One that any run takes, also a silent one."""

    def _taken_by(self, _capture: object) -> bool:
        return True


def quiet() -> Console:
    return Console(file=io.StringIO(), force_terminal=True)


def looped(progress: rich.progress.Progress | None) -> Callable[[], float]:
    """Return what times a loop over `progress.track`, or (None) the bare one: seconds an item."""

    def timed() -> float:
        items = range(ITEMS) if progress is None else progress.track(range(ITEMS))
        start = perf_counter()
        for _ in items:
            pass
        return (perf_counter() - start) / ITEMS

    return timed


def rich_rows() -> list[Row]:
    theirs = rich.progress.Progress(console=quiet())  # in `track` a thread of its own counts, as by default
    ours = mainstage.rich.Progress()
    ours.live = ours._display = TakenDisplay(ours, console=quiet())  # noqa: SLF001  # as its own constructor does
    with Run(view="silent"), ours:
        number, other = ours.add_task("bench", total=MANY), theirs.add_task("bench", total=MANY)
        best = interleaved(
            {
                "bare": looped(None),
                "advance, ours": site(f"advance({number})", lambda: ours, CALLS),
                "advance, Rich's": site(f"advance({other})", lambda: theirs, CALLS),
                "update, ours": site(f"update({number}, advance=1)", lambda: ours, CALLS),
                "update, Rich's": site(f"update({other}, advance=1)", lambda: theirs, CALLS),
                "track, ours": looped(ours),
                "track, Rich's": looped(theirs),
            },
            ROUNDS,
        )
    cost = {name: (seconds - best["bare"]) * 1e9 for name, seconds in best.items()}
    return [row(name, cost[f"{name}, ours"], cost[f"{name}, Rich's"], goal) for name, goal in GOALS.items()]


def row(name: str, ours: float, theirs: float, goal: float) -> Row:
    told = f"{ours:.0f} ns", listed({f"Progress.{name}": theirs}, "ns", ".0f")
    return Row(f"mainstage.rich {name} / Rich's", *told, ours / theirs, goal)
