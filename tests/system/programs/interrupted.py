"""A program to interrupt: interrupted.py WHERE WORKER [GRACE].

It writes READY straight to its terminal once a worker is at work, 0.15 s after the main thread went where it waits.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from rich.progress import TextColumn

import mainstage
from mainstage.run.render_loop import RenderLoop
from mainstage.run.run import current_run

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 60.0
_said = threading.Lock()


def ready() -> None:
    """Say, once, that the interrupt may come."""
    if _said.acquire(blocking=False):
        time.sleep(0.15)
        os.write(2, b"READY\r\n")


def report(_: object = None) -> None:
    """Report as it goes: stops at once when asked."""
    task = mainstage.current_task()
    ready()
    for _ in range(int(LONG * 50)):
        time.sleep(0.02)
        task.advance()


def nap(_: object = None) -> None:
    """Sleep in a way that a request to stop ends."""
    ready()
    mainstage.current_task().sleep(LONG)


def stuck(_: object = None) -> None:
    """Hear nothing."""
    ready()
    time.sleep(LONG)


def cleanup(_: object = None) -> None:
    """Clean up, visibly, when asked to stop."""
    try:
        nap()
    finally:
        os.write(2, b"CLEANED\r\n")


WORKERS: dict[str, Callable[[object], None]] = {"report": report, "nap": nap, "stuck": stuck, "cleanup": cleanup}


def result(run: mainstage.Run, work: Callable[[object], None]) -> None:
    run.submit(work, 0).result()


def loop(run: mainstage.Run, work: Callable[[object], None]) -> None:
    for _ in run.map(work, range(100)):
        pass


def end(run: mainstage.Run, work: Callable[[object], None]) -> None:
    run.submit(work, 0)


def wait(run: mainstage.Run, work: Callable[[object], None]) -> None:
    run.wait([run.submit(work, 0)])


def completed(run: mainstage.Run, work: Callable[[object], None]) -> None:
    for _ in run.as_completed([run.submit(work, 0)]):
        pass


def queue(run: mainstage.Run, work: Callable[[object], None]) -> None:
    q = run.queue(total=100)

    def put(inbox: Any) -> None:
        ready()
        while True:
            time.sleep(0.02)
            inbox.put(0)

    threading.Thread(target=put, args=(q,), daemon=True).start()


def sleep(run: mainstage.Run, work: Callable[[object], None]) -> None:
    run.submit(work, 0)
    time.sleep(LONG)


def join(run: mainstage.Run, work: Callable[[object], None]) -> None:
    run.submit(work, 0)
    thread = threading.Thread(target=time.sleep, args=(LONG,), daemon=True)
    thread.start()
    thread.join()


def spin(run: mainstage.Run, work: Callable[[object], None]) -> None:
    run.submit(work, 0)
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        sum(range(100))


def body(run: mainstage.Run, work: Callable[[object], None]) -> None:
    """In the body of the loop over a map."""
    for _ in run.map(lambda n: n if n == 0 else work(n), range(100)):
        time.sleep(LONG)


def failing(n: int) -> None:
    """Fail once the other workers are stuck and a picture stands."""
    if n:
        stuck()
    else:
        time.sleep(0.8)
        raise LookupError("no such thing")


def submitted(run: mainstage.Run, work: Callable[[object], None]) -> None:
    for n in range(4):
        run.submit(failing, n)


def mapped(run: mainstage.Run, work: Callable[[object], None]) -> None:
    for _ in run.map(failing, range(100)):
        pass


def taken(run: mainstage.Run, work: Callable[[object], None]) -> None:
    futures = [run.submit(failing, n) for n in range(4)]
    futures[0].result()


def left(run: mainstage.Run, work: Callable[[object], None]) -> None:
    run.submit(stuck, 0)
    time.sleep(0.8)
    raise LookupError("no such thing")


def body_fails(run: mainstage.Run, work: Callable[[object], None]) -> None:
    for _ in run.map(lambda n: stuck() if n else n, range(100)):
        time.sleep(0.8)
        raise LookupError("no such thing")


FAILING = (submitted, mapped, taken, left, body_fails)


def pressed() -> bool:
    """Be true, and Ctrl-C comes as it is asked."""
    os.kill(os.getpid(), signal.SIGINT)
    return True


def last(run: mainstage.Run, work: Callable[[object], None]) -> None:
    """Be interrupted at the very end of a wait, and then sleep in other code."""
    run.submit(work, 0)
    time.sleep(0.7)
    run._wait_until(pressed)
    time.sleep(LONG)


def flow(run: mainstage.Run, work: Callable[[object], None]) -> None:
    """Take results that never have to be waited for."""
    ready()
    for _ in run.map(lambda n: n, itertools.count()):
        pass


def deaf_once(run: mainstage.Run, work: Callable[[object], None]) -> None:
    """Sleep, and miss the one signal that comes between Python's last look for signals and the system call."""
    future = run.submit(work, 0)
    time.sleep(0.8)
    kill = signal.pthread_kill

    def missed(_thread: int, _signum: int) -> None:
        signal.pthread_kill = kill
        os.write(2, b"MISSED\r\n")

    signal.pthread_kill = missed
    time.sleep(2.5)
    os.write(2, b"UNBLOCKED\r\n")
    run.cancel(future)
    future.exception()


