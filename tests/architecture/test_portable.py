"""What is left where POSIX is missing: everything imports, and work runs with lines of text for a display.

A fresh interpreter with the modules and signals that Windows lacks taken away; `.ci/windows` has a real Windows Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MISSING = ("termios", "tty", "fcntl", "pty", "pwd", "grp", "resource", "_posixsubprocess", "_posixshmem")
SIGNALS = (
    "SIGURG",
    "SIGTSTP",
    "SIGWINCH",
    "SIGHUP",
    "SIGCONT",
    "SIGALRM",
    "SIGCHLD",
    "SIGUSR1",
    "SIGUSR2",
    "SIGPIPE",
    "SIGKILL",
)

BLOCK = f"""
import os, select, signal, sys
import asyncio, click, concurrent.futures.process, logging.handlers, msgspec, pathlib, platform, pprint, queue, random
import rich.progress, shutil, subprocess, tempfile, tqdm, uuid  # the world's own imports are not the subject
import distributed, ray

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {MISSING!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {MISSING!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocked())
for name in {SIGNALS!r}:
    delattr(signal, name)
for name in ("pthread_kill", "pthread_sigmask", "siginterrupt", "setitimer", "alarm"):
    delattr(signal, name)
for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "ttyname", "tcgetpgrp", "getpgrp", "killpg", "fork"):
    delattr(os, name)
del os.register_at_fork
for name in ("poll", "epoll", "PIPE_BUF"):
    delattr(select, name)
os.name = "nt"
"""


def without_posix(code: str) -> str:
    """Run `code` in an interpreter without POSIX and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCK + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


IMPORT_ALL = """
import importlib, pkgutil, mainstage
for module in pkgutil.walk_packages(mainstage.__path__, "mainstage."):
    importlib.import_module(module.name)
print("imported")
"""

WORK = """
import mainstage

def work(n):
    for _ in mainstage.track(range(10), "inner"):
        pass
    mainstage.current_task().log(f"item {n}")
    if n == 3:
        raise ValueError("three")
    return n * n

with mainstage.Run("job", view=VIEW, max_workers=2, on_error="collect", retries=1, timeout=20) as run:
    future = run.submit(work, 5)
    squares = list(run.map(work, range(5)))
    queue = run.queue(total=2)
    queue.put(1)
    queue.put(1)
    assert future.result() == 25
assert [type(value).__name__ for value in squares] == ["int", "int", "int", "ValueError", "int"], squares
assert list(mainstage.map(abs, [-1, -2], view=VIEW)) == [1, 2]
print("worked")
"""


def test_every_module_imports_without_posix() -> None:
    assert without_posix(IMPORT_ALL) == "imported\n"


def test_a_run_and_a_map_work_without_posix_in_plain_lines() -> None:
    assert without_posix(WORK.replace("VIEW", "'plain'")) == "worked\n"


def test_a_run_and_a_map_work_without_posix_unasked() -> None:
    assert without_posix(WORK.replace("VIEW", "'auto'")) == "worked\n"


def test_a_run_and_a_map_work_without_posix_in_silence() -> None:
    assert without_posix(WORK.replace("VIEW", "'silent'")) == "worked\n"


COMMAND = """
import runpy
sys.argv = ["mainstage", *WORDS]
try:
    runpy.run_module("mainstage", run_name="__main__", alter_sys=True)
except SystemExit as end:
    print("status", end.code or 0)
"""


def test_map_runs_without_posix(tmp_path: Path) -> None:
    words = ["map", "builtins:len", "--joblog", str(tmp_path / "log"), "-k", "a", "bb"]
    first, second, end = without_posix(COMMAND.replace("WORDS", repr(words))).splitlines()
    assert (json.loads(first)["result"], json.loads(second)["result"], end) == (1, 2, "status 0")
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == 3


def test_map_refuses_folder_names_that_windows_does_not_take(tmp_path: Path) -> None:
    words = ["map", "builtins:len", "--results", str(tmp_path / "kept"), "a"]
    code = "sys.stderr = sys.stdout\n" + COMMAND.replace("WORDS", repr(words))
    assert "which Windows refuses: take --tag, or --log FILE" in without_posix(code)


def test_exec_runs_without_posix(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("import tqdm\nprint(sum(tqdm.tqdm(range(10))))\n", encoding="utf-8")
    assert without_posix(COMMAND.replace("WORDS", repr(["exec", str(script)]))) == "45\n"


def test_demo_runs_without_posix(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    assert without_posix(COMMAND.replace("WORDS", repr(["demo", str(tmp_path)]))).endswith("status 0\n")


def test_the_blocking_blocks() -> None:
    tried = "try:\n    import termios\nexcept ModuleNotFoundError:\n    print('blocked', hasattr(signal, 'SIGURG'))"
    assert without_posix(tried) == "blocked False\n"
