"""Programs that do with their streams, threads and libraries what `mainstage exec` might stand in the way of.

Each says on stdout what it found; under `exec` it has to find the same, on a terminal and in a pipe.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.system.terminals import ROOT, Pty, environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAMS = ROOT / "tests/system/exec_programs"
EXEC = [sys.executable, "-m", "mainstage", "exec"]


class Program(NamedTuple):
    """A program, a row while it runs and how its last line begins, if it has these; what it needs beside the usual."""

    words: str
    row: str = ""
    last: str = ""
    needs: str = ""


PROGRAMS_TRIED = [
    Program("pickled_streams.py", needs="joblib"),
    Program("redirected_bars.py 0.05", "▸ shown", "✓ redirected_bars.py: 20 in"),
    Program("captured_bars.py", "▸ not captured", "✓ captured_bars.py: 20 in"),
    Program("library_internals.py", last="✓ library_internals.py: 8 done, 1 failed"),
    Program("dask_client.py", last="✓ dask_client.py: 3 done in", needs="distributed"),
    Program("threads_alone.py"),
    Program("green_threads.py gevent 0.05", "▸ steps", "✓ green_threads.py: 9 done", needs="gevent"),
    Program("green_threads.py eventlet 0.05", "▸ steps", "✓ green_threads.py: 9 done", needs="eventlet"),
]


def tried(program: Program) -> str:
    return program.words


def needs(library: str) -> None:
    if library and find_spec(library) is None:  # it is not to be imported here
        pytest.skip(f"{library} is not installed")


def in_pipes(*commands: Sequence[str]) -> list[tuple[list[str], int]]:
    """Run all at the same time; return what each writes to stdout, but for lines that tell times, and its status."""
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    running = [
        subprocess.Popen(argv, stdin=null, stdout=pipe, stderr=pipe, text=True, cwd=PROGRAMS, env=environment())
        for argv in commands
    ]
    ended = []
    for program in running:
        out, err = program.communicate(timeout=50)
        assert "mainstage" not in err.replace(str(ROOT), ""), err
        ended.append(([line for line in out.splitlines() if line and " in " not in line], program.returncode))
    return ended


@pytest.mark.parametrize("program", PROGRAMS_TRIED, ids=tried)
def test_it_finds_on_a_terminal_and_in_a_pipe_what_it_finds_without_us(program: Program) -> None:
    needs(program.needs)
    first, *more = program.words.split()
    (lines, status), ours = in_pipes([sys.executable, first, *more], [*EXEC, first, *more])
    assert status == 0
    assert ours == (lines, status)
    with Pty([*EXEC, str(PROGRAMS / first), *more], columns=80, rows=40) as shown:
        if program.row:
            shown.expect(program.row)
        assert shown.wait() == status, shown.screen.text
        screen = [line for line in shown.screen.lines() if line]
        assert not shown.screen.cursor_hidden
    assert [line for line in screen if line in lines] == lines, "\n".join(screen)
    assert [line for line in screen if line.startswith("✓")] == [line for line in screen[-1:] if program.last]
    assert screen[-1].startswith(program.last)
    assert not [line for line in screen if "▸" in line or "%|" in line or "Traceback" in line]


INTERRUPTED = """
from gevent import monkey
monkey.patch_all()
import gevent, time
from tqdm import tqdm
def work():
    for _ in tqdm(range(1000), desc="steps"):
        time.sleep(0.01)
try:
    gevent.spawn(work).join()
except KeyboardInterrupt:
    print("stopped, and", input("why? "))
