"""A run inside a run, in a worker or beside it: no second display, a branch of the first one; errors stay its own."""

from __future__ import annotations

import mainstage


def part(n: int) -> int:
    """Take a moment; 3 fails."""
    mainstage.current_task().sleep(0.05)
    if n == 3:  # noqa: PLR2004  # as said
        raise ValueError("no threes")
    return n


def a_library_function(name: str) -> str:
    """Stand for code that uses mainstage for itself."""
    parts = list(mainstage.map(part, range(6), max_workers=2, on_error="skip"))
    return f"{name}{len(parts)}"


def main() -> None:
    """Call it in workers, and on the main thread."""
    with mainstage.Run("outer", max_workers=2) as run:
        inside = list(run.map(a_library_function, "abc"))
        beside = a_library_function("d")
        with mainstage.Run("inner", on_error="collect") as inner:
            failed = inner.submit(part, 3)
            error = failed.exception()
    assert inside == ["a5", "b5", "c5"]
    assert beside == "d5"
    assert isinstance(error, ValueError)
    print("all there:", inside, beside, repr(error))


if __name__ == "__main__":
    main()
