"""What goes wrong and what is left then: errors in their place, attempts, a time limit."""

from __future__ import annotations

import threading

import mainstage

BREAKS = 4
attempts: dict[str, int] = {}
lock = threading.Lock()


def convert(name: str) -> str:
    """Convert a file, unless it is one of the three that make trouble."""
    task = mainstage.current_task()
    with lock:
        attempts[name] = attempts.get(name, 0) + 1
    task.set(total=10)
    for step in range(10):
        task.sleep(0.03)  # wakes at once when it is asked to stop
        task.advance()
        if name == "scan-07.tif" and step == BREAKS:
            raise ValueError("strip 4 is cut short")
        if name == "scan-11.tif" and step == BREAKS and attempts[name] == 1:  # it is better the second time
            raise ConnectionError("the share did not answer")
        if name == "scan-15.tif" and step == BREAKS:
            task.sleep(30)  # nobody waits for it
    return name.replace("tif", "png")


def main() -> None:
    """Convert them all; what failed comes as the exception, in its place."""
    names = [f"scan-{n:02}.tif" for n in range(1, 21)]
    with mainstage.Run("converting", max_workers=5, on_error="collect", retries=1, timeout=0.6) as run:
        outcomes = list(run.map(convert, names))
    failed = {name: type(out).__name__ for name, out in zip(names, outcomes, strict=True) if isinstance(out, Exception)}
    print(f"{len(names) - len(failed)} converted; {failed}")


if __name__ == "__main__":
    main()
