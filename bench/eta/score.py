"""The figures: how far off each estimator is, as a share of the run's length, over the run and over its last tenth."""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

from bench.eta.peers import Rich, Tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bench.eta.peers import Estimator
    from bench.eta.runs import Run

LOOKS = 50
"""Moments of a run at which all are asked, evenly from its start to its end."""
FLOOR = 0.01
"""What a distance to the oracle counts at least: a hundredth of the run's length."""
SMOOTHINGS = (0.0, 0.003, 0.01, 0.03, 0.1)
PERIODS = (5.0, 15.0, 60.0, 120.0, 1000.0)
PEERS: dict[str, Callable[[float], Estimator]] = {
    "tqdm": Tqdm,
    **{f"tqdm smoothing={smoothing:g}": lambda total, it=smoothing: Tqdm(total, it) for smoothing in SMOOTHINGS},  # type: ignore[misc]
    "rich": Rich,
    **{f"rich period={period:g}": lambda total, it=period: Rich(total, it) for period in PERIODS},  # type: ignore[misc]
}


class Error(NamedTuple):
    """Mean absolute errors, shares of the run's length; `silent` is the share of looks at which nothing was told."""

    whole: float
    last: float
    silent: float = 0.0


def moments(run: Run) -> list[float]:
    """Return when all are asked: once the bar has moved twice, for before that no peer can tell anything."""
    first = run.positions()[1][0]
    times = [run.length * (look + 0.5) / LOOKS for look in range(LOOKS)]
    return [at for at in times if at > first]


def error(run: Run, told: Iterable[tuple[float, float | None]]) -> Error:
    """Return the error of what was `told`, (moment, seconds left) each. Who tells nothing is taken to say "now"."""
    whole, last, silent, number = 0.0, [], 0, 0
    for at, left in told:
        off = abs((left or 0.0) - (run.length - at)) / run.length
        whole += off
        number += 1
        silent += left is None
        if at >= 0.9 * run.length:
            last.append(off)
    return Error(whole / number, sum(last) / len(last), silent / number)


def of_oracle(run: Run) -> Error:
    return error(run, [(at, run.oracle(at)) for at in moments(run)])


def of_peer(run: Run, make: Callable[[float], Estimator], *, by_size: bool = False) -> Error:
    """Return the error of a peer's bar over the tasks, or over what their sizes count."""
    peer = make(sum(run.sizes) if by_size else run.total)
    positions = run.positions(by_size=by_size)
    told, place = [], 0
    for at in moments(run):
        while place < len(positions) and positions[place][0] <= at:
            peer.feed(positions[place][1], positions[place][0])
            place += 1
        told.append((at, peer.remaining(at)))
    return error(run, told)


def mean(errors: list[Error]) -> Error:
    whole, last, silent = (sum(column) / len(errors) for column in zip(*errors, strict=True))
    return Error(whole, last, silent)


def distance(one: Error, oracle: Error) -> float:
    return max(FLOOR, one.whole - oracle.whole)


def geometric(values: Iterable[float]) -> float:
    logs = [log(value) for value in values]
    return exp(sum(logs) / len(logs))


def tuned(errors: Mapping[str, list[Error]], oracles: list[Error], name: str) -> str:
    """Return the setting of the peer `name` that is nearest to the oracles over all workloads, (per workload) each."""
    settings = [setting for setting in errors if setting.split()[0] == name]
    return min(settings, key=lambda it: geometric(distance(*pair) for pair in zip(errors[it], oracles, strict=True)))
