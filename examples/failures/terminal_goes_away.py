"""The terminal goes away in the middle of it: the view falls silent, the work goes on.

It makes a terminal of its own for stdout and stderr, and closes the other end while the run is live.
"""

from __future__ import annotations

import os
import pty
import threading

import mainstage

gone = threading.Event()


def work(n: int) -> int:
    """Take a while, and print although nobody reads it."""
    task = mainstage.current_task()
    for _ in mainstage.track(range(10)):
        task.sleep(0.02)
    if gone.is_set():
        print(f"{n} is done")
    return n


def read_for_a_while(master: int) -> None:
    """Read what is drawn until half a picture has come, and close the terminal."""
    drawn = b""
    while b"\x1b[?25l" not in drawn:  # the cursor is hidden: the display is up
        drawn += os.read(master, 4096)
    os.close(master)
    gone.set()


def main() -> None:
    """Run on a terminal that vanishes; tell of it where we were started."""
    told = os.dup(1)
    master, slave = pty.openpty()
    os.dup2(slave, 1)
    os.dup2(slave, 2)
    os.close(slave)
    os.environ["TERM"] = "xterm"
    reader = threading.Thread(target=read_for_a_while, args=(master,))
    reader.start()
    with mainstage.Run("on a terminal that vanishes", max_workers=4) as run:
        results = list(run.map(work, range(40)))
    reader.join()
    assert gone.is_set()
    assert results == list(range(40))
    os.dup2(told, 1)
    os.dup2(told, 2)
    print("the terminal went away; results:", len(results))


if __name__ == "__main__":
    main()
