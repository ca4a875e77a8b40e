"""Work for the tests of engines: functions of a module, since an engine's workers import them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import mainstage
from mainstage.core.interpreter import is_beside_the_main_one
from mainstage.pool.engines import worker as engine_worker
from mainstage.tasks.reporter import live

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


def stand_still(until: str, nested: bool) -> str:
    """Report something, in a nested task or not, then nothing until there is such a file."""
    with mainstage.task("inner") if nested else contextlib.nullcontext():
        mainstage.current_task().set(total=10, completed=1)
        while not Path(until).exists():
            threading.Event().wait(0.05)
    return "moved"


def stubborn(here: str, seconds: float) -> str:
    """Do as `wait_for`, deaf to all requests."""
    Path(here).write_text(str(os.getpid()), encoding="utf-8")
    threading.Event().wait(seconds)
    return "never stopped"


def die_once(marker: str, when: str) -> str:
    """Do five items; the first time kill this process after three, once `when` is there."""
    file = Path(marker)
    task = mainstage.current_task()
    task.set(total=5)
    if not file.exists():
        task.advance(3)
        file.write_text(str(os.getpid()), encoding="utf-8")
        while not Path(when).exists():
            threading.Event().wait(0.01)
        die()
    task.advance(5)
    return "lived"


def die(_: int = 0) -> NoReturn:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives on")


def short(n: int) -> int:
    """Take a millisecond; 150 fails."""
    threading.Event().wait(0.001)
    if n == 150:
        raise ValueError(f"no {n}")
    return 2 * n


def short_but_deadly(n: int, marker: str) -> int:
    """Take a millisecond; 150 kills this process, once."""
    threading.Event().wait(0.001)
    if n == 150 and not Path(marker).exists():
        Path(marker).touch()
        die()
    return 2 * n


def short_but_one(n: int, marker: str) -> int:
    """Take a millisecond; 150 waits until 151 has run."""
    threading.Event().wait(0.001)
    if n == 151:
        Path(marker).touch()
    while n == 150 and not Path(marker).exists():
        threading.Event().wait(0.01)
    return 2 * n


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


def total(array: Any) -> Any:
    """Return twice an array, and how large it is: both ways it is large."""
    return 2 * array, array.nbytes


def traces(_: int = 0) -> list[str]:
    """Return what is ours in a worker process that no run of ours has."""
    threading.Event().wait(0.2)  # so that each worker is asked
    found = [thread.name for thread in threading.enumerate() if thread.name.startswith("mainstage")]
    found += [f"station of {run}" for run in engine_worker._stations]
    found += [f"reporter {live.reporter}"] if live.reporter is not None else []
    places = {"stdout": sys.stdout, "stderr": sys.stderr, "warnings": warnings.showwarning}
    places |= {f"log handler {place}": handler for place, handler in enumerate(logging.getLogger().handlers)}
    return found + [name for name, thing in places.items() if _module(thing).startswith("mainstage")]


def _module(thing: Any) -> str:
    return str(getattr(thing, "__module__", "") or type(thing).__module__)


def exists(file: str) -> bool:
    """Return whether a worker has said that it runs."""
    return Path(file).exists()


def beside() -> bool:
    """Return whether this is not the main interpreter."""
    return is_beside_the_main_one()
