"""A shell that minds one job and leaves modes alone: job.py FOLDER COMMAND...

When the job stops, the terminal's modes of then are written to FOLDER/stopped; it goes on once FOLDER/go is there.
"""
# ruff: noqa: T201  # the test reads what is printed

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from pathlib import Path


def main() -> None:
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        (folder / "stopped").write_text(repr(termios.tcgetattr(0)), encoding="utf-8")
        print("STOPPED", flush=True)
        while not (folder / "go").exists():
            time.sleep(0.02)
        os.killpg(job, signal.SIGCONT)


if __name__ == "__main__":
    main()
