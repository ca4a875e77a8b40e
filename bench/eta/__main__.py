"""`python -m bench.eta [--markdown] [--strict] [WORKLOAD ...]`: our ETA beside an oracle, tqdm and Rich."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

from bench.eta import laws
from bench.eta.ours import of_us
from bench.eta.score import PEERS, Error, distance, geometric, mean, of_oracle, of_peer, tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.eta.runs import Run

TUNING_SEEDS = range(40)
UNSEEN_SEEDS = range(100, 140)
HALF, WORST = 0.5, 1.1
"""What is asked: half the better peer's distance on the whole, and its error nowhere exceeded by more than a tenth."""


class Line(NamedTuple):
    """One workload: whose error is how large. `better` is the peer setting that is compared with."""

    name: str
    ours: Error
    oracle: Error
    peers: dict[str, Error]
    better: str

    @property
    def ratio(self) -> float:
        return distance(self.ours, self.oracle) / distance(self.peers[self.better], self.oracle)

    @property
    def beside(self) -> float:
        return self.ours.whole / self.peers[self.better].whole


def measured(workload: Callable[[int], Run], seeds: range) -> tuple[str, Error, Error, dict[str, Error]]:
    runs = [workload(seed) for seed in seeds]
    peers = {name: mean([of_peer(run, make) for run in runs]) for name, make in PEERS.items()}
    if all(run.sizes for run in runs):  # a peer may count tasks or sizes: whichever serves it better
        sized = {name: mean([of_peer(run, make, by_size=True) for run in runs]) for name, make in PEERS.items()}
        peers = {name: min(peers[name], sized[name]) for name in peers}
    return workload.__name__, mean([of_us(run) for run in runs]), mean([of_oracle(run) for run in runs]), peers


def lines(workloads: Sequence[Callable[[int], Run]], seeds: range) -> Iterator[Line]:
    """Yield a line for each; peers are tuned once over all of these workloads, the best of their settings taken."""
    found = [measured(workload, seeds) for workload in workloads]
    oracles = [oracle for _, _, oracle, _ in found]
    settings = {"tqdm", "rich"}
    for peer in ("tqdm", "rich"):
        settings.add(tuned({name: [peers[name] for *_, peers in found] for name in PEERS}, oracles, peer))
    for name, ours, oracle, peers in found:
        shown = {setting: peers[setting] for setting in sorted(settings)}
        yield Line(name, ours, oracle, shown, min(shown, key=lambda it: shown[it].whole))


def cell(one: Error) -> str:
    return f"{one.whole * 100:.1f} / {one.last * 100:.1f}"


def table(found: list[Line], *, markdown: bool) -> Iterator[str]:
    """Yield the lines of the table: errors over the whole run and over its last tenth, in per cent of its length."""
    peers = list(found[0].peers)
    rows = [["workload", "oracle", "ours", "blank", *peers, "better peer", "distance", "error"]]
    rows += [
        [line.name.replace("_", " "), cell(line.oracle), cell(line.ours), f"{line.ours.silent * 100:.0f} %"]
        + [cell(line.peers[peer]) for peer in peers]
        + [line.better, f"{line.ratio:.2f}x", f"{line.beside:.2f}x"]
        for line in found
    ]
    if markdown:
        rows.insert(1, ["---"] * len(rows[0]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        text = (" | " if markdown else "  ").join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield f"| {text} |" if markdown else text.rstrip()


def verdict(found: list[Line]) -> tuple[str, bool]:
    ratio = geometric(line.ratio for line in found)
    worst = max(found, key=lambda line: line.beside)
    well = ratio <= HALF and worst.beside <= WORST
    return (
        f"distance to the oracle beside the better peer's, geometric mean: {ratio:.2f}x (at most {HALF:g}x); "
        f"worst error beside the better peer's: {worst.beside:.2f}x, {worst.name.replace('_', ' ')} "
        f"(at most {WORST:g}x): {'ok' if well else 'short'}"
    ), well


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.eta", description="Our ETA beside an oracle, tqdm and Rich.")
    parser.add_argument("workloads", nargs="*", help="these alone")
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/eta.md")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if short")
    parser.add_argument("--tuning", action="store_true", help="only what the estimator was made with")
    asked = parser.parse_args()
    parts = [
        ("made with", laws.WORKLOADS, TUNING_SEEDS),
        ("held out", laws.WORKLOADS, UNSEEN_SEEDS),
        ("unseen", laws.UNSEEN, UNSEEN_SEEDS),
    ]
    well = True
    for name, workloads, seeds in parts[: 1 if asked.tuning else 3]:
        chosen = [one for one in workloads if not asked.workloads or one.__name__ in asked.workloads]
        if not chosen:
            continue
        found = list(lines(chosen, seeds))
        told, passed = verdict(found)
        print(f"{name}: seeds {seeds.start}..{seeds.stop - 1}\n")
        print("\n".join(table(found, markdown=asked.markdown)))
        print(f"\n{told}\n")
        well = well and passed
    return 1 if asked.strict and not well else 0


if __name__ == "__main__":
    sys.exit(main())
