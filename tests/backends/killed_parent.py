"""killed_parent.py METHOD FILE: workers that start programs and hang; their pids go to FILE."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import mainstage


def hang(file: str) -> None:
    program = subprocess.Popen(["sleep", "60"])
    with Path(file).open("a", encoding="ascii") as pids:
        pids.write(f"{os.getpid()} {program.pid}\n")
    threading.Event().wait(60)


if __name__ == "__main__":
    method, file = sys.argv[1:]
    with mainstage.Run(executor="process", mp_context=method, max_workers=2, view="silent") as run:
        for _ in range(2):
            run.submit(hang, file)
