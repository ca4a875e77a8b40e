"""Block the main thread in one of sixteen ways while a worker moves: blocked.py WAY note|track SECONDS."""

from __future__ import annotations

import concurrent.futures
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import mainstage

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = float(sys.argv[3]) if __name__ == "__main__" else 0.0


def work(mode: str) -> None:
    """Move for as long: by notes, or in a `track` loop alone."""
    ticks = range(int(SECONDS * 50))
    if mode == "track":
        for _ in mainstage.track(ticks):
            time.sleep(0.02)
        return
    task = mainstage.current_task()
    for _ in ticks:
        time.sleep(0.02)
        task.advance()


def nap(_: object = None) -> None:
    """Be what is waited for."""
    time.sleep(SECONDS)


def started(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(SECONDS, lock.release).start()
    return lock


def late_queue() -> queue.Queue[int]:
    late: queue.Queue[int] = queue.Queue()
    threading.Timer(SECONDS, late.put, (1,)).start()
    return late


def late_socket() -> socket.socket:
    mine, theirs = socket.socketpair()
    threading.Timer(SECONDS, theirs.send, (b"x",)).start()
    return mine


def late_pipe() -> int:
    out, into = os.pipe()
    threading.Timer(SECONDS, os.write, (into, b"line\n")).start()
    return out


def spin() -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        sum(range(100))


def join_spinners() -> None:
    for thread in [started(spin) for _ in range(8)]:
        thread.join()


def read_line() -> None:
    with os.fdopen(late_pipe()) as pipe:
        pipe.readline()


def with_thread_pool(block: Callable[[concurrent.futures.Executor], object]) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        block(pool)


def with_process_pool() -> None:
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        list(pool.map(nap, [0]))


WAYS: dict[str, Callable[[], object]] = {
    "as_completed": lambda: with_thread_pool(lambda p: list(concurrent.futures.as_completed([p.submit(nap)]))),
    "result": lambda: with_thread_pool(lambda p: p.submit(nap).result()),
    "map-threads": lambda: with_thread_pool(lambda p: list(p.map(nap, [0]))),
    "map-processes": with_process_pool,
    "sleep": nap,
    "join": lambda: started(nap).join(),
    "queue": lambda: late_queue().get(),
    "lock-timeout": lambda: held_lock().acquire(timeout=60),
    "lock": lambda: held_lock().acquire(),
    "run": lambda: subprocess.run(["sleep", str(SECONDS)], check=True),
    "run-captured": lambda: subprocess.run(["sleep", str(SECONDS)], check=True, capture_output=True),
    "recv": lambda: late_socket().recv(1),
    "select": lambda: select.select([late_socket()], [], []),
    "readline": read_line,
    "loop": spin,
    "join-spinners": join_spinners,
}


def main() -> None:
    way, mode = sys.argv[1:3]
    with mainstage.Run("blocked") as run:
        future = run.submit(work, mode)
        WAYS[way]()
        sys.stderr.write("UNBLOCKED\n")
        sys.stderr.flush()
        future.result()


if __name__ == "__main__":
    main()
