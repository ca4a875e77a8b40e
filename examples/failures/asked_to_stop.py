"""A worker is asked to stop: `Cancelled` is raised by its next report, once; its clean-up may report as it likes."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import mainstage

begun = threading.Event()
cleaned: list[str] = []


def copy(name: str) -> None:
    """Copy for an hour, and clean up."""
    task = mainstage.current_task()
    try:
        for _ in mainstage.track(range(36_000)):
            begun.set()
            task.sleep(0.1)  # wakes at once
    finally:
        task.log("removing what is half done")  # reports of a clean-up raise nothing
        task.advance()
        cleaned.append(name)


def main() -> None:
    """Begin two copies, stop the one that runs, and then the one that waits."""
    with mainstage.Run("copying", max_workers=1) as run:
        running, waiting = run.submit(copy, "one"), run.submit(copy, "two")
        begun.wait()
        assert waiting.cancel()
        assert run.cancel(running)
        try:
            running.result()
        except CancelledError:
            pass
        else:
            raise AssertionError("it was to be cancelled")
    assert cleaned == ["one"], cleaned
    print("stopped; cleaned up after: one")


if __name__ == "__main__":
    main()
