"""Run after run in one process, and what is left of them: `python -m tests.faults.resources [RUNS [SETTING ...]]`.

Each setting is a program at a terminal of its own. Nothing may be left: no descriptor, thread, process, signal handler,
exit hook, import hook, temporary file or shared memory. Exit status 1 if something is.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import logging
import os
import re
import signal
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.system.terminals import Pty

import mainstage
import mainstage.aio
import mainstage.futures

if TYPE_CHECKING:
    from collections.abc import Callable

WARM = 6
"""Runs before the first look: what is made once stays."""
PATIENCE = 5.0
"""Seconds in which threads and processes that were told to end have done so."""
SHARED = re.compile(rb"/dev/shm/|/memfd:")


def double(n: int) -> int:
    mainstage.current_task().set(status="at work")
    return 2 * n


def picky(n: int) -> int:
    if n == 2:
        raise ValueError(n)
    return n


# --- one run each ---


def a_run(**options: Any) -> None:
    with mainstage.Run("Work", max_workers=2, **options) as run:
        run.submit(double, 1).result()
        assert list(run.map(double, range(3))) == [0, 2, 4]


def fails() -> None:
    with contextlib.suppress(ValueError), mainstage.Run("Work", max_workers=2) as run:
        list(run.map(picky, range(5)))


def is_left_early() -> None:
    for _ in mainstage.map(double, range(1000), max_workers=2):
        break
    for _ in mainstage.track(range(1000), "rows"):
        break


def is_left_by_an_exception() -> None:
    with contextlib.suppress(KeyError), mainstage.Run("Work", max_workers=2) as run:
        run.submit(double, 1)
        raise KeyError


def is_refused() -> None:
    with contextlib.suppress(mainstage.errors.DisplayError), mainstage.Run(log="run.log", layout="none such"):
        pass
    with contextlib.suppress(ValueError), mainstage.Run(log="run.log", keys=True, max_workers=0):
        pass


def is_within_another() -> None:
    with mainstage.Run("Outer", max_workers=2):
        a_run(log="inner.log")


def is_finished_in_another_thread() -> None:
    taken = mainstage.map(double, range(10), max_workers=2)
    next(taken)
    thread = threading.Thread(target=list, args=(taken,))
    thread.start()
    thread.join()


def floods() -> None:
    def flood(n: int) -> None:
        for line in range(200):
            mainstage.current_task().log(f"{n} {line} {'x' * 200}")

    with mainstage.Run("Work", max_workers=2) as run:
        list(run.map(flood, range(2)))


def of_coroutines() -> None:
    async def work(n: int) -> int:
        await asyncio.sleep(0)
        return n

    async def main() -> list[int]:
        async with mainstage.Run("Work"):
            await mainstage.aio.gather(work(1), work(2))
            return [n async for n in mainstage.aio.map(work, range(3))]

    assert asyncio.run(main()) == [0, 1, 2]


def drop_in_threads() -> None:
    with mainstage.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(double, range(3))) == [0, 2, 4]


def drop_in_processes() -> None:
    import multiprocessing  # noqa: PLC0415  # only here

    with mainstage.futures.ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        assert list(pool.map(double, range(3))) == [0, 2, 4]


def queue_of_the_recipe() -> None:
    with mainstage.Run("Work") as run:
        queue = run.queue(total=3)
        thread = threading.Thread(target=lambda: [queue.put(1) for _ in range(3)])
        thread.start()
        thread.join()


SETTINGS: dict[str, Callable[[], None]] = {
    "live": a_run,
    "plain": lambda: a_run(view="plain"),
    "silent": lambda: a_run(view="silent"),
    "json": lambda: a_run(view="json"),
    "lanes": lambda: a_run(layout="lanes"),
    "descriptors": lambda: a_run(capture="fd"),
    "keys": lambda: a_run(keys=True),
    "log": lambda: a_run(log="run.log"),
    "no heartbeat, no capture": lambda: a_run(heartbeat=False, capture=False),
    "fails": fails,
    "is left early": is_left_early,
    "is left by an exception": is_left_by_an_exception,
    "is refused": is_refused,
    "is within another": is_within_another,
    "is finished in another thread": is_finished_in_another_thread,
    "floods": floods,
    "of coroutines": of_coroutines,
    "drop-in threads": drop_in_threads,
    "queue of the recipe": queue_of_the_recipe,
    "processes by fork": lambda: a_run(executor="process", mp_context="fork"),
    "processes by fork server": lambda: a_run(executor="process", mp_context="forkserver"),
    "drop-in processes": drop_in_processes,
}
DEAR = ("processes by fork server", "drop-in processes")
"""Settings of which a run takes fifty times as long as one of the others."""


# --- what there is ---


def frees_exit_hooks() -> bool:
    """Return whether this Python forgets the slot of an exit hook that is taken back."""
    before = atexit._ncallbacks()
    atexit.register(frees_exit_hooks)
    atexit.unregister(frees_exit_hooks)
    return atexit._ncallbacks() == before


FREES_EXIT_HOOKS = frees_exit_hooks()


def there_is() -> dict[str, Any]:
    """Return what this process holds, as far as it can be counted or compared."""
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208  # it is counted
        "threads": len(os.listdir("/proc/self/task")),  # noqa: PTH208  # as above
        "children": Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split(),
        "handlers of signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "exit hooks": atexit._ncallbacks() if FREES_EXIT_HOOKS else 0,
        "exit hooks of threads": len(threading._threading_atexits),  # type: ignore[attr-defined]
        "import hooks": list(sys.meta_path),
        "streams": [sys.stdin, sys.stdout, sys.stderr, sys.excepthook, warnings.showwarning],
        "log handlers": list(logging.getLogger().handlers),
        "temporary files": sorted(os.listdir(tempfile.gettempdir())),  # noqa: PTH208  # as above
        "shared memory": len(SHARED.findall(Path("/proc/self/maps").read_bytes())),
        "ways out": [os._exit, os.execv],
        "shows": sum(1 for one in gc.get_objects() if type(one).__name__ in ("Show", "Run", "ThreadPool")),
    }


def left(before: dict[str, Any]) -> dict[str, Any]:
    """Return what there is more, or else, than `before`, once what was told to end has ended."""
    ends = time.monotonic() + PATIENCE
    while True:
        gc.collect()
        now = there_is()
        different = {name: (before[name], value) for name, value in now.items() if value != before[name]}
        if not different or time.monotonic() > ends:
            return different
        threading.Event().wait(0.02)


def settled() -> dict[str, Any]:
    """Return what there is once it stays the same: what was told to end has ended."""
    before = there_is()
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        threading.Event().wait(0.1)
        gc.collect()
        now = there_is()
        if now == before:
            break
        before = now
    return before


def main(setting: str, runs: int) -> None:
    """Be the program."""
    one_run = SETTINGS[setting]
    for _ in range(WARM):
        one_run()
    before = settled()
    for _ in range(runs):
        one_run()
    print(f"LEFT {left(before)} LEFT", flush=True)  # the program's own word


def leftovers(setting: str, runs: int) -> str:
    """Return what is left after so many runs; "": nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "tests.faults.resources", "--here", setting, str(runs)]
        where = {"TMPDIR": folder, "PYTHONPATH": os.pathsep.join(["src", "."])}
        with Pty(program, columns=400, env=where) as terminal:
            status = terminal.wait(60 + 2 * runs)
        said = re.findall(rb"LEFT (.*?) LEFT", bytes(terminal.output))
        told = said[-1].decode() if said else f"ended with {status}: {terminal.screen.text[-600:]}"
        return "" if told == "{}" else told


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        os.chdir(tempfile.gettempdir())
        Path("run.log").touch()
        Path("inner.log").touch()
        main(sys.argv[2], int(sys.argv[3]))
    else:
        number = int(sys.argv[1]) if sys.argv[1:] else 2000
        wrong = 0
        with ThreadPoolExecutor(2) as pool:
            names = sys.argv[2:] or list(SETTINGS)
            for name, found in zip(names, pool.map(lambda name: leftovers(name, number), names), strict=True):
                wrong += bool(found)
                sys.stdout.write(f"{'LEFT' if found else 'none'} {name}: {found or f'nothing after {number} runs'}\n")
        sys.exit(1 if wrong else 0)
