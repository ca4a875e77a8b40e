"""Tasks that fork their process: importable, as workers need it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import mainstage
from mainstage.errors import QueueError


def forks(how: str) -> int:
    """Fork; return the exit status of the child, which comes to its end as `how` says."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(20)
    if how == "raises":
        raise ValueError("of the child")
    if how == "exits":
        sys.exit(7)
    if how == "says":
        sys.exit("last words of the child")
    return 5


def busy_forks(turns: int) -> list[int]:
    """Report all the time and fork; return the statuses of children that report, print, count and put."""
    task = mainstage.current_task()
    over = threading.Event()
    noise = threading.Thread(target=_report, args=(task, over))
    noise.start()
    statuses = []
    for turn in range(turns):
        task.log("x" * 2000)
        child = os.fork()
        if not child:
            signal.alarm(10)
            _do_all(task, turn)
            os._exit(0)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    over.set()
    noise.join()
    return [status for status in statuses if status]


def _report(task: Any, over: threading.Event) -> None:
    while not over.is_set():
        task.advance(1)
        task.log("noise")
        os.sched_yield()


def _do_all(task: Any, turn: int) -> None:
    task.advance(1000)
    task.log("of a child")
    mainstage.current_task().log("of a child")
    with mainstage.task("of a child") as inner:
        inner.advance(1000)
    for _ in mainstage.track(range(3)):
        pass
    sys.stdout.write(f"printed by child {turn}\n")
    sys.stdout.flush()


def forks_and_puts(queue: Any) -> int:
    """Fork a child that puts; return its status: 3, it was refused."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        queue.put(1)
    except QueueError:
        os._exit(3)
    os._exit(0)


def leaves_a_child(file: str) -> None:
    """Die with a forked child alive."""
    child = os.fork()
    if not child:
        signal.pause()
    Path(file).write_text(str(child), encoding="ascii")
    os.kill(os.getpid(), signal.SIGKILL)


def hears_ctrl_c(_: int) -> int:
    """Fork a child and send it SIGINT; return its status."""
    ready, there = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(there, b"here")
            signal.pause()
        except KeyboardInterrupt:
            os._exit(3)
        os._exit(4)
    os.read(ready, 4)
    os.kill(child, signal.SIGINT)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
