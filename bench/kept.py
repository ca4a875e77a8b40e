"""What outlives a run: the cost of its journal beside the same run without one, and of a store beside a bare `map`."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections import deque
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import mainstage
from bench.rows import Row, interleaved, median
from mainstage.events import ItemsEnded, RunStarted
from mainstage.journal.page import to_page
from mainstage.journal.reader import JournalReader
from mainstage.journal.report import RunReport
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


def report_rows() -> list[Row]:
    """Return how soon the page of a million items is there in Chromium; none without it."""
    chromium = shutil.which("chromium")
    if chromium is None or find_spec("playwright") is None:
        print("no Chromium and playwright here: the report's page is not measured", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "run.html")
        began = perf_counter()
        with JournalReader(a_million_one_by_one(Path(folder, "run.msj"))) as journal:
            page.write_text(to_page(RunReport(journal)), encoding="utf-8")
        made = perf_counter() - began
        ready = median([seconds_to_ready(page, chromium) for _ in range(3)])
    return [
        Row(
            "the report of 1,000,000 items: ready in Chromium",
            f"{ready:.2f} s",
            f"made in {made:.1f} s",
            ready,
            1.5,
            "s",
        )
    ]


def a_million_one_by_one(file: Path) -> Path:
    """Write the journal of eight workers, each of whose items is told, and return it."""
    chance = random.Random(1)
    at, each = [1.0] * 8, MANY // 1000
    writer = JournalWriter(file)
    writer.record(RunStarted(1.0, "each one", 1e9))
    for batch in range(each):
        worker, items = batch % len(at), []
        for number in range(1000):
            began, at[worker] = at[worker], at[worker] + chance.expovariate(500)
            items.append((1000 * batch + number + 1, began, at[worker]))
        writer.record(ItemsEnded(at[worker], 1, f"thread-{worker}", tuple(items)))
        writer.flush()
    writer.forsake()
    return file


def seconds_to_ready(page: Path, chromium: str) -> float:
    playwright = import_module("playwright.sync_api").sync_playwright
    with playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1200, "height": 900})
        began = perf_counter()
        tab.goto(page.as_uri(), wait_until="commit")
        tab.wait_for_selector('body[data-ready="yes"]')
        seconds = perf_counter() - began
        browser.close()
    return seconds


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
