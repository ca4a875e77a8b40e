"""`python -m bench.eta.informed`: how near to the oracle comes who knows all laws of bars, but not which it is.

He has seen `KNOWN` runs of each law, with every parameter in its range. At each look he compares how the bar went up to
now with how each of these went up to the same part done, weighs them by how likely they look the same, and tells the
median of what they had left. No estimator that has to do without the laws can be expected to do better.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp
from typing import TYPE_CHECKING, NamedTuple

from bench.eta import laws
from bench.eta.ours import of_us
from bench.eta.runs import STEPS
from bench.eta.score import PEERS, distance, error, geometric, mean, moments, of_oracle, of_peer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.eta.runs import Run

BARS = (laws.steady, laws.accelerating, laws.warm_up, laws.bursts, laws.stall)
KNOWN = 150
KNOWN_SEEDS = range(1000, 1000 + KNOWN)
SEEDS = range(100, 110)
PLACES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95)
"""Parts of the time up to now at which two bars are compared."""
LUMPS = 0.05
"""How far two bars may be apart beside what single steps explain."""


class Path(NamedTuple):
    """When which part of a bar was done."""

    times: list[float]
    parts: list[float]

    def part(self, at: float) -> float:
        place = bisect_right(self.times, at)
        return self.parts[place - 1] if place else 0.0

    def time(self, part: float) -> float:
        return self.times[min(bisect_right(self.parts, part), len(self.times) - 1)]


def path(run: Run) -> Path:
    positions = run.positions()
    return Path([at for at, _ in positions], [completed / run.total for _, completed in positions])


def shape(one: Path, now: float) -> list[float]:
    whole = one.part(now)
    return [one.part(now * place) / whole for place in PLACES]


def median(told: list[tuple[float, float]]) -> float:
    """Return the median of (value, weight) pairs."""
    told.sort()
    half, at = sum(weight for _, weight in told) / 2, 0.0
    for value, weight in told:
        at += weight
        if at >= half:
            return value
    return told[-1][0]


def informed(run: Run, known: Sequence[tuple[Path, float]]) -> Iterator[tuple[float, float | None]]:
    own = path(run)
    for now in moments(run):
        part = own.part(now)
        if part >= 1.0:
            yield now, 0.0
            continue
        seen = shape(own, now)
        wide = LUMPS**2 + 1.0 / (STEPS * part)
        told = []
        for other, length in known:
            then = other.time(part)
            off = sum((a - b) ** 2 for a, b in zip(seen, shape(other, then), strict=True))
            told.append(((length - then) * now / then, exp(-off / (2 * wide)) + 1e-12))
        yield now, median(told)


def main() -> None:
    known = [(path(run), run.length) for law in BARS for run in map(law, KNOWN_SEEDS)]
    ratios = []
    for law in BARS:
        runs = [law(seed) for seed in SEEDS]
        oracle = mean([of_oracle(run) for run in runs])
        best = mean([error(run, informed(run, known)) for run in runs])
        ours = mean([of_us(run) for run in runs])
        peer = min(mean([of_peer(run, make) for run in runs]) for make in PEERS.values())
        ratios.append(distance(best, oracle) / distance(peer, oracle))
        print(
            f"{law.__name__.replace('_', ' '):14}oracle {oracle.whole:6.1%}  knows all laws {best.whole:6.1%}  "
            f"ours {ours.whole:6.1%}  best peer setting {peer.whole:6.1%}  distance {ratios[-1]:.2f}x"
        )
    print(f"geometric mean {geometric(ratios):.2f}x")


if __name__ == "__main__":
    main()
