"""A program that ends badly: program.py CAUSE STATE FILE [BACKEND].

It brings its workers into STATE, says READY on its terminal, and then what CAUSE names happens: by the hand of whoever
watches (a key, a signal), or by its own, announced with ACT. What an outer handler finds when it is over goes to FILE.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import TextColumn

import mainstage
from mainstage.errors import Cancelled
from mainstage.run.run import current_run

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.faults.ground import Ground  # wherever this is run from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import NoReturn

    Work = Callable[[int], None]

CAUSE, STATE, FILE = sys.argv[1:4]
BACKEND = sys.argv[4] if len(sys.argv) > 4 else "thread"
LONG = 120.0
SHOWN = 0.75
"""Seconds after which a picture has been drawn: none is in the first half second."""
TWICE = ("twice", "thrice", "other-twice")
FROM_OUTSIDE = ("once", "twice", "thrice", "map", "other", "other-twice", "term", "hup")
"""Causes that whoever watches brings about, when he has read READY."""
ENDS = ("end",)
WAITING = ("queued", "held")
"""States in which the work has not begun: behind others, or held back."""
WORKERS = 2
"""How many are in the state in question."""
THREADS = 4
ITEMS = 40
"""Items of a map: far more than there are threads for."""
QUICK = (0, 1, 2)
USUAL = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGURG)}
ground = Ground(FILE, across=BACKEND == "process")
began, arrived, started, over, here = ground.began, ground.arrived, ground.started, ground.over, ground.here
told, begun, wrote = ground.told, ground.begun, ground.wrote


def say(word: str) -> None:
    os.write(2, f"{word}\r\n".encode())


class Ears:
    """Counts how often one worker is told to stop."""

    def __init__(self) -> None:
        self.times = 0

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        try:
            yield
        except Cancelled:
            self.times += 1
            told.append(self.times)
            if CAUSE in TWICE:
                time.sleep(LONG)  # in a clean-up that takes too long
            task = mainstage.current_task()
            for _ in range(5):
                task.advance()
                task.log("cleaning up")
            task.log("CLEANED")
            raise


def going() -> Iterator[int]:
    """Count until the work may end."""
    number = 0
    while not over.is_set() and time.monotonic() < began + LONG:
        yield number
        number += 1


def computing(_: int) -> None:
    with Ears().open():
        arrived.release()
        for number in mainstage.track(going()):
            time.sleep(0.005)
            sum(range(number % 100))


def blocked(_: int) -> None:
    with Ears().open():
        arrived.release()
        mainstage.current_task().sleep(0.9 if CAUSE in ENDS else LONG)


def stuck(_: int) -> None:
    arrived.release()
    time.sleep(0.9 if CAUSE in ENDS else LONG)


def nested(_: int) -> None:
    with Ears().open(), mainstage.task("outer", total=2) as outer:
        with mainstage.task("inner") as inner:
            arrived.release()
            for _number in going():
                time.sleep(0.005)
                inner.advance()
        outer.advance()


def flood(which: int) -> None:
    with Ears().open():
        arrived.release()
        for number in going():
            print(f"flood {which} line {number};")
            wrote.append(which)
            if number % 10 == 0:
                time.sleep(0.01)
                mainstage.current_task().advance()


def cleanup(_: int) -> None:
    with Ears().open():
        try:
            arrived.release()
        finally:
            for number in mainstage.track(going()):
                time.sleep(0.005)
                mainstage.current_task().log(f"cleaning {number}")


def blocker(_: int) -> None:
    arrived.release()
    started.release()
    with Ears().open():
        for _number in going():
            time.sleep(0.005)
            mainstage.current_task().advance()


WORKS: dict[str, Work] = {one.__name__: one for one in (computing, blocked, stuck, nested, flood, cleanup)}
WORKS |= {"queued": computing, "held": computing}


def fail() -> NoReturn:
    started.release()
    wait_for_the_picture()
    say("ACT")
    raise ValueError("a task of the user's")


def wait_for_the_picture() -> None:
    """Wait until the workers are where they are to be, and a picture of it was drawn."""
    time.sleep(max(0.0, began + SHOWN - time.monotonic()))
    here.wait(LONG)


def herald(expected: int) -> None:
    """Say READY once all have arrived and the main thread had time to get where it waits."""

    def wait() -> None:
        for _ in range(expected):
            arrived.acquire()
        here.set()
        if CAUSE in FROM_OUTSIDE:  # the others act by themselves, and a word may come too late on a busy machine
            time.sleep(0.15)
            say("READY")

    threading.Thread(target=wait, daemon=True).start()


class HungColumn(TextColumn):
    """A column of the user's that hangs once the run is to stop."""

    def render(self, task: Any) -> Any:
        run = current_run()
        if run is not None and run._parts is not None and run._parts.ending.stop is not None:
            say("HUNG")
            threading.Event().wait(LONG)
        return super().render(task)


def item(number: int) -> int:
    begun.append(number)
    if number:
        WORKS[STATE](number)
    return 0


