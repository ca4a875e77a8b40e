"""Has the terminal for itself while a run is live, in the way that is named, until a key is pressed; then says so."""
# ruff: noqa: T201  # what is printed is the subject

from __future__ import annotations

import contextlib
import curses
import os
import subprocess
import sys
import termios
import threading
import time
import tty

import mainstage

over = threading.Event()
FULL = "\x1b[?1049h\x1b[H\x1b[2J" + "".join(f"\x1b[{line};1HFULL SCREEN {line}" for line in range(1, 17))
BACK = "\x1b[?1049l"
CHILD = """
import os, sys, tty, termios
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, sys.argv[1].encode())
os.read(0, 1)
os.write(1, sys.argv[2].encode())
termios.tcsetattr(0, termios.TCSANOW, before)
"""


def work(number: int) -> None:
    """Move, and write lines now and then."""
    with mainstage.task(f"work {number}", total=100) as task:
        while not over.is_set():
            task.advance(0.1)
            task.log(f"a line of the work {number}")
            task.sleep(0.1)


def raw() -> None:
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        sys.stdout.write(FULL)
        sys.stdout.flush()
        os.read(0, 1)
        sys.stdout.write(BACK)
        sys.stdout.flush()
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def with_curses() -> None:
    def show(window: curses.window) -> None:
        window.addstr(0, 0, "FULL SCREEN 1")
        window.refresh()
        window.getch()

    curses.wrapper(show)


def child() -> None:
    subprocess.run([sys.executable, "-c", CHILD, FULL, BACK], check=True)


def in_thread() -> None:
    thread = threading.Thread(target=raw)
    thread.start()
    thread.join()


def moves() -> None:
    """Draw over lines of its own, for as long as no key comes."""
    print("FULL SCREEN 1\nline 2", flush=True)
    for number in range(8):
        print(f"\x1b[2AFULL SCREEN 1\x1b[K\nline 2, time {number}\x1b[K", flush=True)
        time.sleep(0.25)


WAYS = {"raw": raw, "curses": with_curses, "child": child, "thread": in_thread, "moves": moves}


def main() -> None:
    how, bare = sys.argv[1], "bare" in sys.argv
    with contextlib.nullcontext() if bare else mainstage.Run("full", max_workers=2) as run:
        futures = [] if run is None else [run.submit(work, number) for number in range(2)]
        time.sleep(1.0)
        WAYS[how]()
        print("BACK AGAIN")
        time.sleep(1.5)
        over.set()
        for future in futures:
            future.result()


if __name__ == "__main__":
    main()
