"""Prints a last line while a run is live that nobody leaves, and ends in one of the ways that a program can end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import mainstage
import mainstage.aio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

kept: list[Any] = []
"""What is half done when the program ends."""


def last_words() -> None:
    sys.stdout.write("last words\n")
    sys.stdout.flush()


# --- what is live ---


def half_read_track() -> None:
    rows = iter(mainstage.track(range(5), "rows"))
    next(rows)
    kept.append(rows)


def half_read_track_in_a_cycle() -> None:
    half_read_track()
    kept.append(kept)


def half_read_generator_around_a_track() -> None:
    def rows() -> Iterator[int]:
        yield from mainstage.track(range(5), "rows")

    kept.append(rows())
    next(kept[0])


def half_read_async_track() -> None:
    async def numbers() -> AsyncIterator[int]:
        for n in range(5):
            yield n

    async def main() -> None:
        kept.append(aiter(mainstage.track(numbers(), "rows")))
        await anext(kept[0])

    asyncio.run(main())


def half_read_map(executor: str = "thread") -> None:
    kept.append(mainstage.map(str, range(1000), executor=executor))
    next(kept[0])


def half_read_map_of_processes() -> None:
    half_read_map("process")


def run(**options: Any) -> mainstage.Run:
    entered = mainstage.Run("Work", **options)
    kept.append(entered.__enter__())
    return entered


def run_with_a_call() -> None:
    run().submit(time.sleep, 0.1)


def run_with_a_failure() -> None:
    run().submit(divmod, 1, 0)


def run_with_a_queue() -> None:
    run().queue().put(1)


def run_that_captures_descriptors() -> None:
    run(capture="fd")


def run_of_a_daemon_thread() -> None:
    live = threading.Event()

    def work() -> None:
        with mainstage.Run("Work"):
            live.set()
            threading.Event().wait()

    threading.Thread(target=work, daemon=True).start()
    live.wait()


# --- how it ends ---


def by_the_end() -> None:
    last_words()


def by_sys_exit() -> None:
    sys.exit("last words")


def by_an_exception() -> None:
    raise ValueError("last words")


def by_os_exit() -> None:
    time.sleep(0.6)  # rows stand
    last_words()
    os._exit(3)


def by_os_exit_in_a_thread() -> None:
    thread = threading.Thread(target=by_os_exit)
    thread.start()
    thread.join()


def by_os_exit_in_a_worker() -> None:
    kept[-1].submit(by_os_exit).result()


def by_os_exit_in_a_signal_handler() -> None:
    signal.signal(signal.SIGALRM, lambda _number, _frame: by_os_exit())
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    kept[-1].submit(time.sleep, 60).result()


def by_another_program() -> None:
    time.sleep(0.6)
    last_words()
    os.execlp("echo", "echo", "it became this")


def by_sigterm() -> None:
    last_words()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    ways: dict[str, Callable[[], None]] = {name: one for name, one in globals().items() if callable(one)}
    for way in sys.argv[1:]:
        ways[way]()
