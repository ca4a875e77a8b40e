"""How long still: an interval, told from what was seen and when it was seen, and from nothing else.

Two estimators. A `Course` is one position over time: it weighs three stories of its speed (it is even, it grows or
falls evenly, it changed once) by how well each tells what was seen, and takes a lone pause for what it is. `Durations`
is what tasks take: a histogram that also learns from those that still run, and `crowd_eta` plays the rest of the run a
few times with it, each worker taking the next task as it gets free.

Feeding costs the same however long it lasts, memory is bounded, and a `Course` is fitted anew only when a mark was
added, which happens the less often the older it is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from heapq import heapify, heapreplace
from itertools import pairwise
from math import comb, exp, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MARKS = 32
"""Places of a course that are remembered: the newer, the closer together."""
CLOSEST, FINE = 0.1, 0.01
"""Seconds between two marks at least, and the same as a part of the whole course."""
DOUBT_LINE, DOUBT_STEP = 7.0, 6.0
"""How much better another story than that of an even speed must be, as twice the logarithm of its odds."""
LEAST = 3
"""Marks before which a course only has a mean speed."""
PAUSE = 6.0
"""A gap so many times the usual one is a pause."""
STOOD = 0.5
"""What a pause is expected to last still, in parts of what it has lasted."""
REACH = 2.0
"""A growing speed is expected to grow on for so many times the seconds that it was seen to grow."""
NEVER = 1e9
"""Seconds from which on an ETA is none."""
STEP = log(1.2)
"""The width of the classes of durations, as a logarithm."""
CLASSES = 128
SHORTEST = 1e-3
"""Seconds of the first class."""
PLAYED = 64
"""Tasks of the rest that are played one by one; the others before them are only added up."""
CROWD = 1024
"""Workers that are played one by one; more of them are played as so many, with their share of the tasks."""
PLAYS = 5
GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole parts, fill 0 to 1 evenly: what is drawn by them never jumps."""
TAIL, LONGER = 0.33, 1.3
"""What is left of a task older than all: as under a power law; and what those take that nothing is known of."""
CHANCE = 1e-6
"""If what runs is as long as that by a smaller chance, what follows is like it and not like what ended."""


class Eta(NamedTuple):
    """Seconds until the end: `likely`, and with good hope between `low` and `high`. 0.0 <= low <= likely <= high."""

    low: float
    likely: float
    high: float


DONE = Eta(0.0, 0.0, 0.0)


def interval(likely: float, spread: float, more: float = 0.0) -> Eta | None:
    """Return `likely` give or take `spread` (a part of it), with `more` seconds on top at worst; None: for ever."""
    if not likely < NEVER:
        return None
    return Eta(likely / (1.0 + spread), likely, min(NEVER, likely * (1.0 + spread) + more))


# --- one position ---


class Fit(NamedTuple):
    """What a course was taken for. `stories`: (weight, speed now, its gain a second) each."""

    stories: tuple[tuple[float, float, float], ...]
    usual: float
    """Seconds from one move to the next."""
    seconds: float
    """That it was seen, pauses left out."""
    spread: float
    """How uncertain the speed is, as a part of it."""


