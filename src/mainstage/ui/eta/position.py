"""How long one position takes still: an interval, told from where it was and when, and from nothing else.

A `Course` weighs three stories of its speed (it is even, it grows or falls evenly, it changed once) by how well each
tells what was seen, and takes a lone pause for what it is. Feeding it costs the same however long it lasts, memory is
bounded, and it is fitted anew only when a mark was added, which happens the less often the older it is.
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from math import exp, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MARKS = 32
"""Places of a course that are remembered: the newer, the closer together."""
CLOSEST, FINE = 0.1, 0.01
"""Seconds between two marks at least, and the same as a part of the whole course."""
DOUBT, FALL = 4.0, 10.0
"""How much better another story than that of an even speed must be, as twice the logarithm of its odds; and how much
more if the speed is to have fallen: what was fast mostly recovers, a slow start is over for good."""
SPENT = 5.0
"""Readings that a story uses up."""
ALIKE = 0.9
"""How much alike neighbours are taken to be at most."""
HEARD = 0.1
"""The weight from which on a story widens the interval."""
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
SHORTEST = 1e-3
"""Seconds that count as none."""


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


class SpeedModel(NamedTuple):
    """One reading of how it goes on: at `speed`, which gains `gain` a second, for `reach` seconds; then at `after`.

    Or, where it is getting `slower`, at `speed` to begin with.
    """

    weight: float
    speed: float
    gain: float
    reach: float
    after: float
    slower: float = 0.0
    """Seconds that each item takes longer than the one before."""


class Fit(NamedTuple):
    """What a course was taken for; the first of the stories is that of an even speed."""

    stories: tuple[SpeedModel, ...]
    usual: float
    """Seconds from one move to the next."""
    seconds: float
    """That it was seen, pauses left out."""
    spread: float
    """How uncertain the speed is, as a part of it."""


class PositionHistory:
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
        """Drop one mark: where two gaps together are the shortest relative to their age."""
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
        try:
            found = self._told(left, now)
        except (ArithmeticError, ValueError):  # readings past all measure
            return None
        return found if found and 0.0 <= found.low <= found.likely <= found.high else None

    def _told(self, left: float, now: float) -> Eta | None:
        fit = self._fit
        if fit is None:
            fit = self._fit = _fitted(self._marks, self._moved_at, self._completed)
        if fit is None:
            return None
        seconds = [_until(left, story) for story in fit.stories]
        if seconds[0] >= NEVER / 2:
            return None
        likely, told = _believed(fit, seconds)
        stood = max(0.0, now - self._moved_at)
        paused = stood - PAUSE * fit.usual
        more = 0.0
        if paused > 0.0:
            more = STOOD * paused
            likely += more
        else:
            likely = max(likely - min(stood, fit.usual), min(likely, fit.usual) / 2)
        found = interval(likely, fit.spread, 2.0 * more)
        return found and Eta(min([found.low, *told]), likely, max([found.high, *told]))


def _believed(fit: Fit, seconds: list[float]) -> tuple[float, list[float]]:
    """Return what the stories make of it together, and what each tells that is believed at all.

    A mean of logarithms: an error costs what it is long, so what a wild story tells must not carry the mean away.
    """
    if len(seconds) == 1:
        return seconds[0], []
    likely = exp(sum(story.weight * log(one + SHORTEST) for story, one in zip(fit.stories, seconds, strict=True)))
    likely /= 1.0 + min(1.0, fit.spread) ** 2  # one by a mean is on the mean more than one by what it is of
    return likely, [one for story, one in zip(fit.stories, seconds, strict=True) if story.weight >= HEARD]


def _until(left: float, story: SpeedModel) -> float:
    """Return the seconds that `left` items take as `story` tells: as now for as long as that holds, then as it was."""
    _, speed, gain, reach, after, slower = story
    if slower:
        return left / speed + slower * left * left / 2
    ahead = speed * reach + gain * reach * reach / 2
    if ahead < left:
        return reach + (left - ahead) / after if after > left / NEVER else NEVER
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
        return Fit((SpeedModel(1.0, mean, 0.0, 0.0, mean),), usual, seconds, 1.0 / sqrt(len(gaps)))
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


def _stories(gaps: list[float], steps: list[float], usual: float, seconds: float, even: float) -> Fit:
    """Return the three stories, each with the weight that its evidence gives it."""
    number = len(gaps)
    speeds = [step / gap if gap > 0.0 else even for step, gap in zip(steps, gaps, strict=True)]
    noise = sum(gap * (speed - even) ** 2 for gap, speed in zip(gaps, speeds, strict=True)) / seconds
    most = sorted(speeds)[-2]
    speeds = [min(speed, most) for speed in speeds]  # one burst is no story
    mean = sum(gap * speed for gap, speed in zip(gaps, speeds, strict=True)) / seconds
    flat = _off(gaps, speeds, [mean] * number)
    step, place = _step(gaps, speeds, seconds, mean)
    line, trend = _trend(gaps, speeds, seconds, max(step[-1] / 4, mean / 10))
    least = 1e-6 * mean * mean * seconds
    odds = [
        0.0,
        _evidence(flat, _off(gaps, speeds, line), least) - log(number) - DOUBT - (FALL if trend.slower else 0.0),
        _evidence(flat, _off(gaps, speeds, step), least) - 2 * log(number) - DOUBT - (FALL if step[-1] < mean else 0.0),
    ]
    top = max(odds)
    weights = [exp((one - top) / 2) for one in odds]
    whole = sum(weights)
    lasted = sum(gaps[place:]) if step[-1] < mean else seconds * NEVER
    spread = sqrt(noise / number) / even + 1.0 / number
    stories = (
        SpeedModel(weights[0] / whole, even, 0.0, 0.0, even),
        trend._replace(weight=weights[1] / whole),
        SpeedModel(weights[2] / whole, max(step[-1], mean / 100), 0.0, lasted, even),
    )
    return Fit(stories, usual, seconds, spread)


class Off(NamedTuple):
    """How far off a story is: the sum of squares, and how many of the readings speak for themselves."""

    squares: float
    number: float


def _off(gaps: list[float], speeds: list[float], told: list[float]) -> Off:
    """Return how far `told` is off; where it is off in the same direction for long, few readings say so many times."""
    each = [sqrt(gap) * (speed - one) for gap, speed, one in zip(gaps, speeds, told, strict=True)]
    squares = sum(one * one for one in each)
    alike = sum(one * after for one, after in pairwise(each)) / squares if squares > 0.0 else 0.0
    alike = min(max(alike, 0.0), ALIKE)
    return Off(squares, len(gaps) * (1.0 - alike) / (1.0 + alike))


def _evidence(flat: Off, story: Off, least: float) -> float:
    """Return twice the logarithm of how much better than an even speed a story explains what was seen."""
    return max(1.0, story.number - SPENT) * log((flat.squares + least) / (story.squares + least))


def _line(gaps: list[float], speeds: list[float], seconds: float, mean: float) -> tuple[list[float], float]:
    """Return the speeds of an even growth, by weighted least squares, and what is gained a second.

    Or what items take, where `gaps` are items and `speeds` the seconds that one takes.
    """
    middles, at = [], 0.0
    for gap in gaps:
        middles.append(at + gap / 2)
        at += gap
    centre = sum(gap * middle for gap, middle in zip(gaps, middles, strict=True)) / seconds
    wide = sum(gap * (middle - centre) ** 2 for gap, middle in zip(gaps, middles, strict=True))
    gain = sum(gap * (middle - centre) * speed for gap, middle, speed in zip(gaps, middles, speeds, strict=True)) / wide
    return [mean + gain * (middle - centre) for middle in middles], gain


def _trend(gaps: list[float], speeds: list[float], seconds: float, least: float) -> tuple[list[float], SpeedModel]:
    """Return the speeds of a change that goes on, and how that goes on: at no less than `least` now.

    A growing speed gains the same every second. A falling one does not fall through the ground: there each item takes
    so much longer than the one before.
    """
    steps = [gap * speed for gap, speed in zip(gaps, speeds, strict=True)]
    done = sum(steps)
    line, gain = _line(gaps, speeds, seconds, done / seconds)
    if gain >= 0.0:
        now, reach = max(line[-1] + gain * gaps[-1] / 2, least), REACH * seconds
        return line, SpeedModel(0.0, now, gain, reach, now + gain * reach)
    costs, slower = _line(steps, [1.0 / speed for speed in speeds], done, seconds / done)
    line = [1.0 / max(cost, seconds / done / 10) for cost in costs]
    now = max(1.0 / (1.0 / line[-1] + slower * steps[-1] / 2), least) if slower > 0.0 else line[-1]
    return line, SpeedModel(0.0, now, 0.0, 0.0, now, max(slower, 0.0))


def _step(gaps: list[float], speeds: list[float], seconds: float, mean: float) -> tuple[list[float], int]:
    """Return the speeds with the one change that explains most, and the place after it."""
    done = mean * seconds
    best, levels, place = 0.0, (mean, mean), 0
    before_s, before_n = gaps[0], speeds[0] * gaps[0]
    for at in range(1, len(gaps) - 2):
        before_s += gaps[at]
        before_n += speeds[at] * gaps[at]
        later_s, later_n = seconds - before_s, done - before_n
        if later_s <= 0.0 or before_s <= 0.0:
            continue
        one, other = before_n / before_s, later_n / later_s
        explained = before_s * (one - mean) ** 2 + later_s * (other - mean) ** 2
        if explained > best:
            best, levels, place = explained, (one, other), at + 1
    return [levels[0]] * place + [levels[1]] * (len(gaps) - place), place
