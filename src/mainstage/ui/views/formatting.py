"""Numbers as people read them. All take and give plain values; a value that is no number is shown as "?".

Bytes are decimal, "1.2 MB" is 1,200,000 of them, as networks and disks are sold and as Rich has it; the unit "iB" asks
for binary ones, "1.1 MiB". Numbers have three digits that count, so that a column hardly changes its width.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from math import ceil, floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
SI = ("", "k", "M", "G", "T", "P", "E")
MINUTE, HOUR, DAY = 60, 3600, 86400
LONGEST_WRITTEN_OUT = 10_000_000
"""Counts from here on are shortened."""
LONGEST_IN_HOURS = 100
SLOW_RATE = 0.5
"""Items a second below which a speed is told as the time that one takes."""
SHORTEST_WORD = 3
"""Letters of a unit from which on it is a word, with a plural; below ("it", "ms", "kg") it is an abbreviation."""
NEAR = 1.35
"""The ends of an interval are told as one number if the later one is at most so many times the earlier."""
FAR, SOON = 8.0, 5.0
"""An interval is not told if its later end is more than `FAR` times the earlier one, or `SOON` seconds."""
INFINITY = float("inf")


def _steps(base: int, rounded: float) -> tuple[float, ...]:
    """Return from where on the next unit is taken: what would be rounded up to a full one is one."""
    return (base - 0.5, *((base - rounded) * float(base) ** power for power in range(1, len(SI) - 1)))


SI_STEPS, DECIMAL_STEPS, BINARY_STEPS = _steps(1000, 0.5), _steps(1000, 0.05), _steps(1024, 0.05)


def is_number(value: float) -> bool:
    """Return whether `value` is finite."""
    return -INFINITY < value < INFINITY


def count(n: float) -> str:
    """Return "1,234", or "12.3M" past ten millions; a fraction has one digit, "2.5"."""
    if not is_number(n):
        return "?"
    if abs(n) >= LONGEST_WRITTEN_OUT:
        return si(n)
    return f"{int(n):,}" if n == int(n) else f"{n:,.1f}"


def si(n: float) -> str:
    """Return "999", "1.23k", "45.6M"."""
    if not is_number(n):
        return "?"
    power = bisect_right(SI_STEPS, abs(n))
    return f"{_three_digits(n / 1000.0**power, whole=power == 0 and n == int(n))}{SI[power]}"


def short(n: float) -> str:
    """Return a measurement in four digits that count: "0.01312", "12.35", "1,234", "1.23M", "1.3e-07"."""
    if not is_number(n):
        return "?"
    if n == int(n) or abs(n) >= LONGEST_WRITTEN_OUT:
        return count(n)
    if abs(n) >= 1000:  # noqa: PLR2004  # four digits before the point
        return f"{n:,.0f}"
    return f"{n:.4g}"


def size(n: float, unit: str = "B") -> str:
    """Return `n` bytes as "999 B", "1.2 MB", or as "1.1 MiB" for the unit "iB"."""
    if not is_number(n):
        return "?"
    if unit == "iB":
        power = bisect_right(BINARY_STEPS, abs(n))
        return f"{n / 1024.0**power:,.{1 if power else 0}f} {BINARY[power]}"
    power = bisect_right(DECIMAL_STEPS, abs(n))
    return f"{n / 1000.0**power:,.{1 if power else 0}f} {DECIMAL[power]}"


def amount(n: float, unit: str = "") -> str:
    """Return `n` with its unit: "1,234", "1,234 rows", "1.2 MB"."""
    if unit in ("B", "iB"):
        return size(n, unit)
    return f"{count(n)} {unit if n == 1 else plural(unit)}" if unit else count(n)


@lru_cache(256)
def plural(unit: str) -> str:
    """Return "epochs" for "epoch"; "rows", "MB", "it" and what is no plain word as they are."""
    if not _is_word(unit) or unit.endswith("s"):
        return unit
    if unit.endswith(("x", "z", "ch", "sh")) and not unit.endswith("och"):
        return f"{unit}es"
    if unit.endswith("y") and unit[-2] not in "aeiou":
        return f"{unit[:-1]}ies"
    return f"{unit}s"


@lru_cache(256)
def singular(unit: str) -> str:
    """Return "row" for "rows"; "epoch", "pass", "MB" as they are."""
    if not _is_word(unit) or not unit.endswith("s") or unit.endswith(("ss", "us", "series")):
        return unit
    if unit.endswith("ies"):
        return f"{unit[:-3]}y"
    return unit[:-2] if unit.endswith(("xes", "ches", "shes")) else unit[:-1]


def _is_word(unit: str) -> bool:
    return len(unit) >= SHORTEST_WORD and unit.isascii() and unit.isalpha() and unit.islower()


def part(completed: float, total: float | None, unit: str = "") -> str:
    """Return "  12/1,000 rows", "0.4/1.2 GB": the first number padded to the second; without a total the amount."""
    if total is None:
        return amount(completed, unit)
    if unit in ("B", "iB"):
        return _part_of_size(completed, total, unit)
    whole = count(total)
    done = count(completed).rjust(len(whole))
    return f"{done}/{whole} {unit if total == 1 else plural(unit)}" if unit else f"{done}/{whole}"


def _part_of_size(completed: float, total: float, unit: str) -> str:
    if not (-INFINITY < completed < INFINITY and -INFINITY < total < INFINITY):
        return f"{size(completed, unit)}/{size(total, unit)}"
    digits, divisor, whole, name = _whole_size(total, unit)
    done = f"{completed / divisor:,.1f}" if digits else f"{completed / divisor:,.0f}"
    return f"{done.rjust(len(whole))}/{whole} {name}"


@lru_cache(4096)
def _whole_size(n: float, unit: str) -> tuple[int, float, str, str]:
    """Return how to write parts of `n`: digits after the point, divisor, `n` itself, and the unit's name."""
    names, base, steps = (BINARY, 1024.0, BINARY_STEPS) if unit == "iB" else (DECIMAL, 1000.0, DECIMAL_STEPS)
    power = bisect_right(steps, abs(n))
    digits = 1 if power else 0
    return digits, base**power, f"{n / base**power:,.{digits}f}", names[power]


