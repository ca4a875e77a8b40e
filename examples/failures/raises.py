"""A worker raises: the task fails, and what becomes of the rest is for `on_error` to say."""

from __future__ import annotations

import mainstage

NUMBERS = range(40)
BAD = 7


def invert(n: int) -> float:
    """Invert a number; 7 makes trouble."""
    mainstage.current_task().sleep(0.02)
    if n == BAD:
        raise ValueError("no sevens")
    return 1 / (n + 1)


def main() -> None:
    """Do it in each of the three ways."""
    try:
        list(mainstage.map(invert, NUMBERS, max_workers=4))  # "raise": the rest is cancelled
    except ValueError as error:  # the worker's own exception
        notes = " ".join(error.__notes__)
    assert "working on input 7" in notes, notes
    collected: list[object] = list(mainstage.map(invert, NUMBERS, max_workers=4, on_error="collect"))
    assert [n for n, value in enumerate(collected) if isinstance(value, ValueError)] == [BAD]
    skipped = list(mainstage.map(invert, NUMBERS, max_workers=4, on_error="skip"))
    assert len(skipped) == len(NUMBERS) - 1
    print(f"raise: {notes}; collect: {len(collected)}; skip: {len(skipped)}")


if __name__ == "__main__":
    main()
