"""What outlives a run: the cost of its journal beside the same run without one, and of a store beside a bare `map`."""

from __future__ import annotations

import tempfile
from collections import deque
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import mainstage
from bench.rows import Row, interleaved, median
from mainstage.journal.writer import JournalWriter

if TYPE_CHECKING:
    from collections.abc import Callable

TINY = 20_000
MANY = 1_000_000
ROUNDS = 9
WORKERS = 2


def double(n: int) -> int:
    return n * 2


def mapped(n: int, *, journal: Path | None = None, store: Path | None = None) -> float:
    """Return the CPU seconds of a `map` of `n` tiny items, on all threads."""
    began = process_time()
    with mainstage.Run("bench", max_workers=WORKERS, view="silent", journal=journal) as run:
        deque(run.map(double, range(n), store=store), 0)
    return process_time() - began


def timed(call: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def timing(*args: Any) -> Any:
        began = perf_counter()
        try:
            return call(*args)
        finally:
            spent.append(perf_counter() - began)

    return timing


def a_million(file: Path) -> float:
    """Return the seconds that the owner spends on the journal of a million items."""
    spent: list[float] = []
    methods = {name: getattr(JournalWriter, name) for name in ("record", "flush", "close")}
    for name, method in methods.items():
        setattr(JournalWriter, name, timed(method, spent))
    try:
        mapped(MANY, journal=file)
    finally:
        for name, method in methods.items():
            setattr(JournalWriter, name, method)
    return sum(spent)


def journal_rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.msj")
        found = interleaved(
            {"bare": partial(mapped, TINY), "ours": lambda: mapped(TINY, journal=file)}, 2 * ROUNDS, median
        )
        seconds = a_million(file)
        size = file.stat().st_size / 1e6
    bare, mine = (found[name] / TINY * 1e6 for name in ("bare", "ours"))
    return [
        Row("20,000 tiny items with a journal: CPU / without", f"{mine:.2f} us", f"{bare:.2f} us", mine / bare, 1.05),
        Row("1,000,000 items: the journal", f"{size:.1f} MB", "", size, 25, "MB"),
        Row("1,000,000 items: the owner's time for it", f"{seconds:.3f} s", "", seconds, 0.15, "s"),
    ]


def store_rows() -> list[Row]:
    return [row for n in (TINY, 4 * TINY) for row in _store_rows(n)]


def _store_rows(n: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "kept.db")
        mapped(n, store=kept)
        names = (Path(folder, f"{number}.db") for number in range(ROUNDS))
        found = interleaved(
            {
                "bare": partial(mapped, n),
                "new": lambda: mapped(n, store=next(names)),
                "there": lambda: mapped(n, store=kept),
            },
            ROUNDS,
            median,
        )
    bare, new, there = (found[name] / n * 1e6 for name in ("bare", "new", "there"))
    return [
        Row(f"{n:,} tiny items into a store: CPU / a bare map", f"{new:.2f} us", f"{bare:.2f} us", new / bare, 3),
        Row(f"{n:,} tiny items that are there / a bare map", f"{there:.2f} us", f"{bare:.2f} us", there / bare, 3),
    ]
