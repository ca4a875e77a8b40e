"""Guarded lines, broken one by one: `python -m tests.faults.mutations [WORD ...]` shows that a test fails for each.

Each is applied to a copy of the tree in a folder of its own. Exit status 1 if a broken line goes unnoticed. With
words, only mutations whose file or line has one of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
AT_ONCE = 3
DEADLINE = 300.0


class Mutation(NamedTuple):
    """A line, what it is broken to, and the tests that guard it."""

    file: str
    line: str
    broken: str
    tests: tuple[str, ...]


def product(*cases: str) -> tuple[str, ...]:
    """Name cases of the product."""
    return tuple(f"tests/faults/test_product.py::test_it_ends_as_promised[thread-{case}]" for case in cases)


ANSI = "src/mainstage/ui/display/ansi.py"
CALLS = "src/mainstage/pool/calls.py"
CANCEL = "src/mainstage/tasks/cancel_scope.py"
CHANNEL = "src/mainstage/channels/inbox.py"
CLAIMS = "src/mainstage/pool/mapping.py"
DESCRIPTORS = "src/mainstage/tasks/capture/fds.py"
EXITS = "src/mainstage/run/exit.py"
INTERRUPTS = "src/mainstage/run/signals.py"
JOB = "src/mainstage/pool/job.py"
LOOP = "src/mainstage/run/render_loop.py"
POOL = "src/mainstage/pool/thread_pool.py"
REGION = "src/mainstage/ui/display/region.py"
SESSION = "src/mainstage/run/run.py"
ENDING = "src/mainstage/run/shutdown.py"
SHOW = "src/mainstage/run/display_session.py"
WORKLOAD = "src/mainstage/run/workload.py"
FACE = "src/mainstage/pool/pool.py"
WORKER_MAIN = "src/mainstage/pool/processes/worker_main.py"
PROCESS = "src/mainstage/pool/processes/process.py"
DISPATCHER = "src/mainstage/pool/processes/dispatcher.py"
OWN_EXITS = ("tests/faults/test_exits.py",)

MUTATIONS = [
    # the terminal is given back
    Mutation(ANSI, 'SHOW = f"{WRAP}\\x1b[?25h"', "SHOW = WRAP", product("once-computing", "thrice-stuck")),
    Mutation(ANSI, 'SHOW = f"{WRAP}\\x1b[?25h"', 'SHOW = "\\x1b[?25h"', ("tests/display/test_screens.py",)),
    Mutation(ANSI, 'f"{SAVE}\\x1b[r{RESTORE}"', 'f"{SAVE}{RESTORE}"', product("term-nested")),
    Mutation(ANSI, 'END = "\\x1b[?2026l"', 'END = ""', product("end-computing")),
    Mutation(INTERRUPTS, "            emergency()", "            pass", product("thrice-stuck")),
    Mutation(
        LOOP,
        "        while not self.channel.empty():\n",
        "        while False:\n",
        product("twice-stuck", "other-twice-stuck"),
    ),
    # the worker is told, once, and wakes
    Mutation(CANCEL, "        request.told.add(thread)", "        pass", product("once-cleanup", "cancel-nested")),
    Mutation(CANCEL, "                alarm.release()", "                pass", product("once-blocked")),
    Mutation(CANCEL, "                loop.interrupt(request)", "                pass", product("once-computing")),
    # work that waits ends at once, and no more is handed out
    Mutation(
        CALLS,
        "if self.take() is not None:\n                self.future",
        "if False:\n                self.future",
        product("once-held", "term-held"),
    ),
    Mutation(
        CLAIMS,
        "        self.drain(reason)\n",
        "        self.halted = reason\n",
        product("map-computing", "cancel-map-nested"),
    ),
    Mutation(
        ENDING,
        'self._work._cancel_all(f"the run was left by {name}")',
        "pass",
        product("leave-computing", "exit-blocked"),
    ),
    Mutation(
        SESSION,
        'self._live().work.backend.command(Cancel(None, "another task failed"))',
        "pass",
        product("failure-computing"),
    ),
    # what does not stop is abandoned
    Mutation(CALLS, "        if again:\n", "        if True:\n", product("cancel-stuck", "failure-stuck")),
    Mutation(FACE, "one.abandon_in_time()", "pass", product("cancel-map-stuck")),
    Mutation(WORKLOAD, "        self.backend.abandon(reason)\n", "        pass\n", product("twice-stuck")),
    Mutation(
        JOB,
        "alarm = self.slot.workers.timer.after(timeout",
        "alarm = self.slot.workers.timer.after(1e6",
        product("timeout-stuck"),
    ),
    Mutation(POOL, "daemon=True", "daemon=False", product("once-stuck")),
    Mutation(
        POOL,
        "        self._threads.pop(worker, None)\n        if self.busy",
        "        if self.busy",
        product("once-stuck", "twice-cleanup"),
    ),
    # the signal
    Mutation(INTERRUPTS, "LAST_STAGE = 3", "LAST_STAGE = 99", product("thrice-computing")),
    Mutation(
        INTERRUPTS,
        "    os.kill(os.getpid(), signum)\n\n\nclass",
        "    os._exit(1)\n\n\nclass",
        product("term-computing", "thrice-computing"),
    ),
    Mutation(
        INTERRUPTS,
        "                signal.signal(signum, theirs or previous)",
        "                pass",
        product("end-computing", "other-blocked"),
    ),
    Mutation(
        INTERRUPTS,
        "                self.on_raise(error)\n            raise error\n",
        "                self.on_raise(error)\n            return\n",
        product("other-computing", "other-stuck", "other-blocked"),
    ),
    Mutation(EXITS, "                _deadly.append(value.signum)", "                pass", product("hup-blocked")),
    Mutation(EXITS, "            if not _is_quiet(value):", "            if True:", product("once-computing")),
    Mutation(EXITS, "        error = context_of(error)", "        return False", OWN_EXITS),
    Mutation(EXITS, "    if names:\n", "    if False:\n", OWN_EXITS),
    Mutation(EXITS, "        signal.signal(signal.SIGINT, _leave_them)", "        pass", OWN_EXITS),
    # results so far
    Mutation(
        ENDING,
        "            error.run = self._work  # type: ignore[attr-defined]\n",
        "            pass\n",
        product("failure-nested"),
    ),
    Mutation(
        "src/mainstage/pool/results.py",
        "if is_instance(error, Cancelled) else error",
        "if False else error",
        product("cancel-map-computing"),
    ),
    # text: a flood that meets a resize; what nobody captured is looked for; what the environment says
    Mutation(
        REGION,
        "        if len(lines) >= self._height:\n",
        "        if len(lines) < 0:\n",
        ("tests/display/test_screens.py::test_a_flood_is_whole_wherever_in_it_a_resize_comes",),
    ),
    Mutation(
        DESCRIPTORS,
        "                    self._reporter.watch(self)",
        "                    pass",
        ("tests/channels/test_patience.py",),
    ),
    Mutation(CHANNEL, 'getattr(cell, "patience", SLOWEST_LOOK)', "SLOWEST_LOOK", ("tests/channels/test_patience.py",)),
    Mutation(SHOW, "if getattr(self, name) is None", "if True", ("tests/display/test_settings.py",)),
    Mutation(SHOW, "            self._warned.add(asked)\n", "", ("tests/session/test_joined.py",)),
    Mutation(
        SHOW,
        "        self._catch_up()\n        began = RunStarted",
        "        began = RunStarted",
        ("tests/session/test_joined.py",),
    ),
    Mutation(SHOW, "            self._catch_up()\n", "", ("tests/session/test_joined.py",)),
    # a forked child is no worker, helpers may be killed, garbage costs one worker
    Mutation(WORKER_MAIN, "        self.forked = True\n", "", ("tests/backends/test_forked_children.py",)),
    Mutation(
        PROCESS,
        "self.orphaned = self._served and",
        "self.orphaned = False and",
        ("tests/backends/test_helpers_killed.py",),
    ),
    Mutation(
        DISPATCHER,
        "may be anything\n            worker.kill_for(error)\n",
        "may be anything\n            raise\n",
        ("tests/backends/test_odd_values.py",),
    ),
    Mutation(
        DISPATCHER,
        "            worker.kill_for(error)\n            left = False\n",
        "            left = False\n",
        ("tests/backends/test_refused_for_good.py",),
    ),
]


def survives(mutation: Mutation) -> str:
    """Return why the broken line went unnoticed; an empty text: a test failed, as it should."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        file = tree / mutation.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutation.line) != 1:
            return f"the line is there {text.count(mutation.line)} times: the list is out of date"
        file.write_text(text.replace(mutation.line, mutation.broken), encoding="utf-8")
        return _unnoticed(tree, mutation.tests)


def _unnoticed(tree: Path, tests: tuple[str, ...]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    if done.returncode == 1:
        return ""
    return "every test passed" if done.returncode == 0 else f"no test ran: {done.stdout[-500:]}{done.stderr[-500:]}"


def main() -> int:
    """Break each line and print what came of it."""
    words = sys.argv[1:]
    chosen = [one for one in MUTATIONS if not words or any(word in one.file + one.line for word in words)]
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        failed = 0
        for mutation, why in zip(chosen, pool.map(survives, chosen), strict=True):
            line = mutation.line.strip().split("\n")[0]
            print(f"    {'FAILS' if why else 'ok   '} {mutation.file}: {line}{f': {why}' if why else ''}", flush=True)
            failed += bool(why)
    print(f"{len(chosen)} lines broken, {failed} unnoticed, in {time.monotonic() - began:.0f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
