"""Wake-ups of a program that has nothing to show: voluntary context switches of all its threads over three seconds.

Counted from outside, in /proc. Every case is a program of its own, all are watched at once. The main thread waits in a
call of ours, or in one of the standard library's, where the heartbeat is in charge. Without a terminal a line may fall
due meanwhile: it is allowed what it takes, a switch of the owner and two of the metronome.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.rows import Row

SECONDS = 3.0
SETTLING = 5.0
"""Seconds that a program gets before the count: to start, to draw its first pictures and to slow down."""
PROGRAM = """
import sys, threading
import mainstage

never, there = threading.Event(), threading.Event()

def stuck_in_track():
    for _ in mainstage.track([1, 2, 3]):
        there.set()
        never.wait()

def blocked_task():
    with mainstage.task("blocked", total=3) as task:
        task.advance(1)
        there.set()
        never.wait()

work = {"no task": None, "track": stuck_in_track, "task": blocked_task}[sys.argv[1]]
with mainstage.Run() as run:
    if work is not None:
        threading.Thread(target=work, daemon=True).start()
        there.wait()
    if sys.argv[2] == "ours":
        run._wait_until(never.is_set)
    else:
        never.wait()
"""
CASES = ("no task", "track", "task")
PLACES = ("ours", "elsewhere")


class Watched(NamedTuple):
    """A program that idles, and where its terminal's other end is; None: it has none."""

    process: subprocess.Popen[bytes]
    master: int | None
    log: Path | None = None
    """Where it writes its lines without a terminal."""

    def lines(self) -> int:
        return 0 if self.log is None else self.log.read_bytes().count(b"\n")


def started(case: str, place: str, folder: Path, *, terminal: bool) -> Watched:
    names = ("CI", "GITHUB_ACTIONS", "ACCESSIBLE", "MAINSTAGE_VIEW")
    env = {name: value for name, value in os.environ.items() if name not in names}
    argv = [sys.executable, "-c", PROGRAM, case, place]
    if not terminal:
        log = folder / f"{case} {place}"
        with log.open("wb") as file:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env)
        return Watched(process, None, log)
    master, slave = pty.openpty()
    env["TERM"] = "xterm-256color"
    process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    return Watched(process, master)


def switches(process: int) -> int:
    """Return how often the threads of `process` have gone to sleep so far."""
    count = 0
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    count += int(line.split()[1])
    return count


def read_for(masters: list[int], seconds: float) -> None:
    """Take what the programs write for `seconds`, so that no terminal is full."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        for master in select.select(masters, [], [], left)[0]:
            os.read(master, 65536)


def counted(folder: Path) -> dict[tuple[str, str, bool], int]:
    """Return wake-ups by case, place and terminal, those for lines that were due left out."""
    keys = [(case, place, terminal) for terminal in (False, True) for case in CASES for place in PLACES]
    watched = {key: started(key[0], key[1], folder, terminal=key[2]) for key in keys}
    masters = [one.master for one in watched.values() if one.master is not None]
    try:
        read_for(masters, SETTLING)
        before = {key: (switches(one.process.pid), one.lines()) for key, one in watched.items()}
        read_for(masters, SECONDS)
        after = {key: (switches(one.process.pid), one.lines()) for key, one in watched.items()}
        assert all(one.process.poll() is None for one in watched.values())
    finally:
        for one in watched.values():
            one.process.kill()
            one.process.wait()
        for master in masters:
            os.close(master)
    return {key: max(0, after[key][0] - before[key][0] - 3 * (after[key][1] - before[key][1])) for key in keys}


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        found = counted(Path(folder))
    named = {"no task": "no task live", "track": "a track stuck in an item", "task": "a blocked task()"}
    rows = []
    for terminal in (False, True):
        for case in CASES:
            ours, elsewhere = found[case, "ours", terminal], found[case, "elsewhere", terminal]
            told = f"{ours}, main thread elsewhere {elsewhere}"
            name = f"idle 3 s, {named[case]}, {'a' if terminal else 'no'} terminal"
            target = 4 if terminal and case != "no task" else 0
            rows.append(Row(name, told, "", max(ours, elsewhere), target, "wake-ups"))
    return rows
