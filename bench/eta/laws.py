"""The workloads: what each is, drawn from a law that its oracle knows.

The estimator was made with the first fourteen; the others were looked at once it stood, and what they showed was worked
on since. So all of `WORKLOADS` are known by now, and it is seeds that are held out; `UNSEEN` were looked at once.
"""

from __future__ import annotations

import json
from math import exp
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bench.eta.runs import Law, Run, Work, bar, crowd, foreseen, schedule, watched

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = Path(__file__).parent / "recorded"


def _left(cost: Callable[[float], float], unit: float, steps: int = 2000) -> Callable[[float], float]:
    """Return the function from a part done to the seconds that the rest is expected to take."""
    rest = [0.0]
    for step in reversed(range(steps)):
        rest.append(rest[-1] + unit * cost((step + 0.5) / steps))
    return lambda part: rest[round((1.0 - part) * steps)]


def _simple(rng: Random, seconds: float, cost: Callable[[float], float], noise: float) -> Run:
    ends, unit = bar(rng, seconds, cost, noise)
    left = _left(cost, unit)
    return watched(ends, lambda _, part: left(part))


def steady(seed: int) -> Run:
    """A bar that goes on evenly; single steps vary a lot."""
    rng = Random(seed)
    return _simple(rng, rng.uniform(60, 240), lambda _: 1.0, 1.0)


def accelerating(seed: int) -> Run:
    """A bar whose speed grows all the time, to three to six times what it began with: a cache fills."""
    rng = Random(seed)
    gain = rng.uniform(3, 6)
    return _simple(rng, rng.uniform(60, 240), lambda part: 1.0 / (1.0 + (gain**2 - 1.0) * part) ** 0.5, 0.7)


def warm_up(seed: int) -> Run:
    """A bar whose first hundredths take a good part of the time: imports, connections, compilation."""
    rng = Random(seed)
    share, slow = rng.uniform(0.02, 0.05), rng.uniform(5, 10)
    return _simple(rng, rng.uniform(60, 240), lambda part: slow if part < share else 1.0, 0.7)


def bursts(seed: int) -> Run:
    """A bar that moves in lumps of any size with nothing between: somebody buffers."""
    rng = Random(seed)
    gap, lump = rng.uniform(2, 6), rng.uniform(15, 50)
    at = 0.0
    ends: list[float] = []
    while len(ends) < 2000:
        at += rng.gammavariate(4, gap / 4)
        ends += [at] * max(1, round(lump * rng.lognormvariate(-0.18, 0.6)))
    del ends[2000:]
    lumps = sorted(set(ends))

    def oracle(now: float, part: float) -> float:
        last = max((end for end in lumps if end <= now), default=0.0)
        return max(gap / 4, (1.0 - part) * 2000 / lump * gap + gap / 2 - min(now - last, gap))

    return watched(ends, oracle)


def stall(seed: int) -> Run:
    """A steady bar that stands still once, anywhere, for a sixth to a third of its time."""
    rng = Random(seed)
    seconds = rng.uniform(60, 240)
    where, pause = rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.5) * seconds
    ends, _ = bar(rng, seconds, lambda _: 1.0, 0.7, (where, pause))
    begun = ends[round(where * 2000) - 1]
    mean = 0.35 * seconds

    def oracle(now: float, part: float) -> float:
        left = (1.0 - part) * seconds
        if now < begun:
            return left + mean
        stood = now - begun
        if part <= where + 1e-9 and stood < pause:
            least = max(stood, 0.2 * seconds)
            return left + (least + 0.5 * seconds) / 2 - stood
        return left

    return watched(ends, oracle)


def _drawn(rng: Random, law: Law, number: int, workers: int, tells: Callable[[int], bool] | None = None) -> Run:
    free = [(law.begins(worker), worker) for worker in range(workers)]
    works = schedule(free, lambda place, worker: law.draw(rng, place, worker), range(number))
    if tells is not None:
        works = [
            work._replace(size=(work.end - work.start) * 1e6, tells=True) if tells(place) else work
            for place, work in enumerate(works)
        ]
    return crowd(works, foreseen(works, law, workers, Random(rng.random())), workers)


