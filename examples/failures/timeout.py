"""A task is over its `timeout`: its thread is asked to stop; one that does not is abandoned, and never retried."""

from __future__ import annotations

import threading
import time
from typing import cast

import mainstage

never = threading.Event()
attempts: list[str] = []


def fetch(name: str) -> str:
    """Fetch something; two of the addresses do not answer."""
    attempts.append(name)
    if name == "polite":
        mainstage.current_task().sleep(3600)  # ends when it is asked to stop
    if name == "stuck":
        never.wait(3600)  # hears nothing: the thread is given up, and holds nobody back
    return name.upper()


def main() -> None:
    """Fetch what can be had."""
    began = time.monotonic()
    with mainstage.Run("fetching", max_workers=3, timeout=0.3, retries=1, on_error="collect") as run:
        a, polite, stuck, b = cast("list[object]", list(run.map(fetch, ["a", "polite", "stuck", "b"])))
    assert (a, b) == ("A", "B")
    assert isinstance(polite, TimeoutError)
    assert isinstance(stuck, TimeoutError)
    assert attempts.count("stuck") == 1
    print(f"two answered; polite: {polite}; stuck: {stuck.__notes__[0]}")
    assert time.monotonic() - began < 30  # noqa: PLR2004  # and not an hour


if __name__ == "__main__":
    main()
