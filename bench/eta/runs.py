"""A run that is over: what a display would have seen of it, when it ended, and what its oracle would have said."""

from __future__ import annotations

from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from random import Random

FRAME = 0.1
"""Seconds between two readings of a bar's position."""
READING = 0.5
"""The same of tasks that run side by side and tell their position."""
STEPS = 2000
"""Steps that a bar is made of."""
DRAWS = 16
"""Continuations that the oracle of a crowd of tasks looks at."""


class Sample(NamedTuple):
    """What a display learns at `at`: a task began ("start", its total or None), moved, or ended ("end")."""

    at: float
    kind: str
    task: int
    value: float | None = None
    worker: int = 0


class Run(NamedTuple):
    """`expected` tasks whose last one ends at `length`; a single one is a bar whose `total` items count."""

    length: float
    expected: int
    total: float
    samples: list[Sample]
    oracle: Callable[[float], float]
    """From a time to the seconds left, as who knows the law would tell them then."""
    workers: int | None = None
    """How many take the tasks, at most, as everybody knows who has begun the run; None: there is a bar."""
    sizes: Sequence[float] = ()
    """Of the tasks, in the order in which they are handed out, where the oracle knows them; everybody is told."""

    def positions(self, *, by_size: bool = False) -> list[tuple[float, float]]:
        """Return what a bar over the whole run is told: (time, completed) of the bar's items, or of the tasks.

        `by_size`: a bar whose items are what the sizes of the tasks count.
        """
        if by_size:
            done, told = 0.0, []
            for sample in self.samples:
                if sample.kind == "end":
                    done += self.sizes[sample.task]
                    told.append((sample.at, done))
            return told
        if self.expected == 1:
            return [(sample.at, sample.value or 0.0) for sample in self.samples if sample.kind == "move"]
        ends = sorted(sample.at for sample in self.samples if sample.kind == "end")
        return [(at, float(number + 1)) for number, at in enumerate(ends)]


# --- bars ---


def bar(
    rng: Random, seconds: float, cost: Callable[[float], float], noise: float, pause: tuple[float, float] = (2.0, 0.0)
) -> tuple[list[float], float]:
    """Return when each of `STEPS` steps is done: `cost(part done)` beside others, and noise of that deviation.

    `pause` is where (a part of 1.0) nothing happens, and for how long. The second value is the seconds that a step of
    cost 1.0 takes.
    """
    unit = seconds / sum(cost((step + 0.5) / STEPS) for step in range(STEPS))
    shape = 1.0 / noise**2
    at, ends = 0.0, []
    for step in range(STEPS):
        part = (step + 0.5) / STEPS
        if step == round(pause[0] * STEPS):
            at += pause[1]
        at += unit * cost(part) * rng.gammavariate(shape, 1.0 / shape)
        ends.append(at)
    return ends, unit


def watched(ends: list[float], oracle: Callable[[float, float], float], total: float = STEPS) -> Run:
    """Return the run of a bar whose steps were done at `ends`; the oracle is told the time and the part done."""
    samples = [Sample(0.0, "start", 0, total)]
    length, done, at = ends[-1], 0, 0.0
    seen: list[tuple[float, float]] = [(0.0, 0.0)]
    while at < length:
        at += FRAME
        before = done
        while done < len(ends) and ends[done] <= at:
            done += 1
        if done != before:
            samples.append(Sample(min(at, length), "move", 0, total * done / len(ends)))
            seen.append((min(at, length), done / len(ends)))
    samples.append(Sample(length, "end", 0))

    def known(now: float) -> float:
        low, high = 0, len(seen)
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (middle, high) if seen[middle][0] <= now else (low, middle)
        return oracle(now, seen[low][1])

    return Run(length, 1, total, samples, known)


# --- crowds ---


class Work(NamedTuple):
    """One task as it went. `size` is None where it tells none; one that `tells` moves evenly from start to end."""

    start: float
    end: float
    worker: int
    size: float | None = None
    tells: bool = False


class Law(NamedTuple):
    """What makes a crowd: draws the seconds of the task in place `n` on a worker, and those left after `elapsed`."""

    draw: Callable[[Random, int, int], float]
    more: Callable[[Random, int, int, float], float]
    begins: Callable[[int], float] = lambda _: 0.0
    """When a worker is there."""


def schedule(free: Iterable[tuple[float, int]], seconds: Callable[[int, int], float], places: range) -> list[Work]:
    """Hand the tasks in `places` to whichever worker is free next, (time, worker) each at first."""
    heap = list(free)
    heapify(heap)
    done = []
    for place in places:
        at, worker = heap[0]
        end = at + seconds(place, worker)
        heapreplace(heap, (end, worker))
        done.append(Work(at, end, worker))
    return done


def crowd(works: list[Work], oracle: Callable[[float], float], workers: int, sizes: Sequence[float] = ()) -> Run:
    """Return the run of tasks that went as `works` says, on `workers`; `sizes` are told before it begins."""
    samples = []
    for task, work in enumerate(works):
        samples.append(Sample(work.start, "start", task, work.size, work.worker))
        if work.tells and work.size is not None:
            at = work.start + READING
            while at < work.end:
                samples.append(Sample(at, "move", task, work.size * (at - work.start) / (work.end - work.start)))
                at += READING
        samples.append(Sample(work.end, "end", task))
    samples.sort(key=lambda sample: (sample.at, sample.kind != "end", sample.task))
    length = max(work.end for work in works)
    return Run(length, len(works), float(len(works)), samples, oracle, workers, sizes)


def foreseen(works: list[Work], law: Law, workers: int, rng: Random) -> Callable[[float], float]:
    """Return the oracle of a crowd: the median of what may follow, drawn from its law; what tells is known."""

    def oracle(now: float) -> float:
        begun = [(place, work) for place, work in enumerate(works) if work.start <= now]
        running = [(place, work) for place, work in begun if work.end > now]
        there = {work.worker for _, work in running}
        idle = [(max(now, law.begins(worker)), worker) for worker in range(workers) if worker not in there]
        ends = []
        for _ in range(DRAWS):
            free = idle.copy()
            last = now
            for place, work in running:
                known = work.tells and now - work.start >= READING
                end = work.end if known else now + law.more(rng, place, work.worker, now - work.start)
                free.append((end, work.worker))
                last = max(last, end)
            rest = schedule(free, lambda place, worker: law.draw(rng, place, worker), range(len(begun), len(works)))
            ends.append(max((work.end for work in rest), default=now) if rest else last)
            ends[-1] = max(ends[-1], last)
        ends.sort()
        return (ends[DRAWS // 2] + ends[DRAWS // 2 - 1]) / 2 - now

    return oracle