def rate(per_second: float, unit: str = "") -> str:
    """Return "103/s", "3.4 MB/s", "12.5 rows/s"; what is slow as the time that one takes, "10.0 s/epoch"."""
    if not is_number(per_second):
        return "?"
    if unit in ("B", "iB"):
        return f"{size(per_second, unit)}/s"
    if per_second >= SLOW_RATE or per_second <= 0:
        return f"{_rate_digits(per_second)}{f' {plural(unit)}' if unit else ''}/s"
    each = 1 / per_second
    name = singular(unit) or "item"
    if each < 100:  # noqa: PLR2004  # three digits at most
        return f"{each:.1f} s/{name}"
    return f"{each / MINUTE:.1f} min/{name}" if each < HOUR else f"{_rate_digits(each / HOUR)} h/{name}"


def duration(seconds: float) -> str:
    """Return "0:05", "1:02:03", "4d 05:06"."""
    if not is_number(seconds):
        return "?"
    return _clock(max(0, int(seconds)))


@lru_cache(4096)
def _clock(whole: int) -> str:
    minutes, secs = divmod(whole, MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    if hours >= LONGEST_IN_HOURS:
        return f"{hours // 24}d {hours % 24:02d}:{minutes:02d}"
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


def eta(seconds: float) -> str:
    """Return "ETA 0:05", rounded up: while something is left it is not 0:00."""
    return f"ETA {_clock(ceil(max(0.0, seconds)))}" if is_number(seconds) else "ETA ?"


def eta_range(low: float, likely: float, high: float) -> str:
    """Return "ETA 0:05", and "ETA ~0:05" where the ends are not near each other; "" where they tell nothing.

    One form for both, in calm steps where it is not sure: a row that changes its form cannot be read.
    """
    if _near(low, high):
        return f"ETA {_clock(ceil(likely))}"
    return f"ETA ~{_clock(_calm_seconds(likely))}" if _is_telling(low, high) else ""


def _calm_seconds(seconds: float) -> int:
    """Return `seconds` rounded up, to five seconds from 20 on, to ten from 50 on, to half minutes from five minutes."""
    step = 1 if seconds <= 20 else 5 if seconds <= 50 else 10 if seconds <= 300 else 30  # noqa: PLR2004  # as said
    return ceil(seconds / step) * step


def spoken_range(low: float, likely: float, high: float) -> str:
    """Return the same for sentences: "ETA 2 min" where the ends are near each other."""
    return f"ETA {in_words(likely)}" if _near(low, high) else _ranged("ETA ", low, high)


def _near(low: float, high: float) -> bool:
    return high <= low * NEAR or high - low < 2.0  # noqa: PLR2004  # seconds


def _is_telling(low: float, high: float) -> bool:
    return is_number(high) and high <= FAR * max(low, SOON)


def _ranged(before: str, low: float, high: float) -> str:
    if not _is_telling(low, high):
        return ""
    for name, length in (("s", 1), ("min", MINUTE), ("h", HOUR), ("d", DAY)):  # noqa: B007  # as found
        if high < 100 * length:
            break
    least, most = _calm(low / length, floor), _calm(high / length, ceil)
    return f"{before}{least}-{most} {name}" if least else f"{before}< {most} {name}"


def _calm(number: float, whole: Callable[[float], int]) -> int:
    """Return `number` in steps that keep it from changing all the time."""
    step = 10 if number >= 50 else 5 if number >= 20 else 1  # noqa: PLR2004  # steps of a tenth at most, or so
    return whole(number / step) * step


def age(seconds: float) -> str:
    """Return "0.6 s", "12 s", and from a minute on "1:05": for what goes on, where tenths would not keep still."""
    if not 0 <= seconds < MINUTE:
        return duration(seconds)
    return f"{int(seconds)} s" if seconds >= 1 else f"{int(seconds * 10) / 10} s"


def duration_text(seconds: float) -> str:
    """Return "1.3 s", and from a minute on "1:05": for what has ended."""
    return f"{seconds:.1f} s" if 0 <= seconds < MINUTE - 0.05 else duration(seconds + 0.05)


def retry_text(seconds: float) -> str:
    """Return "again in 5 s", or "again now"."""
    return f"again in {in_words(seconds)}" if seconds >= 0.5 else "again now"  # noqa: PLR2004  # less is "0 s"


def in_words(seconds: float) -> str:
    """Return "45 s", "2 min", "1 h 5 min", "3 d 4 h": for sentences."""
    if not is_number(seconds):
        return "?"
    whole = max(0, round(seconds))
    if whole < 100:  # noqa: PLR2004  # "90 s" says more than "2 min"
        return f"{whole} s"
    minutes = round(whole / MINUTE)
    if minutes < MINUTE:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, MINUTE)
    if hours < 24:  # noqa: PLR2004  # a day
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def percent(fraction: float) -> str:
    """Return "40%"; 100 stands only for all, 0 only for less than one in a hundred."""
    return f"{hundredths(fraction)}%"


def hundredths(fraction: float) -> int:
    """Return the whole per cents of `fraction`, within 0 and 100; 0 of what is no number."""
    return int(min(1.0, fraction) * 100 + 1e-9) if fraction > 0.0 else 0


def time_of_day(wall: float, utc_offset_s: float = 0.0) -> str:
    """Return `wall`, seconds since the epoch, as "12:00:30" at that offset from UTC."""
    second = int(wall + utc_offset_s) % DAY
    return f"{second // HOUR:02d}:{second // MINUTE % MINUTE:02d}:{second % MINUTE:02d}"


def _three_digits(value: float, *, whole: bool) -> str:
    if whole or abs(value) >= 99.95:  # noqa: PLR2004  # rounds to three digits before the point
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"  # noqa: PLR2004  # two digits


def _rate_digits(value: float) -> str:
    if value >= LONGEST_WRITTEN_OUT:
        return si(value)
    if value >= 99.5:  # noqa: PLR2004  # from here on fractions do not matter
        return f"{value:,.0f}"
    return f"{value:.1f}"