class Course:
    """How one position went."""

    __slots__ = ("_completed", "_fit", "_marks", "_moved_at")

    def __init__(self, at: float, completed: float = 0.0) -> None:
        """Begin at `at` seconds, with `completed` items there already."""
        self._marks = array("d", (at, completed))
        self._moved_at = at
        self._completed = completed
        self._fit: Fit | None = None

    def feed(self, completed: float, at: float) -> None:
        """Take the reading `completed` items at `at` seconds; a step back (a seek, a reset) begins anew."""
        if completed <= self._completed:
            if completed < self._completed:
                self.__init__(at, completed)  # type: ignore[misc]  # anew, in place
            return
        self._completed = completed
        self._moved_at = at
        marks = self._marks
        if at - marks[-2] < max(CLOSEST, FINE * (at - marks[0])):
            return
        marks.append(at)
        marks.append(completed)
        self._fit = None
        if len(marks) > 2 * MARKS:
            self._thin()

    def rebase(self, completed: float) -> None:
        """Take `completed` as the position from here on: what was counted before is counted otherwise now."""
        off = completed - self._completed
        marks = self._marks
        for place in range(1, len(marks), 2):
            marks[place] += off
        self._completed = completed

    def _thin(self) -> None:
        """Let one mark go: where two gaps together are the shortest beside how long ago they were."""
        times = self._marks[0::2]
        now = times[-1] + CLOSEST
        gaps = [(after - before) / (now - before) for before, after in zip(times, times[2:], strict=False)]
        place = gaps.index(min(gaps)) + 1
        del self._marks[2 * place : 2 * place + 2]

    def eta(self, total: float, now: float) -> Eta | None:
        """Return how long until `total` items are there; None: no telling."""
        left = total - self._completed
        if left <= 0.0:
            return DONE
        fit = self._fit
        if fit is None:
            fit = self._fit = _fitted(self._marks, self._moved_at, self._completed)
        if fit is None:
            return None
        seconds = [_until(left, speed, gain, fit.seconds) for _, speed, gain in fit.stories]
        likely = sum(weight * one for (weight, _, _), one in zip(fit.stories, seconds, strict=True))
        if likely >= NEVER / 2:
            return None
        if len(seconds) > 1:
            likely /= 1.0 + min(1.0, fit.spread) ** 2  # one by a mean is on the mean more than one by what it is of
        least, most = min(seconds), max(seconds)
        stood = max(0.0, now - self._moved_at)
        paused = stood - PAUSE * fit.usual
        more = 0.0
        if paused > 0.0:
            more = STOOD * paused
            likely += more
        else:
            likely = max(likely - min(stood, fit.usual), min(likely, fit.usual) / 2)
        found = interval(likely, fit.spread, 2.0 * more)
        if found is None:
            return None
        weights = [weight for weight, _, _ in fit.stories]
        if min(weights) < 0.1:  # noqa: PLR2004  # nobody believes it
            return found
        return Eta(min(found.low, least), likely, max(found.high, most))


def _until(left: float, speed: float, gain: float, seen: float) -> float:
    """Return the seconds that `left` items take at a `speed` that gains `gain` a second for as long as that holds."""
    reach = REACH * seen
    if gain < 0.0:
        reach = min(reach, -0.5 * speed / gain)
    ahead = speed * reach + gain * reach * reach / 2
    if ahead < left:
        last = speed + gain * reach
        return reach + (left - ahead) / last if last > left / NEVER else NEVER
    if abs(gain) * left < 1e-6 * speed * speed:
        return left / speed if speed > left / NEVER else NEVER
    return (sqrt(max(0.0, speed * speed + 2.0 * gain * left)) - speed) / gain


