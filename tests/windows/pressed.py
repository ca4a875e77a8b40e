"""Ctrl-C while the main thread waits in one of our calls: `pressed.py WAY`. The console's own event, from a thread."""

from __future__ import annotations

import ctypes
import sys
import threading
from time import monotonic
from typing import Any

import mainstage

pressed_at: list[float] = []
begun = threading.Event()


def press() -> None:
    begun.wait()
    threading.Event().wait(0.5)  # the main thread is in its wait by then
    pressed_at.append(monotonic())
    windows: Any = ctypes
    windows.windll.kernel32.GenerateConsoleCtrlEvent(0, 0)


def work(n: int) -> int:
    begun.set()
    mainstage.current_task().sleep(20)
    return n


def submitted() -> None:
    with mainstage.Run("job", max_workers=2) as run:
        run.submit(work, 1).result()


def mapped() -> None:
    list(mainstage.map(work, range(4), max_workers=2))


def taken() -> None:
    """The main thread takes messages itself, from a sender that sends none."""
    over = threading.Event()

    def sender() -> None:
        queue.put(1)
        begun.set()
        over.wait(20)

    with mainstage.Run("job") as run:
        queue = run.queue()
        thread = threading.Thread(target=sender)
        thread.start()
        try:
            while True:
                queue.get()
        finally:
            over.set()
            thread.join()


if __name__ == "__main__":
    threading.Thread(target=press, daemon=True).start()
    try:
        {"submitted": submitted, "mapped": mapped, "taken": taken}[sys.argv[1]]()
    except KeyboardInterrupt:
        print(f"heard after {monotonic() - pressed_at[0]:.1f} s", flush=True)
        raise
