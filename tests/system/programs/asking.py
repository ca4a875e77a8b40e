"""Asks a question in the middle of a run, in the way that is named, and says what was answered."""
# ruff: noqa: T201, T100  # prompts and a debugger are the subject

from __future__ import annotations

import getpass
import sys
import threading
import time
from getpass import getpass as imported_long_ago
from typing import TYPE_CHECKING

import mainstage

if TYPE_CHECKING:
    from collections.abc import Callable

asked = threading.Event()


def work(seconds: float) -> None:
    """Move, and write."""
    with mainstage.task("the work", total=100) as task:
        while not asked.is_set():
            task.advance(0.1)
            task.log("a line of the work")
            task.sleep(0.05)
        for _ in range(int(seconds * 20)):
            task.advance(0.1)
            task.sleep(0.05)


def ask_input() -> str:
    print("before the question")
    return input("Name? ")


def ask_begun() -> str:
    sys.stdout.write("Name? ")
    return input()


def ask_getpass() -> str:
    return getpass.getpass("Name? ")


def ask_early() -> str:
    return imported_long_ago("Name? ")


def ask_nested(run: mainstage.Run) -> str:
    with run.pause():
        first = input("First? ")
        return f"{first} {input('Name? ')}"


def ask_pdb() -> str:
    name = "nobody"
    breakpoint()
    name += "!"
    name += "!"
    return name


def ask_on_a_worker(run: mainstage.Run) -> str:
    return run.submit(ask_input).result()


def ask_on_a_worker_while_away(run: mainstage.Run) -> str:
    future = run.submit(ask_input)
    while not future.done():
        time.sleep(0.1)
    return future.result()


WAYS: dict[str, Callable[[mainstage.Run], str]] = {
    "input": lambda _: ask_input(),
    "begun": lambda _: ask_begun(),
    "getpass": lambda _: ask_getpass(),
    "early": lambda _: ask_early(),
    "nested": ask_nested,
    "pdb": lambda _: ask_pdb(),
    "worker": ask_on_a_worker,
    "worker-away": ask_on_a_worker_while_away,
}


def main() -> None:
    how = sys.argv[1]
    originals = input, getpass.getpass
    with mainstage.Run("asking", max_workers=2, view=sys.argv[2] if len(sys.argv) > 2 else "auto") as run:
        future = run.submit(work, 0.8)
        time.sleep(0.8)
        answer = WAYS[how](run)
        asked.set()
        print(f"ANSWER {answer}")
        time.sleep(0.5)  # in other code: the rows come back all the same
        future.result()
    assert (input, getpass.getpass) == originals


if __name__ == "__main__":
    main()
