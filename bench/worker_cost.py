"""What reporting costs a worker, an item: `track`, `task.advance` and the same without a run, beside tqdm and Rich.

All are measured in turn, many rounds in one process, each taking its best; the loop around them is taken off.
"""

from __future__ import annotations

import io
from time import perf_counter
from typing import TYPE_CHECKING, cast

from rich.console import Console
from rich.progress import Progress
from rich.progress import track as rich_track
from tqdm import tqdm

from bench.rows import Row, interleaved, listed
from mainstage.tasks.reporter import live
from mainstage.tasks.task import NULL, open_task
from mainstage.tasks.track import track
from mainstage.testing import collect_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mainstage.tasks.task import Task

ITEMS = 200_000
ROUNDS = 15
ADVANCES = 10_000
"""Calls of `Progress.advance` in a round: it is slow."""


class Empty:
    def one(self, n: int) -> None:
        pass


def only_yields(items: Iterable[int]) -> Iterator[int]:
    for item in items:  # noqa: UP028  # the loop is what is measured
        yield item


def body(line: str) -> Callable[[object, Iterable[object]], None]:
    """Return a loop around `line` in code of its own: the interpreter fits each place to what comes by there."""
    known: dict[str, object] = {}
    exec(f"def body(owner, items):\n for _ in items: {line}", known)
    return cast("Callable[[object, Iterable[object]], None]", known["body"])


def site(call: str, make: Callable[[], object], times: int = ITEMS) -> Callable[[], float]:
    """Return what times `<call>` of what `make` gives, anew each round: seconds a call, loop included."""
    run = body(f"owner.{call}")

    def timed() -> float:
        owner = make()
        start = perf_counter()
        run(owner, range(times))
        return (perf_counter() - start) / times

    return timed


def loop(items: Callable[[], Iterable[object]]) -> Callable[[], float]:
    """Return what times an empty loop over `items()`: seconds an item, the making of the iterator included."""
    run = body("pass")

    def timed() -> float:
        start = perf_counter()
        run(None, items())
        return (perf_counter() - start) / ITEMS

    return timed


def quiet_progress() -> Progress:
    return Progress(console=Console(file=io.StringIO(), force_terminal=True), auto_refresh=False)


def measured(cases: dict[str, Callable[[], float]], bare: str) -> dict[str, float]:
    """Return nanoseconds an item above the bare loop, by case."""
    best = interleaved(cases, ROUNDS)
    return {name: (seconds - best[bare]) * 1e9 for name, seconds in best.items() if name != bare}


def track_rows() -> list[Row]:
    items = list(range(ITEMS))
    console = Console(file=io.StringIO(), force_terminal=True)
    with collect_events():
        cost = measured(
            {
                "bare": loop(lambda: items),
                "a generator that only yields": loop(lambda: only_yields(items)),
                "ours": loop(lambda: track(items, "bench")),
                "tqdm": loop(lambda: tqdm(items, file=io.StringIO())),
                "rich.track": loop(lambda: rich_track(items, console=console)),
            },
            "bare",
        )
    ours = cost.pop("ours")
    generator, bar = cost["a generator that only yields"], cost["tqdm"]
    told = f"{ours:.0f} ns"
    return [
        Row("track, an item / a generator", told, listed(cost, "ns"), ours / generator, 1.2),
        Row("track, an item / tqdm", told, listed({"tqdm": bar}, "ns"), ours / bar, 0.15),
    ]


def advance_rows() -> list[Row]:
    progress = quiet_progress()
    shown = progress.add_task("bench", total=ITEMS * ROUNDS)
    running = tqdm(file=io.StringIO(), total=ITEMS * ROUNDS)
    with collect_events():
        reporter = live.reporter
        assert reporter is not None

        def opened() -> Task:
            return open_task(reporter, reporter.new_id(), 1, "bench", worker="bench")

        cost = measured(
            {
                "bare": loop(lambda: range(ITEMS)),
                "empty method": site("one(1)", Empty),
                "ours": site("advance(1)", opened),
                "tqdm.update(1)": site("update(1)", lambda: tqdm(file=io.StringIO(), total=ITEMS)),
                "a bar that ran for long": site("update(1)", lambda: running),
                "Progress.advance": site(f"advance({shown}, 1)", lambda: progress, ADVANCES),
            },
            "bare",
        )
    running.close()
    ours = cost.pop("ours")
    told, peers = f"{ours:.0f} ns", listed(cost, "ns", ".0f")
    return [
        Row("task.advance(1) / tqdm.update", told, peers, ours / cost["tqdm.update(1)"], 0.35),
        Row("the same, a bar that ran for long", told, peers, ours / cost["a bar that ran for long"], None),
        Row("task.advance(1) / Progress.advance", told, peers, ours / cost["Progress.advance"], 0.08),
    ]


def silent_rows() -> list[Row]:
    cost = measured(
        {
            "bare": loop(lambda: range(ITEMS)),
            "empty method": site("one(1)", Empty),
            "ours": site("advance(1)", lambda: NULL),
        },
        "bare",
    )
    ours, method = cost["ours"], cost["empty method"]
    return [
        Row("advance(1), no run / an empty method", f"{ours:.0f} ns", f"{method:.0f} ns", ours / method, 1.5),
    ]
