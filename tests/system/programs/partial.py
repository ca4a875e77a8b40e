"""Writes lines that have no ends while a run is live, in the way that is named; with `bare`, without a run of ours.

What moves by itself goes on until it gets SIGUSR1.
"""
# ruff: noqa: T201  # what is printed, and how it is read, are the subject

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import mainstage

if TYPE_CHECKING:
    from collections.abc import Callable

over = threading.Event()
enough: list[int] = []


def work(number: int) -> None:
    """Move, and write lines now and then."""
    with mainstage.task(f"work {number}", total=100) as task:
        while not over.is_set():
            task.advance(0.1)
            task.log("a line of the work")
            task.sleep(0.1)


def ask(read: Callable[[], str]) -> str:
    print("Name? ", end="", flush=True)
    return read().strip()


def in_thread(call: Callable[[], str]) -> str:
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(call()), name="asking")
    thread.start()
    thread.join()
    return answers[0]


def dots() -> str:
    for _ in range(30):
        print(".", end="", flush=True)
        time.sleep(0.05)
    while not enough:
        time.sleep(0.05)
    print(" ready")
    return "dots"


def spinner() -> str:
    for number in itertools.count():
        if enough:
            break
        print(f"\r\x1b[K{'|/-'[number % 3]} loading {number}", end="", flush=True)
        time.sleep(0.05)
    print("\r\x1b[Kloaded")
    return "spun"


def listen() -> str:
    """Wait for a line without a question: the rows stay."""
    return sys.stdin.readline().strip()


WAYS: dict[str, Callable[[], str]] = {
    "readline": lambda: ask(sys.stdin.readline),
    "next": lambda: ask(lambda: next(sys.stdin)),
    "bytes": lambda: ask(lambda: sys.stdin.buffer.readline().decode()),
    "descriptor": lambda: ask(lambda: os.read(0, 100).decode()),
    "thread": lambda: in_thread(lambda: ask(sys.stdin.readline)),
    "dots": dots,
    "thread-dots": lambda: in_thread(dots),
    "spinner": spinner,
    "thread-spinner": lambda: in_thread(spinner),
    "listen": listen,
}


def main() -> None:
    how, bare = sys.argv[1], "bare" in sys.argv
    stdin = sys.stdin
    signal.signal(signal.SIGUSR1, lambda number, _: enough.append(number))
    with contextlib.nullcontext() if bare else mainstage.Run("partial", max_workers=2) as run:
        futures = [] if run is None else [run.submit(work, number) for number in range(2)]
        time.sleep(0.8)
        answer = WAYS[how]()
        over.set()
        print(f"ANSWER {answer}")
        for future in futures:
            future.result()
    assert bare or sys.stdin is stdin


if __name__ == "__main__":
    main()
