"""The show is not the work: with no heartbeat, and with an owner that never pumps, all but frames is the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.terminals import Pty, environment

PROGRAM = str(Path(__file__).parent / "programs" / "no_owner.py")
SOON = 10.0
OWNERS = pytest.mark.parametrize("owner", ["awake", "asleep", "heartless", "silent"])
FRAME = b"\x1b[?2026h"


def outcome(owner: str, case: str) -> tuple[int, str, str]:
    """Run one case; return its status and what it wrote to stdout, and to stderr."""
    done = subprocess.run(
        [sys.executable, PROGRAM, owner, case],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(),
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


@OWNERS
def test_results_errors_retries_timeouts_and_cancels_are_the_same(owner: str) -> None:
    status, out, err = outcome(owner, "outcomes")
    assert status == 0, err
    assert json.loads(out) == {
        "results": [n * n for n in range(50)],
        "map": [n * n for n in range(500)],
        "unordered": [n * n for n in range(500)],
        "error": "ValueError: no 3",
        "collected": [1.0, "ZeroDivisionError", 0.5],
        "skipped": [1.0, 0.5],
        "attempts": 3,
        "given up": ["OSError: not today", 2],
        "timeout": "TaskTimeout",
        "abandoned": "TaskTimeout",
        "cancelled": "CancelledError",
        "queue": 100,
        "queue failed": "QueueError",
        "as completed": 20,
        "waited": [20, 0],
        "generator": [0, 1],
        "futures": [n * n for n in range(20)],
    }


STATUSES = {
    "fine": (0, ""),
    "uncaught": (1, "ValueError: no 3"),
    "unlooked": (1, "ValueError: no 3"),
    "mapped": (1, "ValueError: no 3"),
    "queued": (1, "QueueError"),
    "caught": (0, ""),
    "collected": (0, ""),
    "exit": (5, ""),
    "worker-exit": (6, ""),
    "interrupt-once": (-signal.SIGINT, ""),
    "interrupt-map": (-signal.SIGINT, ""),
    "interrupt-end": (-signal.SIGINT, ""),
    "terminate": (-signal.SIGTERM, ""),
    "interrupt-stuck": (-signal.SIGINT, ""),
}


@pytest.mark.parametrize("owner", ["asleep", "heartless"])  # the others: test_interrupts.py and tests/session
@pytest.mark.parametrize("case", list(STATUSES))
def test_the_exit_status_of_a_program_is_the_same(owner: str, case: str) -> None:
    expected, said = STATUSES[case]
    status, _, err = outcome(owner, case)
    assert status == expected, err
    assert said in err
    if expected < 0:
        assert "Traceback" not in err


JOBS = """
import sys, time
import mainstage
from mainstage.run.display_session import DisplaySession
DisplaySession.owner_asleep = True
def work(text):
    if text == "bad":
        raise ValueError("bad")
    if text.startswith("slow"):
        open("begun", "w").close()
        mainstage.current_task().sleep(60)
    return len(text)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(JOBS, encoding="utf-8")
    return tmp_path


COMMAND = [sys.executable, "-m", "mainstage", "map", "jobs.py:work"]


@pytest.mark.parametrize(("inputs", "status"), [(["a", "bb"], 0), (["a", "bad", "bb"], 1)])
def test_the_command_ends_as_ever_with_an_owner_that_never_pumps(folder: Path, inputs: list[str], status: int) -> None:
    done = subprocess.run(
        [*COMMAND, *inputs, "--out", "r.jsonl"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(),
        check=False,
    )
    assert done.returncode == status, done.stderr
    lines = [json.loads(line) for line in (folder / "r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["input"]: line.get("result") for line in lines} == {
        text: None if text == "bad" else len(text) for text in inputs
    }


def test_the_command_dies_of_ctrl_c_with_an_owner_that_never_pumps(folder: Path) -> None:
    words = [*COMMAND, "a", "slow", "bb", "--out", "r.jsonl", "-j", "2"]
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        wait_for(folder / "begun", process)
        wait_for(folder / "r.jsonl", process, lines=2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SOON)
    assert process.returncode == -signal.SIGINT, err
    assert err.count("resume with:") == 1
    assert "Traceback" not in err


def wait_for(path: Path, process: subprocess.Popen[str], *, lines: int = 0) -> None:
    """Wait until `path` is there and has as many lines."""
    import time  # noqa: PLC0415  # for this alone

    deadline = time.monotonic() + SOON
    while not (path.exists() and len(path.read_bytes().splitlines()) >= lines):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("owner", ["heartless", "asleep"])
def test_the_work_is_done_on_a_terminal_too_and_only_frames_are_missing(owner: str) -> None:
    with Pty([sys.executable, PROGRAM, owner, "blocked"]) as program:
        assert program.wait(SOON) == 0, program.screen.text
        before, _, _ = bytes(program.output).partition(b"UNBLOCKED")
        assert before.count(FRAME) == 0
        assert re.search(r"RESULT 45$", program.screen.text, re.MULTILINE)
        assert "10 done" in program.screen.text
        assert os.linesep.join(program.screen.lines()).count("▸") == 0
