"""Main programs that worker processes cannot import: what is wrong is said in a line, and nothing is started again."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

UNGUARDED = """
import sys, mainstage
def square(x): return x * x
print("imported")
with mainstage.Run(executor="process", mp_context=sys.argv[1], max_workers=2, view="silent") as run:
    print(list(run.map(square, range(5))))
"""
BLIND = "import sys; sys.modules['cloudpickle'] = None\n"
"""As if it were not installed."""


def run(arguments: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_script_without_a_guard_is_told_of_it(method: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    ended = run([str(script), method])
    assert ended.returncode == 1
    assert "if __name__ == '__main__':" in ended.stderr
    assert len(ended.stderr.splitlines()) < 15
    assert ended.stdout.count("imported") <= 3


def test_a_script_without_a_guard_runs_by_fork(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    assert run([str(script), "fork"]).stdout == "imported\n[0, 1, 4, 9, 16]\n"


@pytest.mark.parametrize("where", ["stdin", "-c"])
def test_a_program_that_is_no_file_runs_with_cloudpickle_and_is_told_of_it_without(where: str) -> None:
    pytest.importorskip("cloudpickle")

    def started(program: str) -> subprocess.CompletedProcess[str]:
        return run(["-", "forkserver"], program) if where == "stdin" else run(["-c", program, "forkserver"])

    assert started(UNGUARDED).stdout == "imported\n[0, 1, 4, 9, 16]\n"
    ended = started(BLIND + UNGUARDED)
    assert ended.returncode == 1
    assert "put it into a file, or install mainstage[cloudpickle]" in ended.stderr
    assert len(ended.stderr.splitlines()) < 15


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_instances_of_its_classes_travel_too(method: str) -> None:
    pytest.importorskip("cloudpickle")
    program = """
import sys, mainstage
class Box:
    def __init__(self, n): self.n = n
def unpack(box): return box.n, Box(box.n + 1)
with mainstage.Run(executor="process", mp_context=sys.argv[1], max_workers=1, view="silent", on_error="collect") as run:
    print(run.submit(getattr, Box(3), "n").result())
    for n, box in run.map(unpack, [Box(n) for n in range(200)]):
        assert box.n == n + 1 and type(box) is Box, box
    print(list(run.map(str, ["__main__", 4])))
"""
    ended = run(["-c", program, method])
    assert (ended.stdout, ended.stderr) == ("3\n['__main__', '4']\n", "")


def test_a_program_typed_at_a_prompt_runs_with_cloudpickle_and_is_told_of_it_without() -> None:
    pytest.importorskip("cloudpickle")
    typed = """
import mainstage
def square(x): return x * x

run = mainstage.Run(executor="process", mp_context="forkserver", max_workers=2, view="silent", on_error="collect")
with run: print(list(run.map(square, range(5))))

"""
    assert run(["-i"], typed).stdout == "[0, 1, 4, 9, 16]\n"
    told = run(["-i"], BLIND + typed).stdout
    assert "put it into a file, or install mainstage[cloudpickle]" in told
    assert "not found" not in told


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_main_program_that_fails_to_import_breaks_the_pool_at_once(method: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"if __name__ != '__main__': raise RuntimeError('no such thing here')\n{UNGUARDED}", encoding="utf-8"
    )
    ended = run([str(script), method])
    assert ended.returncode == 1
    assert ended.stderr.count("no such thing here") <= 4  # the line and its error, of two workers
    assert "worker processes do not come up" in ended.stderr


def test_a_lambda_travels_with_cloudpickle_and_is_named_without(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    program = """
import mainstage
if __name__ == "__main__":
    with mainstage.Run(executor="process", mp_context="spawn", max_workers=1, view="silent", on_error="collect") as run:
        n = 3
        future = run.submit(lambda x: x + n, 4)
        print(future.exception() or future.result())
"""
    script = tmp_path / "script.py"
    script.write_text(program, encoding="utf-8")
    assert run([str(script)]).stdout == "7\n"
    script.write_text(BLIND + program, encoding="utf-8")
    told = run([str(script)]).stdout
    assert "<lambda>" in told
    assert "mainstage[cloudpickle]" in told
