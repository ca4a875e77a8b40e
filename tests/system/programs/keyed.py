"""A run that takes keys: keyed.py FOLDER WAY. Each task ends when a file of its name stands in FOLDER.

"broken" fails. WAY says how the run ends, beside by the keys: see `WAYS`.
"""
# ruff: noqa: T100, T201  # a debugger is among the subjects, and the test reads what is printed

from __future__ import annotations

import getpass
import sys
import threading
import time
from pathlib import Path

import mainstage
from mainstage.run.display_session import DisplaySession

FOLDER = Path(sys.argv[1])
NAMES = ["alpha", "broken", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]


def stand_for(name: str) -> str:
    """Work until the file is there; fail if that is what the name says."""
    task = mainstage.current_task()
    task.set(total=100, description=name)
    if name == "broken":
        task.sleep(0.2)
        raise ValueError("a broken thing")
    while not (FOLDER / name).exists():
        task.advance(0.01)
        task.sleep(0.02)
    return name


def hang(_: str) -> None:
    """Work, and hear nothing."""
    time.sleep(60)


def all_of_it(run: mainstage.Run) -> None:
    outcomes = list(run._outcomes(stand_for, NAMES))
    print("DONE", *(one.value for one in outcomes if one.error is None))


def crash(run: mainstage.Run) -> None:
    run.submit(stand_for, "alpha")
    time.sleep(1)
    raise RuntimeError("the program's own bug")


def leave(run: mainstage.Run) -> None:
    run.submit(stand_for, "short")
    time.sleep(1)
    (FOLDER / "short").touch()
    sys.exit(3)


def stay(run: mainstage.Run) -> None:
    run.submit(hang, "").result()


def ask(run: mainstage.Run) -> None:
    future = run.submit(stand_for, "alpha")
    time.sleep(1)
    print("ANSWER", repr(input("Name? ")))
    future.result()


def ask_in_secret(run: mainstage.Run) -> None:
    future = run.submit(stand_for, "alpha")
    time.sleep(1)
    print("ANSWER", repr(getpass.getpass("Name? ")))
    future.result()


def ask_in_a_pause(run: mainstage.Run) -> None:
    future = run.submit(stand_for, "alpha")
    time.sleep(1)
    with run.pause():
        sys.stdout.write("Name? ")
        sys.stdout.flush()
        print("ANSWER", repr(sys.stdin.readline().rstrip()))
    future.result()


def debug(run: mainstage.Run) -> None:
    future = run.submit(stand_for, "alpha")
    time.sleep(1)
    breakpoint()
    future.result()


def ask_beside(run: mainstage.Run) -> None:
    future = run.submit(stand_for, "alpha")
    time.sleep(1)
    print("ANSWER", run.submit(lambda: repr(input("Name? "))).result())
    future.result()


def away(run: mainstage.Run) -> None:
    """The main thread is in other code all the time."""
    assert DisplaySession.current is not None
    assert DisplaySession.current.steering is not None
    print("READER", DisplaySession.current.steering.keyboard._thread.native_id)
    future = run.submit(stand_for, "alpha")
    while not future.done():
        time.sleep(0.1)
    print("OUTCOME", type(future.exception()).__name__)


WAYS = {
    "all": all_of_it,
    "crash": crash,
    "unleft": crash,
    "leave": leave,
    "stay": stay,
    "ask": ask,
    "secret": ask_in_secret,
    "pause": ask_in_a_pause,
    "debug": debug,
    "beside": ask_beside,
    "away": away,
}


def main() -> None:
    """Run."""
    run = mainstage.Run("keyed", max_workers=3, keys=True, grace=20, on_error="collect")
    if sys.argv[2] == "unleft":
        (FOLDER / "alpha").touch()
        WAYS["unleft"](run.__enter__())
    with run:
        WAYS[sys.argv[2]](run)
    print("THE END")


if __name__ == "__main__":
    if sys.argv[2] == "thread":
        sys.argv[2] = "leave"
        thread = threading.Thread(target=main)
        thread.start()
        thread.join()
    else:
        main()
