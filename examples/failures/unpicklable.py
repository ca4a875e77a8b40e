"""What cannot be sent to a process, or back, fails its own task and names itself; nothing else fails."""

from __future__ import annotations

import threading

import mainstage


def work(given: object) -> object:
    """Return what was given, or what no process can send."""
    return threading.Lock() if given == "a lock" else given


def main() -> None:
    """Submit both ways of going wrong, and work that goes well."""
    with mainstage.Run("sending", executor="process", max_workers=2, on_error="collect") as run:
        argument = run.submit(work, threading.Lock())
        result = run.submit(work, "a lock")
        fine = run.submit(work, "a text")
        errors = [argument.exception(), result.exception()]
    print(f"the other is there: {fine.result()}; {errors[0]}; {errors[1]}")


if __name__ == "__main__":
    main()
