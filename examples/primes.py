"""Work that computes, on every processor: the largest gap between primes, one process for each part of the range."""

from __future__ import annotations

import mainstage

PART = 20_000


def is_prime(number: int) -> bool:
    """Return whether `number`, 2 or more, has no divisor but 1 and itself."""
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def widest_gap(start: int) -> tuple[int, int]:
    """Return the widest gap between two primes of a part of the range, and where it begins."""
    last = widest = begins = 0
    for number in mainstage.track(range(max(start, 2), start + PART)):
        if is_prime(number):
            if last and number - last > widest:
                widest, begins = number - last, last
            last = number
    mainstage.current_task().log(f"{widest} after {begins:,}")
    return widest, begins


def main() -> None:
    """Look at the numbers below 160,000."""
    with mainstage.Run("gaps", executor="process") as run:
        widest, begins = max(run.map(widest_gap, range(0, 160_000, PART)))
    print(f"widest gap: {widest} after {begins}")


if __name__ == "__main__":
    main()
