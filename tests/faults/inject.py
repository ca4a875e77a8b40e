"""Each call of ours that the system may refuse is refused once, on the owner's side: nothing changes but what is shown.

`python -m tests.faults.inject [--at=N] [SCENARIO ...]` makes every call of `owner_calls.txt` fail, at its N-th use (the
first), that the list gives to a scenario; with `--hits` it prints which calls each scenario makes, for the list.

The package is loaded with each of these calls led through a switch; a scenario is then run in forked children, at a
terminal of their own: once as it is, and once for each call, which raises what the system would. Result and exit status
have to be the same, the terminal has to be given back, no traceback may be seen, and nothing may hang.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import errno
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import pty
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.faults.owner_calls import SOURCE, Finder, called, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

DEADLINE = 30.0
"""Seconds within which a child has ended."""
AT_ONCE = 3
SWITCH = "__switch__"


# --- the switch that every call is led through ---


class Switch:
    """Hands each call on; the one that is chosen raises once, `at` its so many-th use, in the owner's process."""

    def __init__(self) -> None:
        self.chosen = ""
        self.at = 1
        self.owner = 0
        self.hit: dict[str, None] = {}

    def __call__(self, call: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if os.getpid() != self.owner:
            return function
        self.hit[call] = None
        if call != self.chosen:
            return function
        self.at -= 1
        if self.at:
            return function
        self.chosen = ""
        return refusing(call, function)


def refusing(call: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with a first call that raises as the system would refuse `call`."""
    name = call.rpartition(" ")[2].partition("#")[0].rpartition(".")[2]
    started = name in ("start", "_start_new_thread")
    if started and "process" in call.rpartition(" ")[2]:
        error: Exception = BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
    elif started:
        error = RuntimeError("can't start new thread")
    elif name in ("open", "pipe", "dup", "socketpair", "memfd_create", "TemporaryFile"):
        error = OSError(errno.EMFILE, "Too many open files")
    elif "write" in name or "truncate" in name or name == "flush":
        error = OSError(errno.ENOSPC, "No space left on device")
    else:
        error = OSError(errno.EIO, "Input/output error")

    errors = [error]

    def refuse(*args: Any, **options: Any) -> Any:
        if errors:
            raise errors.pop()
        return function(*args, **options)

    return refuse


switch = Switch()


class Rewriting(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the package with its calls led through the switch."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != "mainstage":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path or [str(SOURCE.parent)])
        if spec is None or spec.origin is None:
            return None
        places = spec.submodule_search_locations
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=Reading(name, spec.origin), submodule_search_locations=places
        )


class Reading(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> Any:
        path = Path(self.get_filename(fullname))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        finder = Finder(path.relative_to(SOURCE).as_posix())
        finder.visit(tree)
        for call, node in finder.found:
            function = called(node)
            led = ast.Call(ast.Name(SWITCH, ast.Load()), [ast.Constant(str(call)), function], [])
            if function is node.func:
                node.func = ast.copy_location(led, function)
            else:
                node.args[0] = ast.copy_location(led, function)
        return compile(ast.fix_missing_locations(tree), str(path), "exec", dont_inherit=True)


# --- scenarios: what each returns has to be the same ---


def work(n: int) -> int:
    import mainstage  # noqa: PLC0415  # as the switch has it loaded

    task = mainstage.current_task()
    task.log(f"at work on {n}")
    sys.stdout.write(f"printed by {n}\n")
    for _ in mainstage.track(range(5)):
        task.metric("loss", n)
    if n == 3:
        raise ValueError("three")
    return n * n


def a_run(**options: Any) -> list[str]:
    import mainstage  # noqa: PLC0415  # as above

    with mainstage.Run("Work", on_error="collect", max_workers=2, **options) as run:
        called = [run.submit(work, n) for n in (1, 3)]
        results = [repr(value) for value in run.map(work, range(6))]
        run.options(timeout=20, retries=1).submit(work, 4).result()
        time.sleep(0.15)  # pictures while the owner is away
        with run.pause():
            pass
        return [*results, *(repr(future.exception() or future.result()) for future in called)]


def floods() -> list[str]:
    import mainstage  # noqa: PLC0415  # as above

    vars(importlib.import_module("mainstage.channels.inbox"))["MANY"] = 20

    def flood(n: int) -> int:
        for line in range(300):
            mainstage.current_task().log(f"{n} {line}")
        return n

    with mainstage.Run("Work", max_workers=2) as run:
        return [repr(value) for value in run.map(flood, range(4))]


def of_coroutines() -> list[str]:
    import mainstage  # noqa: PLC0415  # as above
    import mainstage.aio  # noqa: PLC0415  # as above

    async def slow(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    async def main() -> list[int]:
        async with mainstage.Run("Work"):
            there = await mainstage.aio.to_thread(work, 2)
            return [
                there,
                *await mainstage.aio.gather(slow(1), slow(2)),
                *[n async for n in mainstage.aio.map(slow, [3])],
            ]

    return [repr(asyncio.run(main()))]


def drop_in(kind: str) -> list[str]:
    import multiprocessing  # noqa: PLC0415  # not all need it

    import mainstage.futures  # noqa: PLC0415  # as above

    if kind == "thread":
        pool: Any = mainstage.futures.ThreadPoolExecutor(2)
    else:
        pool = mainstage.futures.ProcessPoolExecutor(2, multiprocessing.get_context("fork"))
    with pool:
        return [repr(value) for value in pool.map(work, [0, 1, 2])]


def nowhere_shown() -> list[str]:
    """Use them in another thread, where they are the standard library's and no more."""
    results: list[str] = []
    thread = threading.Thread(target=lambda: results.extend(drop_in("process")))
    thread.start()
    thread.join()
    return results


def away() -> list[str]:
    """Leave by a way that runs no code of ours."""
    import mainstage  # noqa: PLC0415  # as above

    run = mainstage.Run("Work", capture="fd")
    run.__enter__()
    os.write(1, b"of a child\n")
    return [repr(run.submit(work, 2).result())]


SCENARIOS: dict[str, Callable[[], list[str]]] = {
    "live": lambda: a_run(log="run.log"),
    "keys": lambda: a_run(keys=True),
    "descriptors": lambda: a_run(capture="fd"),
    "plain": lambda: a_run(view="plain"),
    "json": lambda: a_run(view="json"),
    "text": floods,
    "coroutines": of_coroutines,
    "fork": lambda: a_run(executor="process", mp_context="fork", log="run.log"),
    "fork server": lambda: a_run(executor="process", mp_context="forkserver"),
    "drop-in threads": lambda: drop_in("thread"),
    "drop-in processes": lambda: drop_in("process"),
    "drop-in processes, nowhere shown": nowhere_shown,
    "left": away,
}


# --- one child ---


class Outcome(NamedTuple):
    """What became of a scenario."""

    status: int | None
    """As of `os.waitstatus_to_exitcode`; None: it was hanging."""
    results: str
    hit: list[str]
    fired: bool
    output: str

    def differs(self, plain: Outcome) -> str:
        """Return what is not as it is without a fault; "": all is."""
        wrong = []
        if self.status is None:
            wrong.append("hangs")
        elif self.status != plain.status:
            wrong.append(f"exit status {self.status}, not {plain.status}")
        if self.results != plain.results:
            wrong.append(f"results {self.results}, not {plain.results}")
        if "Traceback" in self.output and "Traceback" not in plain.output:
            wrong.append("a traceback")
        if self.output.rfind("\x1b[?25l") > self.output.rfind("\x1b[?25h"):
            wrong.append("the cursor stays hidden")
        return "; ".join(wrong)


class Child:
    """A scenario in a forked child at a terminal of its own; `call` fails there once, at its so many-th use."""

    def __init__(self, scenario: str, call: str = "", at: int = 1) -> None:
        self.folder = tempfile.mkdtemp()  # and no object that would remove it, in the child too
        self.begun = time.monotonic()
        self._output = b""
        self.pid, self.master = pty.fork()
        if not self.pid:
            raise Born(scenario, call, at, self.folder)

    def read(self) -> bool:
        """Take what there is; False: it has ended."""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self._output += data
        return bool(data)

    def outcome(self, *, late: bool) -> Outcome:
        """Return what became of it, killing it if it is `late`."""
        if late:
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.master)
        told = Path(self.folder, "told")
        results, hit, fired = json.loads(told.read_text(encoding="utf-8")) if told.exists() else ("none", [], False)
        shutil.rmtree(self.folder, ignore_errors=True)
        return Outcome(None if late else status, results, hit, fired, self._output.decode(errors="replace"))


class Born(BaseException):
    """Raised in the child: it leaves all of the parent's code behind."""

    def __init__(self, scenario: str, call: str, at: int, folder: str) -> None:
        super().__init__()
        self.scenario, self.call, self.at, self.folder = scenario, call, at, folder

    def run(self) -> None:
        """Be the program, up to the end of the interpreter."""
        os.chdir(self.folder)
        tempfile.tempdir = self.folder
        for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
            stream = open(number, mode, buffering=1, closefd=False)  # noqa: SIM115  # it stays open
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        from mainstage.run import render_loop  # noqa: PLC0415  # as the switch has it loaded

        render_loop.HEAD_START = 0.02
        for implicit in (
            "mainstage.futures",
            "mainstage.aio.implicit",
        ):  # their runs are those of the process they began in
            sys.modules[implicit]._implicit._pid = os.getpid()
        switch.owner, switch.chosen, switch.at = os.getpid(), self.call, self.at
        results: Any = "none"
        try:
            results = SCENARIOS[self.scenario]()
        except Exception as error:  # noqa: BLE001  # a test looks at it
            results = f"raised {error!r}"
        tell = [repr(results), list(switch.hit), bool(self.call) and not switch.chosen]
        Path("told").write_text(json.dumps(tell), encoding="utf-8")
        if self.scenario == "left":
            os._exit(3)
        sys.exit(5)


def outcomes(tries: Sequence[tuple[str, str]], at: int = 1) -> list[Outcome]:
    """Return what becomes of each scenario with each call refused at its so many-th use, several at a time."""
    waiting = list(enumerate(tries))
    running: dict[int, Child] = {}
    ended: dict[int, Outcome] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, one = waiting.pop(0)
            running[number] = Child(*one, at)
        ready = select.select([child.master for child in running.values()], [], [], 0.2)[0]
        for number, child in list(running.items()):
            late = time.monotonic() - child.begun > DEADLINE
            if late or (child.master in ready and not child.read()):
                ended[number] = running.pop(number).outcome(late=late)
    return [ended[number] for number in range(len(tries))]


def wrong_with(names: Sequence[str], at: int = 1) -> list[str]:
    """Return a line for each call of the scenarios whose failure changes something, or that they do not make."""
    wanted = [(scenario, call) for call, scenario in listed().items() if scenario in names]
    found = outcomes([*((name, "") for name in names), *wanted], at)
    plain = dict(zip(names, found, strict=False))
    lines = [f"{name} without a fault: {one.output[-500:]}" for name, one in plain.items() if one.results[:1] != "["]
    for (scenario, call), one in zip(wanted, found[len(names) :], strict=True):
        differs = one.differs(plain[scenario]) or ("" if one.fired or at > 1 else "is not made")
        if differs:
            lines.append(f"{call} ({scenario}): {differs}")
    return lines


def main(arguments: list[str]) -> int:
    """Be the command."""
    sys.meta_path.insert(0, Rewriting())
    vars(__import__("builtins"))[SWITCH] = switch
    for name in ("aio", "futures", "run.display_session", "run.run", "pool.processes.workers", "core.codec"):
        importlib.import_module(f"mainstage.{name}")
    hits = "--hits" in arguments
    at = next((int(one.removeprefix("--at=")) for one in arguments if one.startswith("--at=")), 1)
    names = [one for one in arguments if not one.startswith("--")] or list(SCENARIOS)
    if hits:
        for name, one in zip(names, outcomes([(name, "") for name in names]), strict=True):
            sys.stdout.write(json.dumps([name, one.status, one.results, one.hit, one.output[-300:]]) + "\n")
        return 0
    lines = wrong_with(names, at)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except Born as born:
        child = born
    else:
        sys.exit(code)
    child.run()
