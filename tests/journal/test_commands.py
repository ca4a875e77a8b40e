"""`--journal` of the commands."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.journal.records import reduced

from mainstage.journal.reader import JournalReader

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
def job(name):
    time.sleep(0.15)
    if name == "no":
        raise ValueError("told")
with ThreadPoolExecutor(2) as pool:
    list(map(lambda future: future.exception(), [pool.submit(job, name) for name in sys.argv[1:]]))
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "mainstage", *words], capture_output=True, text=True, check=False)


def test_map_records_what_it_does(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    words = ["map", "builtins:int", "1", "2", "x", "--journal", str(path), "--out", str(tmp_path / "out")]
    assert run(*words).returncode == 1
    state = reduced(path)
    assert (state.title, state.counts.done, state.counts.failed) == ("builtins:int", 2, 1)
    assert b"'x'" in path.read_bytes()
    ran = run("journal", str(path))
    assert ran.stdout.splitlines()[0].startswith("builtins:int: process ")
    assert ran.stdout.splitlines()[2] == "2 done, 1 failed, 0 cancelled, 0 running"


def test_map_leaves_inputs_out_where_it_is_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    words = ["map", "builtins:len", "hunter2", "hunter3", "--journal", str(path), "--no-inputs"]
    assert run(*words).returncode == 0
    assert reduced(path).counts.done == 2
    assert b"hunter" not in path.read_bytes()


def test_map_refuses_a_place_that_is_not_a_journals(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    ran = run("map", "builtins:int", "1", "--journal", str(tmp_path / "x"))
    assert ran.returncode == 2
    assert "x is no journal, and is not replaced by one: name another file" in ran.stderr


def test_exec_records_what_the_program_does(tmp_path: Path) -> None:
    program, path = tmp_path / "program.py", tmp_path / "run.msj"
    program.write_text(PROGRAM)
    ran = run("exec", "--journal", str(path), str(program), "yes", "no")
    assert (ran.returncode, ran.stdout) == (0, "")
    state = reduced(path)
    assert (state.counts.done, state.counts.failed) == (1, 1)
    with JournalReader(path) as journal:
        assert journal.header.argv[-3:] == (str(program), "yes", "no")
    ran = run("exec", "--journal", str(tmp_path / "no" / "x"), str(program))
    assert ran.returncode == 2
    assert "cannot be made: No such file or directory" in ran.stderr