def _any_order(draw: Callable[[Random], float], longest: float) -> Law:
    """Return the law of tasks that are all drawn alike; what is left after a while is drawn until it fits."""

    def more(rng: Random, _place: int, _worker: int, elapsed: float) -> float:
        for _ in range(400):
            seconds = draw(rng)
            if seconds > elapsed:
                return seconds - elapsed
        return longest * 0.1

    return Law(lambda rng, _place, _worker: draw(rng), more)


def bimodal(seed: int) -> Run:
    """Most tasks take a second, one in seven takes twelve times that; four workers."""
    rng = Random(seed)
    scale, long = rng.uniform(0.7, 2.0), rng.uniform(0.1, 0.2)
    law = _any_order(lambda r: scale * (12.0 if r.random() < long else 1.0) * r.gammavariate(30, 1 / 30), scale)
    return _drawn(rng, law, rng.randint(120, 300), 4)


def heavy_tail(seed: int) -> Run:
    """Durations after Pareto: the longest of all takes as long as a tenth of the others together; eight workers."""
    rng = Random(seed)
    scale, power = rng.uniform(0.5, 1.0), rng.uniform(1.5, 1.9)

    def draw(r: Random) -> float:
        return scale * r.paretovariate(power)

    def more(r: Random, _place: int, _worker: int, elapsed: float) -> float:
        return draw(r) if elapsed <= 0 else max(elapsed, scale) * r.paretovariate(power) - elapsed

    return _drawn(rng, Law(lambda r, _place, _worker: draw(r), more), rng.randint(300, 600), 8)


def big_last(seed: int) -> Run:
    """Hundreds of small tasks, then a few that take a hundred times as long and tell how far they are."""
    rng = Random(seed)
    small, large = rng.randint(200, 500), rng.randint(8, 14)
    short, long = rng.uniform(0.2, 0.5), rng.uniform(20, 40)

    def seconds(r: Random, place: int) -> float:
        return short * r.gammavariate(4, 1 / 4) if place < small else long * r.gammavariate(20, 1 / 20)

    def more(r: Random, place: int, _worker: int, elapsed: float) -> float:
        return max(seconds(r, place), elapsed * 1.02) - elapsed

    law = Law(lambda r, place, _worker: seconds(r, place), more)
    return _drawn(rng, law, small + large, 4, lambda place: place >= small)


def stragglers(seed: int) -> Run:
    """Tasks of much the same length on eight workers, of which one in twenty takes three to six times as long."""
    rng = Random(seed)
    scale = rng.uniform(5, 15)

    def draw(r: Random) -> float:
        return scale * r.gammavariate(25, 1 / 25) * (r.uniform(3, 6) if r.random() < 0.05 else 1.0)

    return _drawn(rng, _any_order(draw, scale), rng.randint(80, 160), 8)


def long_tasks(seed: int) -> Run:
    """Two dozen tasks of half a minute on four workers, that tell nothing of themselves."""
    rng = Random(seed)
    scale = rng.uniform(20, 40)
    return _drawn(rng, _any_order(lambda r: scale * r.gammavariate(40, 1 / 40), scale), rng.randint(20, 32), 4)


def downloads(seed: int) -> Run:
    """Files of any size on six workers, that tell how far they are."""
    rng = Random(seed)
    scale = rng.uniform(4, 8)
    law = _any_order(lambda r: scale * r.lognormvariate(0, 0.9), scale)
    return _drawn(rng, law, rng.randint(60, 140), 6, lambda _: True)


def ramp(seed: int) -> Run:
    """Like tasks on eight workers that come up one after the other in the first third of the run."""
    rng = Random(seed)
    scale, late = rng.uniform(2, 4), rng.uniform(4, 8)
    law = _any_order(lambda r: scale * r.gammavariate(9, 1 / 9), scale)
    return _drawn(rng, law._replace(begins=lambda worker: worker * late), rng.randint(150, 250), 8)


