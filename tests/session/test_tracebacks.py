from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mainstage

OURS = str(Path(mainstage.__file__).parent)
WORK = "import mainstage\ndef f(x):\n    raise ValueError(x)\n"


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("mainstage.Run(max_workers='8')", "TypeError: max_workers must be a whole number, not '8'"),
        ("list(mainstage.map(f, [1], on_error='no'))", "ValueError: on_error='no' is not one of"),
        ("list(mainstage.map(f, [1]))", "ValueError: 1"),
        ("with mainstage.Run() as run:\n    run.submit(f, 1).result()", "ValueError: 1"),
        ("with mainstage.Run() as run:\n    run.submit(f, 1)", "ValueError: 1"),
        (
            "try: list(mainstage.map(f, [1]))\nexcept ValueError as e: raise KeyError('after') from e",
            "KeyError: 'after'",
        ),
        ("try: list(mainstage.map(f, [1]))\nexcept ValueError as e: raise ExceptionGroup('two', [e])", "ValueError: 1"),
        (
            "from mainstage.futures import ThreadPoolExecutor as T\nwith T() as p: p.submit(f, 1).result()",
            "ValueError: 1",
        ),
    ],
)
def test_a_traceback_that_ends_the_program_has_no_frame_of_ours(tmp_path: Path, code: str, last: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"{WORK}{code}\n")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert OURS not in done.stderr
    assert "program.py" in done.stderr
    assert last in done.stderr


def test_a_hook_of_the_programs_own_stays(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, mainstage\nmine = lambda *error: print('mine')\nsys.excepthook = mine\n"
        "with mainstage.Run(): pass\nassert sys.excepthook is mine\nmainstage.Run(max_workers='8')\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("mine\n", "")
