"""How long many tasks take still, on several workers.

`Durations` is what tasks take: a histogram that also learns from those that still run. `crowd_eta` plays the rest of
the run a few times with it, each worker taking the next task as it gets free.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from heapq import heapify, heapreplace
from math import comb, exp, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

from mainstage.ui.eta.position import NEVER, SHORTEST, Eta, interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STEP = log(1.1)
"""The width of the classes of durations, as a logarithm."""
CLASSES = 256
PLAYED = 32
"""Tasks of the rest that are played one by one, two a worker if that is more; those before them are only added up."""
GRID = 32
"""Parts of the tasks, as many each, of which one is drawn: with fewer, or fewer played, a rare long one gets lost."""
CROWD = 1024
"""Workers that are played one by one; more of them are played as so many, with their share of the tasks."""
PLAYS, FEW = 31, 9
"""How often the rest is played for eight workers, and at least: the more there are, the less chance there is in it."""
DRAWN = 0.8
"""How far what is played is drawn towards the plain rate, where that is called for."""
TAIL, LONGER = 0.33, 1.3
"""What is left of a task older than all: as under a power law; and what those take that nothing is known of."""
SPLITS = (8, 12, 16, 24, 32, 48, 64)
"""So many of the latest tasks are compared with those before: whether they are of another kind."""
SURE = 4.5
"""Standard errors between the two from which on that is believed; from half of it on, it is by and by."""
PASSING = 0.25
"""What is left of that belief where tasks have become longer: a machine that others slow down recovers."""
OVER = 0.1
"""What is still expected of a task that is over its time, in parts of it."""
ROUNDING = 1e-9
CHANCE = 1e-6
"""If what runs is as long as that by a smaller chance, what follows is like it and not like what ended."""


def _mixed(number: int) -> int:
    """Return a number that looks like chance."""
    number = (number ^ number >> 16) * 0x7FEB352D & 0xFFFFFFFF
    number = (number ^ number >> 15) * 0x846CA68B & 0xFFFFFFFF
    return number ^ number >> 16


def _order(seed: int) -> list[int]:
    """Return the places of the grid in an order that looks like chance."""
    return sorted(range(GRID), key=lambda place: _mixed(seed * GRID + place + 1))


CHANCES = [(place + 0.5) / GRID for place in range(GRID)]
ORDERS = [(_order(2 * play), _order(2 * play + 1)) for play in range(PLAYS)]
"""What is drawn in each play, for what runs and for what follows: always the same, so that no frame jumps."""


class Durations:
    """What tasks took, in classes."""

    __slots__ = ("_latest", "_logs", "_numbers", "_seconds", "_squares", "number", "seconds")

    def __init__(self) -> None:
        self._numbers = array("d", bytes(8 * CLASSES))
        self._seconds = array("d", bytes(8 * CLASSES))
        self._logs = self._squares = 0.0
        """Sums over all, of the logarithms and of their squares."""
        self._latest: deque[float] = deque(maxlen=SPLITS[-1])
        """The logarithms of the latest ones."""
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
        told = log(max(seconds, SHORTEST))
        self._logs += told * number
        self._squares += told * told * number
        if number == 1:
            self._latest.append(told)
        else:  # a mean of many says nothing of each
            self._latest.clear()

    def changed(self) -> tuple[float, Durations] | None:
        """Return how much speaks for it that the latest tasks are of another kind than those before, and these alone.

        0.0 to 1.0; None: nothing does.
        """
        latest = list(self._latest)
        off, many = max((self._off(latest[-many:]), many) for many in SPLITS)
        if off <= SURE / 2:
            return None
        found = Durations()
        for told in latest[-many:]:
            found.add(exp(told))
        return min(1.0, off / (SURE / 2) - 1.0), found

    def _off(self, part: list[float]) -> float:
        """Return how far the mean of the logarithms `part` is from that of those before, in standard errors of it."""
        many, before = len(part), self.number - len(part)
        if many < SPLITS[0] or before < many / 2:
            return 0.0
        mean = sum(part) / many
        other = (self._logs - mean * many) / before
        squares = self._squares - many * mean * mean - before * other * other
        return abs(mean - other) / sqrt(max(squares / self.number, ROUNDING) * (1 / many + 1 / before))

    def beyond(self, seconds: float) -> float:
        """Return the part of the tasks that took about as long, or longer."""
        return sum(self._numbers[_class(seconds) :]) / (self.number or 1)

    def law(self, known: Sequence[float], ages: Sequence[float]) -> SurvivalCurve | None:
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
        if ages and alive > ROUNDING:
            chances.append(alive)
            values.append(max(max(ages) * LONGER, values[-1] if values else 0.0))
        return SurvivalCurve(values, chances) if values else None


def _class(seconds: float) -> int:
    return max(0, min(CLASSES - 1, int(log(seconds / SHORTEST) / STEP))) if seconds > SHORTEST else 0


class SurvivalCurve:
    """How long tasks take: values with their chances."""

    def __init__(self, values: list[float], chances: list[float]) -> None:
        whole = sum(chances)
        self._values = values
        self._below: list[float] = []
        at = 0.0
        for chance in chances:
            at += chance / whole
            self._below.append(at)
        self._below[-1] = 1.0
        self.mean = sum(value * chance for value, chance in zip(values, chances, strict=True)) / whole
        square = sum(value * value * chance for value, chance in zip(values, chances, strict=True)) / whole
        self.varies = max(0.0, square / (self.mean * self.mean) - 1.0) if self.mean > 1e-9 else 0.0  # noqa: PLR2004  # its square is no 0.0
        """The square of the deviation beside the mean."""

    def parts(self, number: int) -> list[float]:
        """Return what the tasks of each of `number` equal parts take on the mean, the shortest first."""
        values, below = self._values, self._below
        found: list[float] = []
        place, at = 0, 0.0
        for part in range(1, number + 1):
            end, whole = part / number, 0.0
            while place < len(below) - 1 and below[place] < end:
                whole += (below[place] - at) * values[place]
                at = below[place]
                place += 1
            whole += (end - at) * values[place]
            at = end
            found.append(whole * number)
        return found

    def left(self, age: float, chances: Sequence[float]) -> list[float]:
        """Return what is left of one that has run for `age` seconds, in so many of the cases at most: `chances`."""
        values, below = self._values, self._below
        place = bisect_right(values, age)
        if place >= len(values):
            return [age * (max(0.1, 1.0 - chance) ** -TAIL - 1.0) + SHORTEST for chance in chances]
        gone = below[place - 1] if place else 0.0
        rest = (1.0 - gone) * (1.0 - ROUNDING)
        return [values[bisect_right(below, gone + chance * rest)] - age for chance in chances]


class RemainingWork(NamedTuple):
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
    late: Sequence[float] = ()
    """In how many seconds workers are there that have not been seen."""


class Sized(NamedTuple):
    """What the tasks of a rest take, as their sizes tell."""

    running: Sequence[tuple[float, float]]
    """(age, seconds that it takes) of those that do not tell their rest."""
    bulk: float
    """Seconds that those take together that begin first."""
    last: Sequence[float]
    """Seconds that each of the others takes."""
    spread: float
    """How uncertain all that is, as a part of it."""


def sized_eta(rest: RemainingWork, sized: Sized) -> Eta | None:
    """Return how long the `rest` takes where sizes tell what tasks take."""
    free = [left for _, left in rest.known]
    free += [max(seconds - age, OVER * seconds, OVER * age) for age, seconds in sized.running]
    return interval(_worked(rest, free, sized.bulk, sized.last), sized.spread)


def _worked(rest: RemainingWork, free: list[float], bulk: float, seconds: Iterable[float]) -> float:
    """Return when the last of tasks that take `seconds` ends, each taken by who is free first; before them `bulk`.

    `free` has when each worker is free that is at work; those that are idle, or still to come, take tasks too.
    """
    end = max(free, default=0.0)
    if rest.unstarted:
        free += [0.0] * (min(rest.workers, CROWD) - len(free))
        free += rest.late
    if bulk:
        free = _shared(free, bulk)
        end = max(end, free[0])
    heapify(free)
    for one in seconds:
        at = free[0] + one
        heapreplace(free, at)
        end = max(end, at)
    return end


def _shared(free: list[float], bulk: float) -> list[float]:
    """Return when each is free that has done his part of `bulk` seconds of work, in parts as small as you like.

    Those that had one come first.
    """
    free = sorted(free)
    level, number = free[0], 0
    for number, at in enumerate(free):  # how many share it
        if (at - level) * number >= bulk:
            break
        bulk -= (at - level) * number
        level = at
    else:
        number = len(free)
    return [level + bulk / number] * number + free[number:]


def crowd_eta(durations: Durations, rest: RemainingWork) -> Eta | None:
    """Return how long the `rest` takes where tasks took `durations`; None: no telling."""
    whole = _by_law(durations, rest)
    changed = durations.changed() if whole is not None and rest.unstarted else None
    if whole is None or changed is None:
        return whole
    belief, latest = changed
    late = _by_law(latest, rest)
    if late is None:
        return whole
    if latest.seconds * durations.number > durations.seconds * latest.number:
        belief *= PASSING
    likely = max(whole.likely, SHORTEST) ** (1.0 - belief) * max(late.likely, SHORTEST) ** belief
    return Eta(min(likely, whole.low, late.low), likely, max(likely, whole.high, late.high))


def _by_law(durations: Durations, rest: RemainingWork) -> Eta | None:
    """Return how long the `rest` takes where all tasks are of the one kind that took `durations`."""
    totals = [age + left for age, left in rest.known]
    law = durations.law(totals, rest.ages)
    if law is None or (rest.ages and not durations.number and not rest.known):
        return None
    following = law
    scale = _exposure(durations, rest, law) / law.mean if law.mean > 0.0 else 1.0
    scale /= 1.0 + law.varies / (durations.number + len(totals) + 1.0)  # a guess by few is skewed: its middle is lower
    if rest.unstarted and _strange(durations, rest):
        following = Durations().law(totals, rest.ages) or law
        scale = 1.0
    lefts = [law.left(age, CHANCES) for age in rest.ages]
    takes = [scale * one for one in following.parts(GRID)]
    plays = max(FEW, min(PLAYS, PLAYS * 8 // max(rest.workers, 1)))
    ends = sorted(_played(rest, lefts, takes, scale * following.mean, play) for play in range(plays))
    likely = ends[plays // 2]
    likely += DRAWN * (_plain(durations, rest, law, likely) - likely)
    if not likely < NEVER:
        return None
    spread = 1.0 / sqrt(durations.number + len(totals) + 1.0)
    share = rest.unstarted / (rest.unstarted + rest.workers)
    low, high = ends[plays // 10], ends[-1 - plays // 10]
    return Eta(min(low, likely / (1 + spread * share)), likely, max(high, likely * (1 + spread * share)))


def _plain(durations: Durations, rest: RemainingWork, law: SurvivalCurve, likely: float) -> float:
    """Return what is `likely`, nearer to the plain rate the more durations vary and the fewer tell their rest."""
    if not rest.ages or not durations.number:
        return likely
    running = len(rest.known) + len(rest.ages)
    spent = durations.seconds + sum(rest.ages) + sum(age for age, _ in rest.known)
    workers = max(running, min(rest.workers, rest.unstarted + running)) + len(rest.late)
    plain = min(1.5 * likely, (rest.unstarted + running) * spent / durations.number / workers)
    doubt = len(rest.ages) / running * law.varies / (1.0 + law.varies)
    return likely + doubt * (plain - likely)


def _exposure(durations: Durations, rest: RemainingWork, law: SurvivalCurve) -> float:
    """Return what a task takes on the mean, from all the time that was spent: that varies less than the law.

    One that tells its rest counts as if it had ended, another one by its age beside what it takes then.
    """
    spent = durations.seconds + sum(rest.ages) + sum(age + left for age, left in rest.known)
    ended = durations.number + len(rest.known) + sum(age / (age + law.left(age, (0.5,))[0]) for age in rest.ages)
    return min(max(spent / ended, law.mean / 2), law.mean * 1.5) if ended > 0.0 else law.mean


def _strange(durations: Durations, rest: RemainingWork) -> bool:
    """Return whether those that run are so long, and so many of those begun of late, that others like them follow."""
    running = len(rest.known) + len(rest.ages)
    if running < 2 or running < rest.workers or not durations.number:  # noqa: PLR2004  # one is an exception
        return False
    shortest = min([*rest.ages, *(age + left for age, left in rest.known)])
    rare = max(durations.beyond(shortest), 1.0 / (durations.number + 1))
    return comb(max(rest.begun, running), running) * rare**running < CHANCE


def _played(rest: RemainingWork, lefts: list[list[float]], takes: list[float], mean: float, play: int) -> float:
    """Return when the last task ends, in one play, if tasks take one of `takes` and have one of their `lefts` left."""
    running, then = ORDERS[play]
    free = [left for _, left in rest.known]
    free += [left[running[place % GRID]] for place, left in enumerate(lefts)]
    workers = min(rest.workers, CROWD)
    unstarted = rest.unstarted * workers // rest.workers
    bulk = max(0, unstarted - max(PLAYED, 2 * workers))
    last = (takes[then[place % GRID]] for place in range(unstarted - bulk, 0, -1))
    return _worked(rest, free, bulk * mean, last)
