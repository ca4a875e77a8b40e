"""The job log: GNU parallel's own columns, so that what reads its logs reads ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mainstage.cli.files import open_file
from mainstage.cli.resumable_results import write_fully
from mainstage.cli.shell import join
from mainstage.errors import TaskTimeout, is_instance

if TYPE_CHECKING:
    from mainstage.cli.inputs import JobInput
    from mainstage.pool.results import ItemOutcome

COLUMNS = ("Seq", "Host", "Starttime", "JobRuntime", "Send", "Receive", "Exitval", "Signal", "Command")
HERE = ":"
"""What GNU parallel calls the local machine."""
KILLED = -1
"""Exitval of a job that was over its timeout, as GNU parallel has it."""


class JobLog:
    """A log of jobs, open for writing; a leading "+" in the name appends. `OSError` where it cannot be written."""

    def __init__(self, name: str, target: str, *, append: bool) -> None:
        """Open `name`; `append` as if it had the "+"."""
        path = name.removeprefix("+")
        end = os.O_APPEND if append or name.startswith("+") else os.O_TRUNC
        self._fd = open_file(path, os.O_WRONLY | os.O_CREAT | end)
        self._target = target
        if os.fstat(self._fd).st_size == 0:
            write_fully(self._fd, ("\t".join(COLUMNS) + "\n").encode())

    def append(self, job: JobInput, outcome: ItemOutcome, *, started: float, received: int) -> None:
        """Log one job: `started` in seconds since the epoch, `received` bytes of result."""
        exitval = 0 if outcome.error is None else KILLED if is_instance(outcome.error, TaskTimeout) else 1
        command = join(["mainstage", "map", self._target, job.input])
        fields = (job.seq, HERE, f"{started:.3f}", f"{outcome.seconds:10.3f}", 0, received, exitval, 0, command)
        line = "\t".join(map(str, fields)) + "\n"
        write_fully(self._fd, line.encode(errors="backslashreplace"))

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