class Scene:
    """A run with its workers in the state."""

    def __init__(self, run: mainstage.Run) -> None:
        self.run = run
        self.held = contextlib.ExitStack()
        self.futures: list[Future[Any]] = []
        self.taken: list[int] = []
        self.mapped: Iterator[int] = iter(())

    def begin(self) -> None:
        """Have some quick work done, then the workers begin, and wait for none of it."""
        run = self.run
        run.wait([run.submit(pow, number, 2) for number in QUICK])
        if CAUSE == "failure":
            run.submit(fail)
            started.acquire()
        if CAUSE in ("map", "body", "cancel-map"):
            self.map()
            if STATE not in WAITING:
                return
        if STATE in WAITING:
            self.futures += [run.submit(blocker, number) for number in range(2 - (CAUSE == "failure"))]
            for _ in self.futures:
                started.acquire()
        herald(len(self.futures) or WORKERS)
        if STATE == "held":
            self.held.enter_context(run.hold())
        self.futures += [run.submit(WORKS[STATE], number) for number in range(WORKERS)]

    def map(self) -> None:
        """Begin a map of the work, and take its first value: the next one comes late."""
        items = range(1)
        if STATE not in WAITING:
            items = range(ITEMS)
            herald(THREADS)
        self.mapped = iter(self.run.map(item, items))
        self.taken.append(next(self.mapped))

    def rest(self) -> None:
        self.run.wait(self.futures)


def ours(scene: Scene) -> None:
    scene.rest()


def in_a_map(scene: Scene) -> None:
    scene.taken += scene.mapped
    scene.rest()


def other(scene: Scene) -> None:
    time.sleep(LONG)
    scene.rest()


def cancel(scene: Scene) -> None:
    wait_for_the_picture()
    run = scene.run
    with run.hold():
        waiting = run.submit(pow, 7, 2)
        assert waiting.cancel()
    say("ACT")
    for future in scene.futures:
        assert run.cancel(future)
    scene.rest()


def cancel_all(scene: Scene) -> None:
    wait_for_the_picture()
    say("ACT")
    scene.run.cancel()


def cancel_map(scene: Scene) -> None:
    """Cancel all, and go on taking from the map."""
    wait_for_the_picture()
    say("ACT")
    scene.run.cancel()
    scene.taken += scene.mapped
    scene.rest()


def leave(_scene: Scene) -> None:
    wait_for_the_picture()
    say("ACT")
    raise KeyError("leaves the block")


def leave_by_exit(_scene: Scene) -> None:
    wait_for_the_picture()
    say("ACT")
    sys.exit(7)


def body(scene: Scene) -> None:
    for _value in itertools.chain(scene.taken, scene.mapped):
        wait_for_the_picture()
        say("ACT")
        raise KeyError("in the body of the loop")


def timeout(scene: Scene) -> None:
    wait_for_the_picture()
    scene.held.close()
    say("ACT")
    scene.rest()


def end(scene: Scene) -> None:
    wait_for_the_picture()
    scene.held.close()
    say("ACT")
    over.set()
    scene.rest()


CAUSES: dict[str, Callable[[Scene], None]] = {
    "once": ours,
    "twice": ours,
    "thrice": ours,
    "map": in_a_map,
    "other": other,
    "other-twice": other,
    "term": ours,
    "hup": ours,
    "cancel": cancel,
    "cancel-all": cancel_all,
    "cancel-map": cancel_map,
    "failure": ours,
    "leave": leave,
    "exit": leave_by_exit,
    "body": body,
    "timeout": timeout,
    "end": end,
}


def outcome(future: Future[Any]) -> str:
    """Return what became of a future, without waiting: the name of its error, "value" or "pending"."""
    if not future.done():
        return "pending"
    try:
        future.result(0)
    except BaseException as error:  # noqa: BLE001  # any
        return type(error).__name__
    return "value"


def record(scene: Scene, error: BaseException | None) -> None:
    """Write down what an outer handler finds."""
    run = scene.run if error is None else getattr(error, "run", None)
    found = {
        "raised": None if error is None else type(error).__name__,
        "results": None if run is None else run.results,
        "taken": scene.taken,
        "begun": len(list(begun)),
        "handlers": [str(signum) for signum, usual in USUAL.items() if signal.getsignal(signum) is not usual],
        "outcomes": [outcome(future) for future in scene.futures],
        "told": list(told),
        "wrote": [list(wrote).count(which) for which in range(ITEMS)],
        "threads": [one.name for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()],
    }
    Path(FILE).write_text(json.dumps(found), encoding="utf-8")


def main() -> None:
    grace = LONG / 2  # far beyond the deadline of whoever watches: what stops must not need it
    if STATE == "stuck" and CAUSE not in TWICE:
        grace = 0.4
    run = mainstage.Run(
        "faults",
        max_workers=2 if STATE == "queued" else THREADS,
        executor=BACKEND,
        grace=grace,
        timeout=0.9 if CAUSE == "timeout" else None,
        on_error="collect" if CAUSE == "timeout" else "raise",
        columns=[HungColumn("{task.description}")] if CAUSE == "thrice" else None,
    )
    scene = Scene(run)
    try:
        with run, scene.held:
            scene.begin()
            CAUSES[CAUSE](scene)
    except BaseException as error:
        record(scene, error)
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        sys.exit(3)
    record(scene, None)


if __name__ == "__main__":
    main()