# --- recorded ---


def _recorded(name: str, seed: int, *, sized: bool) -> Run:
    """Return a part of a recorded run, from a place that `seed` says; its oracle knows what its tasks cost by size."""
    kept = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    tasks, workers = kept["tasks"], kept["workers"]
    skip = seed * 37 % (len(tasks) // 4)
    tasks = tasks[skip:]
    origin = tasks[0][0]
    works = [Work((a - origin) / 1e3, max(b, a + 1) / 1e3 - origin / 1e3, w, float(size)) for a, b, size, w in tasks]
    mean = sum(size for _, _, size, _ in tasks) / len(tasks)
    spent = sum(work.end - work.start for work in works) / len(works)
    up = sum((size - mean) * (b - a) / 1e3 for a, b, size, _ in tasks)
    slope = max(0.0, up / (sum((size - mean) ** 2 for _, _, size, _ in tasks) or 1.0))
    costs: list[float] = [max(1e-3, spent + slope * ((work.size or 0.0) - mean)) for work in works]

    def oracle(now: float) -> float:
        begun = [(place, work) for place, work in enumerate(works) if work.start <= now]
        free = [
            (now + max(costs[place] - now + work.start, 0.1 * costs[place]), work.worker)
            for place, work in begun
            if work.end > now
        ]
        there = {worker for _, worker in free}
        free += [(now, worker) for worker in range(workers) if worker not in there]
        rest = schedule(free, lambda place, _: costs[place], range(len(begun), len(works)))
        return max([*(at for at, _ in free), *(work.end for work in rest)]) - now

    return crowd([work._replace(size=work.size if sized else None) for work in works], oracle, workers)


def compress(seed: int) -> Run:
    """Recorded: every other source file of Python's library through lzma, two workers, sizes told as each begins."""
    return _recorded("compress", seed, sized=True)


def compiled(seed: int) -> Run:
    """Recorded: the same files compiled one after the other."""
    return _recorded("compile", seed, sized=False)


def digest(seed: int) -> Run:
    """Recorded: source and binary files hashed, four workers, sizes told as each begins."""
    return _recorded("digest", seed, sized=True)


# --- added later ---


def slow_workers(seed: int) -> Run:
    """Six workers of which two take four times as long for the same."""
    rng = Random(seed)
    scale = rng.uniform(4, 10)

    def draw(r: Random, worker: int) -> float:
        return scale * (4.0 if worker < 2 else 1.0) * r.gammavariate(16, 1 / 16)

    def more(r: Random, _place: int, worker: int, elapsed: float) -> float:
        for _ in range(100):
            seconds = draw(r, worker)
            if seconds > elapsed:
                return seconds - elapsed
        return 0.1 * scale

    return _drawn(rng, Law(lambda r, _place, worker: draw(r, worker), more), rng.randint(70, 140), 6)


def shifts(seed: int) -> Run:
    """A bar that is throttled now and then: full speed and a quarter of it take turns."""
    rng = Random(seed)
    seconds, turn = rng.uniform(90, 240), rng.uniform(0.04, 0.1)
    at, fast, ends, until = 0.0, True, [], rng.expovariate(1 / turn)
    for step in range(2000):
        part = step / 2000
        while part > until:
            fast = not fast
            until += rng.expovariate(1 / (turn if fast else turn / 3))
        at += seconds / 2000 * (1.0 if fast else 4.0) * rng.gammavariate(2, 1 / 2)
        ends.append(at)
    mean = (turn + 4 * turn / 3) / (turn + turn / 3)
    return watched(ends, lambda _, part: (1.0 - part) * seconds * mean)


def slowing(seed: int) -> Run:
    """A bar whose every step takes longer than the one before, at last three to eight times: a list is searched."""
    rng = Random(seed)
    grows = rng.uniform(2, 7)
    return _simple(rng, rng.uniform(60, 240), lambda part: 1.0 + grows * part, 0.7)


def _files(seed: int, *, ascending: bool) -> Run:
    """Return files of any size on four workers, whose sizes everybody is told; each costs something by itself too."""
    rng = Random(seed)
    number = rng.randint(80, 200)
    sizes = [rng.lognormvariate(0, 1.2) for _ in range(number)]
    if ascending:
        sizes.sort()
    base, each, noise = rng.uniform(0.1, 1.0), rng.uniform(0.5, 3.0), 1.0 / rng.uniform(0.1, 0.4) ** 2

    def draw(r: Random, place: int, _worker: int) -> float:
        return (base + each * sizes[place]) * r.gammavariate(noise, 1 / noise)

    def more(r: Random, place: int, worker: int, elapsed: float) -> float:
        return max((draw(r, place, worker) for _ in range(20)), key=lambda seconds: seconds > elapsed) - elapsed

    run = _drawn(rng, Law(draw, lambda *given: max(more(*given), 0.1 * base)), number, 4)
    return run._replace(sizes=sizes)


def files(seed: int) -> Run:
    """Files of any size in any order; sizes are told before the first begins."""
    return _files(seed, ascending=False)


def small_first(seed: int) -> Run:
    """The same, sorted by size."""
    return _files(seed, ascending=True)


# --- added last: looked at once, and nothing was changed after that ---


def wander(seed: int) -> Run:
    """A bar whose speed wanders about a mean: a network that others use too."""
    rng = Random(seed)
    seconds, keeps, wide = rng.uniform(60, 240), rng.uniform(0.99, 0.998), rng.uniform(0.3, 0.6)
    at, off, ends = 0.0, rng.gauss(0.0, wide), []
    for _ in range(2000):
        off = off * keeps + rng.gauss(0.0, wide * (1.0 - keeps**2) ** 0.5)
        at += seconds / 2000 * exp(off) * rng.gammavariate(2, 1 / 2)
        ends.append(at)
    return watched(ends, lambda _, part: (1.0 - part) * seconds * exp(wide**2 / 2))


def kinds(seed: int) -> Run:
    """Four workers; all tasks of one kind first, then those of another that take longer or less long."""
    rng = Random(seed)
    scale, times = rng.uniform(1, 3), rng.choice((1.0, -1.0)) * rng.uniform(0.4, 1.4)
    number, first = rng.randint(100, 300), rng.uniform(0.3, 0.7)

    def draw(r: Random, place: int, _worker: int) -> float:
        return scale * (exp(times) if place >= first * number else 1.0) * r.gammavariate(4, 1 / 4)

    def more(r: Random, place: int, worker: int, elapsed: float) -> float:
        for _ in range(100):
            seconds = draw(r, place, worker)
            if seconds > elapsed:
                return seconds - elapsed
        return 0.1 * scale

    return _drawn(rng, Law(draw, more), number, 4)


def told_downloads(seed: int) -> Run:
    """Files whose sizes are told, on five workers of which each is as fast as it is; they tell how far they are."""
    rng = Random(seed)
    number, scale = rng.randint(50, 150), rng.uniform(3, 8)
    sizes = [rng.lognormvariate(0, 0.9) for _ in range(number)]
    slow = [rng.lognormvariate(0, 0.4) for _ in range(5)]

    def draw(r: Random, place: int, worker: int) -> float:
        return scale * (0.1 + sizes[place]) * slow[worker] * r.gammavariate(16, 1 / 16)

    law = Law(draw, lambda r, place, worker, elapsed: max(draw(r, place, worker) - elapsed, 0.1 * scale))
    return _drawn(rng, law, number, 5, lambda _: True)._replace(sizes=sizes)


WORKLOADS = (steady, accelerating, warm_up, bursts, stall, bimodal, heavy_tail, big_last, stragglers, long_tasks,
             downloads, ramp, compress, digest,
             slow_workers, shifts, compiled, slowing, files, small_first)  # fmt: skip
UNSEEN = (wander, kinds, told_downloads)