def ask(run: mainstage.Run, work: Callable[[object], None]) -> None:
    """Ask a question of the user's in the middle of it."""
    future = run.submit(work, 0)
    time.sleep(0.8)
    with run.pause():
        os.write(2, b"ANSWER " + input("Go on? ").encode() + b"\r\n")
        time.sleep(0.3)
    run.cancel(future)
    future.exception()


def thread(run: mainstage.Run, work: Callable[[object], None]) -> None:
    """Be used off the main thread, with a nested run."""
    failures: list[BaseException] = []

    def elsewhere() -> None:
        with mainstage.Run("elsewhere", on_error="collect") as inner:
            failures.extend(e for e in inner.map(lambda n: 1 / n, [0, 1, 2]) if isinstance(e, Exception))
            inner.submit(work, 0).exception()

    one = threading.Thread(target=elsewhere)
    one.start()
    one.join()


PLACES = {
    place.__name__: place
    for place in (result, loop, end, wait, completed, queue, sleep, join, spin, body, ask, thread, deaf_once)
}
PLACES |= {place.__name__: place for place in FAILING}
PLACES |= {
    "hung": result,
    "hung-sleep": sleep,
    "self": result,
    "self-sleep": sleep,
    "self-flow": flow,
    "flow": flow,
    "last": last,
}


class HungColumn(TextColumn):
    """A column of the user's that hangs once the run is to stop."""

    def render(self, task: Any) -> Any:
        run = current_run()
        if run is not None and run._parts is not None and run._parts.ending.stop is not None:
            os.write(2, b"HUNG\r\n")  # what it waits for does not matter
            threading.Event().wait(LONG)
        return super().render(task)


def press_in_the_next_frame() -> None:
    """Have Ctrl-C arrive in the middle of a frame, once."""
    draw = RenderLoop.draw

    def pressed(self: RenderLoop, now: float, *, borrowed: bool = False) -> None:
        RenderLoop.draw = draw  # type: ignore[method-assign]  # put back
        os.kill(os.getpid(), signal.SIGINT)
        draw(self, now, borrowed=borrowed)

    RenderLoop.draw = pressed  # type: ignore[method-assign]  # as above


def main() -> None:
    place, worker, *options = sys.argv[1:]
    grace = float(options[0]) if options else 5.0
    if "mine" in options:
        signal.signal(signal.SIGINT, lambda *_: os.write(2, b"MINE\r\n"))
    if place == "bare":  # a map without a run
        for _ in mainstage.map(WORKERS[worker], range(100), max_workers=4):
            pass
        return
    if place == "bare_body":
        for _ in mainstage.map(lambda n: nap() if n else n, range(100), max_workers=4):
            time.sleep(0.8)
            raise LookupError("no such thing")
    columns = [HungColumn("{task.description}")] if place.startswith("hung") else None
    if place.startswith("self"):
        press_in_the_next_frame()
    with mainstage.Run("interrupted", max_workers=4, grace=grace, columns=columns) as run:
        PLACES[place](run, WORKERS[worker])
    os.write(2, b"AFTER\r\n")


if __name__ == "__main__":
    main()
