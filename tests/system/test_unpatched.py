"""What is kept of the standard library stays what it is in a program that gevent or eventlet has patched."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib.util import find_spec

import pytest
from tests.system.terminals import environment

from mainstage.core.unpatched import Flag, NativeThread

PATCHES = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
    "eventlet": "import warnings; warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch()",
}
KEPT = "from mainstage.core import unpatched as u; print(u.allocate_lock, u.get_ident, u.poll, u.read, u.write)"
REFUSED = """
import mainstage
try:
    with mainstage.Run(executor="process", view="silent"):
        pass
except mainstage.MainstageError as error:
    print(error)
with mainstage.Run(max_workers=2, view="silent") as run:
    print(sorted(run.map(abs, [-1, -2])))
"""


def needs(library: str) -> None:
    if find_spec(library) is None:  # it is not to be imported here
        pytest.skip(f"{library} is not installed")


def told_by(code: str) -> str:
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(), timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("library", PATCHES)
def test_what_is_kept_is_python_s_own_whichever_came_first(library: str) -> None:
    needs(library)
    plain = told_by(KEPT)
    assert plain.count("<built-in function ") == 5
    assert told_by(f"{PATCHES[library]}\n{KEPT}") == plain
    assert told_by(f"import mainstage.core.unpatched\n{PATCHES[library]}\n{KEPT}") == plain


@pytest.mark.parametrize("library", PATCHES)
def test_worker_processes_are_refused_with_a_reason_and_threads_are_not(library: str) -> None:
    needs(library)
    reason, found = told_by(f"{PATCHES[library]}\n{REFUSED}").splitlines()
    assert f"which {library} has replaced" in reason
    assert found == "[1, 2]"


def test_a_native_thread_is_none_that_the_program_sees() -> None:
    begun, end = Flag(), Flag()
    seen: list[int] = []

    def run() -> None:
        seen.append(threading.get_ident())
        begun.set()
        end.wait(30)

    thread = NativeThread(run)
    assert (thread.ident, thread.is_alive()) == (0, False)
    before = threading.enumerate()
    thread.start()
    assert begun.wait(30)
    assert set(threading.enumerate()) <= set(before)  # those of tests before it may end
    assert seen == [thread.ident]
    assert not thread.is_current()
    thread.join(0)
    assert thread.is_alive()
    end.set()
    thread.join(30)
    assert not thread.is_alive()


FORKING = """
import os, sys, threading
from mainstage.core.unpatched import in_main_thread
def fork():
    child = os.fork()
    if not child:
        os._exit(0 if in_main_thread() else 1)
    print(in_main_thread(), os.waitpid(child, 0)[1])
thread = threading.Thread(target=fork)
thread.start()
thread.join()
"""


def test_the_thread_that_forks_is_the_main_one_of_the_child() -> None:
    assert told_by(FORKING) == "False 0\n"