def _fitted(marks: Sequence[float], moved_at: float, completed: float) -> Fit | None:
    times, places = list(marks[0::2]), list(marks[1::2])
    if moved_at > times[-1]:
        times.append(moved_at)
        places.append(completed)
    gaps = [after - before for before, after in pairwise(times)]
    steps = [after - before for before, after in pairwise(places)]
    if not gaps or sum(gaps) <= 0.0:
        return None
    usual = sorted(gaps)[len(gaps) // 2]
    gaps = _without_pauses(gaps, steps, usual)
    seconds, done = sum(gaps), sum(steps)
    mean = done / seconds
    if len(gaps) < LEAST:
        return Fit(((1.0, mean, 0.0),), usual, seconds, 1.0 / sqrt(len(gaps)))
    return _stories(gaps, steps, usual, seconds, mean)


def _without_pauses(gaps: list[float], steps: list[float], usual: float) -> list[float]:
    """Return `gaps` with a lone pause as long as any other; of several, what the longest one lasts does not count."""
    if len(gaps) < 2 * LEAST:
        return gaps
    pace = sum(steps) / sum(gaps)
    pauses = [gap for gap, step in zip(gaps, steps, strict=True) if gap > PAUSE * usual and step < pace * gap / 2]
    if not pauses:
        return gaps
    longest = max(pauses)
    return [usual if gap == longest else gap for gap in gaps]


def _stories(gaps: list[float], steps: list[float], usual: float, seconds: float, mean: float) -> Fit:
    """Return the three stories, each with the weight that Bayes' information criterion gives it."""
    number = len(gaps)
    speeds = [step / gap if gap > 0.0 else mean for step, gap in zip(steps, gaps, strict=True)]
    even = mean
    noise = sum(gap * (speed - mean) ** 2 for gap, speed in zip(gaps, speeds, strict=True)) / seconds
    most = sorted(speeds)[-2]
    speeds = [min(speed, most) for speed in speeds]  # one burst is no story
    middles, at = [], 0.0
    for gap in gaps:
        middles.append(at + gap / 2)
        at += gap
    done = sum(gap * speed for gap, speed in zip(gaps, speeds, strict=True))
    mean = done / seconds
    flat = sum(gap * (speed - mean) ** 2 for gap, speed in zip(gaps, speeds, strict=True))
    # The line: weighted least squares.
    centre = sum(gap * middle for gap, middle in zip(gaps, middles, strict=True)) / seconds
    wide = sum(gap * (middle - centre) ** 2 for gap, middle in zip(gaps, middles, strict=True))
    gain = sum(gap * (middle - centre) * speed for gap, middle, speed in zip(gaps, middles, speeds, strict=True)) / wide
    line = max(0.0, flat - gain * gain * wide)
    # The step: the one that explains most.
    best, after, before_s, before_n = 0.0, mean, 0.0, 0.0
    for place in range(number - 2):
        before_s += gaps[place]
        before_n += speeds[place] * gaps[place]
        later_s, later_n = seconds - before_s, done - before_n
        if place < 1 or later_s <= 0.0 or before_s <= 0.0:
            continue
        one, other = before_n / before_s, later_n / later_s
        explained = before_s * (one - mean) ** 2 + later_s * (other - mean) ** 2
        if explained > best:
            best, after = explained, other
    step = max(0.0, flat - best)
    least = 1e-6 * mean * mean * seconds
    scores = [
        number * log(flat + least) + log(number),
        number * log(line + least) + 2 * log(number) + DOUBT_LINE,
        number * log(step + least) + 3 * log(number) + DOUBT_STEP,
    ]
    top = min(scores)
    weights = [exp(-(score - top) / 2) for score in scores]
    whole = sum(weights)
    now = max(mean + gain * (seconds - centre), after / 4, mean / 10)
    spread = sqrt(noise / number) / even + 1.0 / number
    return Fit(
        (
            (weights[0] / whole, even, 0.0),
            (weights[1] / whole, now, gain),
            (weights[2] / whole, max(after, mean / 100), 0.0),
        ),
        usual,
        seconds,
        spread,
    )


# --- many tasks ---


class Durations:
    """What tasks took, in classes."""

    __slots__ = ("_numbers", "_seconds", "number", "seconds")

    def __init__(self) -> None:
        self._numbers = array("d", bytes(8 * CLASSES))
        self._seconds = array("d", bytes(8 * CLASSES))
        self.number = 0
        self.seconds = 0.0
        """All together."""

    def add(self, seconds: float, number: int = 1) -> None:
        """Remember that `number` tasks took `seconds` each."""
        place = _class(seconds)
        self._numbers[place] += number
        self._seconds[place] += seconds * number
        self.number += number
        self.seconds += seconds * number

    def beyond(self, seconds: float) -> float:
        """Return the part of the tasks that took about as long, or longer."""
        return sum(self._numbers[_class(seconds) :]) / (self.number or 1)

    def law(self, known: Sequence[float], ages: Sequence[float]) -> Law | None:
        """Return the law of tasks that took what was seen, or take the `known` seconds, or more than `ages` still.

        After Kaplan and Meier: who runs still counts among those that may end until the age that he has.
        """
        ends, spent = self._numbers, self._seconds
        if known:
            ends, spent = ends[:], spent[:]
            for seconds in known:
                place = _class(seconds)
                ends[place] += 1.0
                spent[place] += seconds
        leaves = [0.0] * CLASSES
        for age in ages:
            leaves[_class(age)] += 1.0
        there = float(self.number + len(known) + len(ages))
        alive = 1.0
        chances: list[float] = []
        values: list[float] = []
        for place in range(CLASSES):
            number = ends[place]
            if number:
                chance = alive * number / there
                values.append(spent[place] / number)
                chances.append(chance)
                alive -= chance
                there -= number
            there -= leaves[place]
            if there <= 0:
                break
        if ages and alive > 1e-9:  # noqa: PLR2004  # more than rounding leaves
            chances.append(alive)
            values.append(max(max(ages) * LONGER, values[-1] if values else 0.0))
        return Law(values, chances) if values else None


def _class(seconds: float) -> int:
    return max(0, min(CLASSES - 1, int(log(seconds / SHORTEST) / STEP))) if seconds > SHORTEST else 0


class Law:
    """How long tasks take: values with their chances."""

    def __init__(self, values: list[float], chances: list[float]) -> None:
        whole = sum(chances)
        self._values = values
        self._below: list[float] = []
        at = 0.0
        for chance in chances:
            at += chance / whole
            self._below.append(at)
        self.mean = sum(value * chance for value, chance in zip(values, chances, strict=True)) / whole
        square = sum(value * value * chance for value, chance in zip(values, chances, strict=True)) / whole
        self.varies = max(0.0, square / (self.mean * self.mean) - 1.0) if self.mean > 1e-9 else 0.0  # noqa: PLR2004  # its square is no 0.0
        """The square of the deviation beside the mean."""

    def draw(self, chance: float) -> float:
        """Return the seconds that a part `chance` of the tasks do not take."""
        return self._values[min(bisect_right(self._below, chance), len(self._values) - 1)]

    def left(self, age: float, chance: float) -> float:
        """Return the same of what is left of one that has run for `age` seconds."""
        place = bisect_right(self._values, age)
        if place >= len(self._values):
            return age * (exp(-TAIL * log(max(0.1, 1.0 - chance))) - 1.0) + 1e-3
        gone = self._below[place - 1] if place else 0.0
        return self.draw(gone + chance * (1.0 - gone)) - age


class Rest(NamedTuple):
    """What is left of a run: `unstarted` tasks for `workers`; of the running ones those with a known rest, and ages.

    `known` has (age, seconds left) each; `ages` the seconds that each of the others has run. Since the first of the
    running ones began, `begun` did, all of them among these.
    """

    unstarted: int
    workers: int
    known: Sequence[tuple[float, float]]
    ages: Sequence[float]
    begun: int
    elapsed: float
    """Seconds since the first task of all began."""


def crowd_eta(durations: Durations, rest: Rest) -> Eta | None:
    """Return how long the `rest` takes where tasks took `durations`; None: no telling."""
    totals = [age + left for age, left in rest.known]
    law = durations.law(totals, rest.ages)
    if law is None or (rest.ages and not durations.number and not rest.known):
        return None
    following = law
    scale = _exposure(durations, rest, law) / law.mean if law.mean > 0.0 else 1.0
    if rest.unstarted and _strange(durations, rest):
        following = Durations().law(totals, rest.ages) or law
        scale = 1.0
    ends = sorted(_played(rest, law, following, scale, play) for play in range(PLAYS))
    likely = ends[PLAYS // 2]
    if rest.ages and rest.elapsed > 0.0 and durations.number:
        told = len(rest.known) / (len(rest.known) + len(rest.ages))
        plain = min(1.5 * likely, (rest.unstarted + len(rest.ages) + len(rest.known)) * rest.elapsed / durations.number)
        trust = told + (1.0 - told) / (1.0 + law.varies)
        likely = trust * likely + (1.0 - trust) * plain
    if not likely < NEVER:
        return None
    spread = 1.0 / sqrt(durations.number + len(totals) + 1.0)
    share = rest.unstarted / (rest.unstarted + rest.workers)
    return Eta(
        min(ends[0], likely, likely / (1 + spread * share)), likely, max(ends[-1], likely * (1 + spread * share))
    )


def _exposure(durations: Durations, rest: Rest, law: Law) -> float:
    """Return what a task takes on the mean, from all the time that was spent: it varies less than the mean of the law.

    Renewal theory: those that run are, on the mean, worth (1 - varies) / 2 of an end each.
    """
    spent = durations.seconds + sum(rest.ages) + sum(age for age, _ in rest.known)
    ended = durations.number + len(rest.ages) * max(0.0, (1.0 - law.varies) / 2)
    ended += sum(age / (age + left) if left > 0.0 else 1.0 for age, left in rest.known)
    return min(max(spent / ended, law.mean / 2), law.mean * 1.5) if ended > 0.0 else law.mean


def _strange(durations: Durations, rest: Rest) -> bool:
    """Return whether those that run are so long, and so many of those begun of late, that others like them follow."""
    running = len(rest.known) + len(rest.ages)
    if running < 2 or running < rest.workers or not durations.number:  # noqa: PLR2004  # one is an exception
        return False
    shortest = min([*rest.ages, *(age + left for age, left in rest.known)])
    rare = max(durations.beyond(shortest), 1.0 / (durations.number + 1))
    return comb(max(rest.begun, running), running) * rare**running < CHANCE


def _played(rest: Rest, law: Law, following: Law, scale: float, play: int) -> float:
    """Return when the last task ends, in one play."""
    start = (play + 0.5) / PLAYS
    free = [left for _, left in rest.known]
    free += [law.left(age, (start + place * GOLDEN) % 1.0) for place, age in enumerate(rest.ages)]
    if not rest.unstarted:
        return max(free, default=0.0)
    workers = min(rest.workers, CROWD)
    unstarted = rest.unstarted * workers // rest.workers
    free += [0.0] * (workers - len(free))
    heapify(free)
    bulk = max(0, unstarted - PLAYED)
    sooner = bulk * following.mean * scale / len(free)
    for place in range(unstarted - bulk, 0, -1):
        heapreplace(free, free[0] + scale * following.draw((start + place * GOLDEN) % 1.0))
    return max(free) + sooner
