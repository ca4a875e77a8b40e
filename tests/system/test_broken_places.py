"""The place that is drawn on breaks: the work goes on, results are right, and the exit status says what happened."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.terminals import ROW_MARKS, Pty, environment

PROGRAM = str(Path(__file__).parent / "programs" / "places.py")
WANTED = repr([n * n for n in range(16)])
PYTHON = f"exec {sys.executable} {PROGRAM}"


def shell(command: str, out: Path) -> int:
    script = command.format(program=f"{sys.executable} {PROGRAM} {out}")
    done = subprocess.run(["bash", "-c", script], stderr=subprocess.DEVNULL, env=environment(), check=False, timeout=30)
    return done.returncode


def result(out: Path) -> str:
    return out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("{program} 2>/dev/full >/dev/null", 0),  # only the display is lost
        ("{program} 2>&- >/dev/null", 0),
        ("{program} >/dev/null 2> >(exec 0<&-)", 0),  # EPIPE
    ],
    ids=["full", "closed", "pipe"],
)
def test_a_display_that_breaks_costs_nothing_else(command: str, status: int, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert shell(command, out) == status
    assert result(out) == WANTED


@pytest.mark.parametrize("where", ["/dev/full", "&-"], ids=["full", "closed"])
def test_a_stdout_that_takes_nothing_is_the_programs_own_trouble(where: str, tmp_path: Path) -> None:
    """As without us: a write to a closed stdout does nothing or raises where it stands, and the status says so."""
    out, bare = tmp_path / "out", tmp_path / "bare"
    plain = f'{sys.executable} -c "import sys; [sys.stdout and print(1, flush=True) for _ in [0]]" >{where}'
    expected = shell(plain, bare)
    status = shell("{program} 2>/dev/null >" + where, out)
    assert (status != 0) == (expected != 0)


@pytest.mark.parametrize("hangup", ["default", "ignored"])
def test_a_terminal_that_vanishes(hangup: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    trap = "trap '' HUP; " if hangup == "ignored" else ""
    program = Pty(["sh", "-c", f"{trap}{PYTHON} {out}"], columns=80, rows=24)
    try:
        program.until(lambda: any(line.startswith(ROW_MARKS) for line in program.screen.lines()), what="rows")
        os.close(program._master)
        status = program.process.wait(30)
    finally:
        if program.process.poll() is None:
            program.process.kill()
    if hangup == "ignored":
        assert status == 0
        assert result(out) == WANTED
    else:
        assert status == -signal.SIGHUP
        assert not out.exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"], ids=["stdout", "stderr", "all"])
@pytest.mark.parametrize("executor", ["thread", "process"])
def test_nothing_of_ours_takes_the_place_of_a_stream_that_the_shell_has_closed(
    closed: str, executor: str, tmp_path: Path
) -> None:
    """What C code, or a child, writes to descriptor 1 or 2 would go into our log, or a worker's pipe."""
    program = tmp_path / "program.py"
    program.write_text(STRAY, encoding="utf-8")
    log, out = tmp_path / "log", tmp_path / "out"
    shell = f"exec {sys.executable} {program} {executor} {log} {out} {closed}"
    with Pty(["sh", "-c", shell]) as terminal:
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.screen.text
    assert result(out) == repr(list(range(8)))
    lines = result(log).splitlines()
    assert "run ended" in lines[-1]
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in lines)


STRAY = """
import os, sys, mainstage
def stray(n):
    for number in (0, 1, 2):
        try:
            os.write(number, b"stray bytes\\n")
        except OSError:
            pass
    return n
if __name__ == "__main__":
    with mainstage.Run("Work", executor=sys.argv[1], max_workers=2, log=sys.argv[2]) as run:
        results = list(run.map(stray, range(8)))
    with open(sys.argv[3], "w") as file:
        file.write(repr(results))
"""
