"""Work for the tests of engines: functions of a module, since an engine's workers import them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import mainstage
from mainstage.worker.interpreter import is_beside_the_main_one

if TYPE_CHECKING:
    from collections.abc import Generator


def double(n: int) -> int:
    return 2 * n


def picky(n: int) -> int:
    if n == 3:
        raise ValueError(f"no {n}")
    return n


def counted(n: int) -> int:
    with mainstage.task("inner", total=4) as inner:
        for _ in range(4):
            inner.advance()
    return sum(mainstage.track(range(n)))


@mainstage.stepwise
def steps(n: int) -> Generator[Any, None, int]:
    yield ("total", n)
    for _ in range(n):
        yield 1
    return n


def speak(n: int) -> int:
    print(f"out {n}")  # noqa: T201  # the subject
    sys.stderr.write(f"err {n}\n")
    mainstage.current_task().log(f"log {n}")
    mainstage.current_task().metric("loss", 1.0 / n)
    return n


def send(queue: Any, count: int) -> None:
    for _ in range(count):
        queue.put(1)
    queue.put(None)


def wait_for(here: str, there: str) -> str:
    """Say that it runs, in the file `here`, and go on once `there` is there, or somebody asks it to stop."""
    Path(here).write_text(str(os.getpid()), encoding="utf-8")
    task = mainstage.current_task()
    while not Path(there).exists():
        task.sleep(0.01)
    return "went on"


def stubborn(here: str, seconds: float) -> str:
    """Do as `wait_for`, deaf to all requests."""
    Path(here).write_text(str(os.getpid()), encoding="utf-8")
    threading.Event().wait(seconds)
    return "never stopped"


def die_once(marker: str, when: str) -> str:
    """Kill this process, the first time, once `when` is there."""
    file = Path(marker)
    if not file.exists():
        file.write_text(str(os.getpid()), encoding="utf-8")
        while not Path(when).exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


def unpicklable(_: int) -> Any:
    return threading.Lock()


class Awkward(Exception):
    """Its constructor wants more than pickle gives."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")
        self.second = second


def awkward(_: int) -> NoReturn:
    raise Awkward("one", "two")


def length(data: bytes) -> int:
    return len(data)


def threads() -> list[str]:
    """Return the threads of ours in this process."""
    return [thread.name for thread in threading.enumerate() if "mainstage" in thread.name]


def exists(file: str) -> bool:
    """Return whether a worker has said that it runs."""
    return Path(file).exists()


def beside() -> bool:
    """Return whether this is not the main interpreter."""
    return is_beside_the_main_one()
