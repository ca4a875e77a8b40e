"""What worker processes do in tests: importable, as workers need it."""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import tqdm
import tqdm.auto
import tqdm.contrib.concurrent

import mainstage

if TYPE_CHECKING:
    import queue

DEATHS = ("SIGKILL", "SIGSEGV", "exit", "SIGABRT")


def square(n: int) -> int:
    return n * n


def die(how: str) -> NoReturn:
    if how == "exit":
        os._exit(3)
    if how == "SIGSEGV":
        import faulthandler  # noqa: PLC0415  # not in every interpreter

        faulthandler.disable()
    os.kill(os.getpid(), getattr(signal, how))
    raise AssertionError("alive")


def die_at(n: int, fatal: int) -> int:
    if n == fatal:
        die("SIGKILL")
    return n


def die_once(file: str) -> str:
    """Kill the worker the first time."""
    if not Path(file).exists():
        Path(file).touch()
        die("SIGKILL")
    return "lived"


def stop_myself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def sleep_deaf(seconds: float) -> None:
    threading.Event().wait(seconds)


def clean_up_at_sigterm(folder: str) -> None:
    """Hang; clean up if the signal comes."""

    def clean_up(*_: object) -> NoReturn:
        (Path(folder) / "cleaned up").touch()
        os._exit(5)

    signal.signal(signal.SIGTERM, clean_up)
    (Path(folder) / "ready").touch()
    while True:
        threading.Event().wait(0.05)


def ignore_sigterm(folder: str) -> None:
    """Hang, deaf to the signal, beside a program that is so too."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    there = Path(folder) / "there"
    there.write_text(f"{os.getpid()} {program.pid}", encoding="ascii")
    there.rename(Path(folder) / "ready")
    threading.Event().wait(60)


def count_for_long() -> None:
    for _ in mainstage.track(range(100_000)):
        threading.Event().wait(0.01)


def pid_of_worker(_: Any = None) -> int:
    return os.getpid()


def child_of_worker(file: str) -> None:
    """Start a program that outlives us if nobody kills it, and hang."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(file).write_text(str(program.pid), encoding="ascii")
    threading.Event().wait(60)


class NeedsArguments(Exception):
    def __init__(self, code: int, *, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why


def raise_needy() -> NoReturn:
    raise NeedsArguments(5, why="no room")


def raise_local() -> NoReturn:
    class LocalError(Exception):
        pass

    raise LocalError("of a function")


def return_lock() -> Any:
    return {"name": "x", "inner": [threading.Lock()]}


def report(n: int) -> int:
    task = mainstage.current_task()
    task.set(total=n)
    task.log("begun")
    task.metric("size", n)
    for _ in range(n):
        task.advance()
    with mainstage.task("inner", total=2) as inner:
        inner.advance(2)
    return n


def by_queue(q: queue.Queue[Any], count: int) -> None:
    for _ in range(count):
        q.put(1)
    q.put(None)


def fail_initializer() -> NoReturn:
    raise RuntimeError("no database")


_kept: list[int] = []


def initialize(n: int) -> None:
    _kept.append(n)


def initialized() -> list[int]:
    return _kept


def big(n: int) -> bytes:
    return bytes(n)


def length(data: bytes) -> int:
    return len(data)


class Block:
    """Something large, as an array is: its buffer travels beside the pickle."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return Block, (pickle.PickleBuffer(self.data),)


def allocated_for(block: Block) -> int:
    """Return how much memory this worker got for it: the most that it ever had, less what it has beside it."""
    size = len(block.data)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return most - now + size


def longer_by(block: Block, n: int) -> int:
    return len(block.data) + n


def make_block(size: int) -> Block:
    return Block(bytearray(size))


def reversed_array(array: Any) -> Any:
    return array[::-1].copy()


def loud(n: int) -> int:
    """Write in every way there is."""
    sys.stdout.write(f"python {n}\n")
    sys.stderr.write(f"error {n}\n")
    os.write(1, f"descriptor {n}\n".encode())
    subprocess.run(["/bin/echo", f"child {n}"], check=True)
    ctypes.CDLL(None).puts(f"c {n}".encode())
    return n


def loud_once_told(until: str, last: str) -> str:
    """Wait for a file, write in every way there is, and wait for another file."""
    while not Path(until).exists():
        threading.Event().wait(0.02)
    loud(1)
    while not Path(last).exists():
        threading.Event().wait(0.02)
    return "told"


def put_and_die(q: queue.Queue[Any]) -> NoReturn:
    for _ in range(4):
        q.put(1)
    die("SIGKILL")


def slow_at(n: int, slow: int, until: str) -> int:
    """Return `n`; the item `slow` waits for the file `until`."""
    for _ in range(3000 if n == slow else 0):
        if Path(until).exists():
            break
        threading.Event().wait(0.01)
    return n


def wait_for_a_later_one(n: int, later: int, file: str) -> int:
    """Return `n`; the first item waits for the file that the item `later` makes."""
    if n == later:
        Path(file).touch()
    slow_at(n, 0, file)
    if n == 0 and not Path(file).exists():
        raise TimeoutError
    return n


def hang_once(file: str) -> str:
    if not Path(file).exists():
        Path(file).touch()
        threading.Event().wait(60)
    return "lived"


def crash_loudly() -> None:
    """Die as C code does, telling where."""
    import faulthandler  # noqa: PLC0415  # as above

    faulthandler.enable(2, all_threads=False)
    sys.stdout.write("before\n")
    ctypes.string_at(0)


def bar(n: int) -> int:
    for _ in tqdm.tqdm(range(n), desc="their bar"):
        pass
    return n


class Quiet(tqdm.auto.tqdm):  # type: ignore[misc, type-arg, unused-ignore]  # one of two
    """A bar as libraries have one of their own: switched off by a name, with an argument more."""

    def __init__(self, *args: Any, name: str = "", **options: Any) -> None:
        if name == "quiet":
            options["disable"] = True
        super().__init__(*args, **options)


def subclassed_bar(n: int) -> int:
    with Quiet(total=n, desc="a subclass", name="loud") as bar, Quiet(total=n, name="quiet"):
        for _ in range(n):
            bar.update(1)
    return n


def bar_over_threads(n: int) -> int:
    return sum(tqdm.contrib.concurrent.thread_map(lambda k: 2 * k, range(n), desc="their threads", max_workers=2))


def stand_still(until: str) -> str:
    """Report something, then nothing until there is such a file."""
    task = mainstage.current_task()
    task.set(total=10, completed=1)
    while not Path(until).exists():
        threading.Event().wait(0.05)
    return "moved"