"""


def test_ctrl_c_and_a_question_reach_a_program_of_green_threads(tmp_path: Path) -> None:
    needs("gevent")
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    with Pty([*EXEC, str(script)]) as program:
        program.expect("▸ steps")
        program.send(b"\x03")
        program.expect("why?")
        program.send(b"enough\n")
        assert program.wait() == 0
        assert "stopped, and enough" in program.screen.text


# --- before there is anything to show ---

LIGHT = """
import sys
known = {"rich", "msgspec", "concurrent.futures", "asyncio", "logging", "mainstage.run.display_session"}
print(sorted(known & set(sys.modules)))
import threading
print(threading.active_count(), sys.meta_path[0].__class__.__module__)
import signal
print([signal.getsignal(getattr(signal, name)) for name in ("SIGTERM", "SIGHUP", "SIGURG", "SIGWINCH")])
"""


def test_until_a_program_may_have_something_to_show_nothing_is_loaded_and_no_signal_taken(tmp_path: Path) -> None:
    script = tmp_path / "light.py"
    script.write_text(LIGHT)
    with Pty([*EXEC, str(script)], columns=120) as program:
        assert program.wait() == 0
        modules, threads, signals = program.screen.lines()[:3]
    assert modules == "[]"
    assert threads == "1 mainstage.cli.exec_start"
    assert signals.count("SIG_DFL") == 4


BEGUN = """
import io, sys, time
kept = sys.stdout
def tell(word, out=sys.stdout):
    out.write(word)
class Tee:
    def __init__(self, stream): self.stream, self.copy = stream, io.StringIO()
    def write(self, text): self.copy.write(text); return self.stream.write(text)
    def __getattr__(self, name): return getattr(self.stream, name)
sys.stdout = Tee(sys.stdout)
print("begun", end=" ", flush=True)
from concurrent.futures import ThreadPoolExecutor
from tqdm import tqdm
assert type(sys.stdout) is Tee
with ThreadPoolExecutor(2) as pool:
    list(pool.map(tell, ["one\\n", "two\\n"]))
    print("ended")
    for n in tqdm(range(20), desc="steps"):
        time.sleep(0.05)
tell("last\\n", kept)
print(repr(sys.stdout.copy.getvalue()))
"""


def test_streams_that_a_program_kept_or_replaced_before_the_display_came_lead_through_it(tmp_path: Path) -> None:
    script = tmp_path / "begun.py"
    script.write_text(BEGUN.replace("\\\\", "\\"))
    with Pty([*EXEC, str(script)]) as program:
        program.expect("▸ steps")
        assert program.wait() == 0
        lines = [line for line in program.screen.lines() if line]
    assert "begun ended" in lines
    assert [line.split()[-1] for line in lines if line.endswith(("one", "two"))] == ["one", "two"]
    assert "last" in lines
    assert "'begun ended\\n'" in lines
    assert lines[-1].startswith("✓ begun.py: 2 done")


SHADOWED = """
import sys
import queue
print("the program's own:", queue.OWN)
from tqdm import tqdm
for _ in tqdm(range(3)):
    pass
print("done", sys.path[0] == {folder!r})
"""


def test_modules_of_the_program_with_names_of_ours_are_the_program_s(tmp_path: Path) -> None:
    """The display loads what it needs from where it would have found it at the start."""
    (tmp_path / "rich.py").write_text("raise SystemExit('a module that is not to be imported')")
    (tmp_path / "queue.py").write_text("OWN = True")
    script = tmp_path / "shadowed.py"
    script.write_text(SHADOWED.format(folder=str(tmp_path)))
    with Pty([*EXEC, str(script)], columns=160) as program:
        assert program.wait() == 0
        text = program.screen.text
    assert "the program's own: True" in text
    assert "done True" in text
    assert "runs without a display" in text


FORKS = """
import os, sys
child = os.fork()
from tqdm import tqdm
for _ in tqdm(range(3), desc="bar"):
    pass
if child:
    os.waitpid(child, 0)
"""


def test_a_child_forked_before_has_no_display_and_the_parent_has(tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    (ours,) = in_pipes([*EXEC, "--view", "auto", str(script)])
    assert ours == ([], 0)
    with Pty([*EXEC, str(script)]) as program:
        assert program.wait() == 0
        text = program.screen.text
    assert text.count("bar: 100%") == 1, "the child's"
    assert "bar" not in text.replace("bar: ", "")
