"""What the workers of a program that ends badly share with it: in its memory, or, across processes, in files.

Files, and not the primitives of `multiprocessing`: a worker that is killed leaves none of them locked.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK = 0.005


class FileCount:
    """A semaphore that any process may release, and one takes from."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._taken = 0

    def release(self) -> None:
        """Count one more."""
        append(self._path, b"x")

    def acquire(self) -> None:
        """Wait until there is one more than before."""
        while not Path(self._path).exists() or Path(self._path).stat().st_size <= self._taken:
            time.sleep(LOOK)
        self._taken += 1


class FileFlag:
    """An event."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def set(self) -> None:
        """Let it have happened."""
        self._path.touch()

    def is_set(self) -> bool:
        """Return whether it has happened."""
        return self._path.exists()

    def wait(self, timeout: float) -> None:
        """Wait until it has."""
        ends = time.monotonic() + timeout
        while not self.is_set() and time.monotonic() < ends:
            time.sleep(LOOK)


class FileList:
    """A list of small numbers that any process may append to."""

    def __init__(self, path: str) -> None:
        self._path = path

    def append(self, number: int) -> None:
        """Add one."""
        append(self._path, struct.pack("<q", number))

    def __iter__(self) -> Iterator[int]:
        data = Path(self._path).read_bytes() if Path(self._path).exists() else b""
        return iter([number for (number,) in struct.iter_unpack("<q", data)])


def append(path: str, data: bytes) -> None:
    """Add to a file; small pieces come whole."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, data)
    os.close(fd)


class Ground:
    """All of it, kept in files beside `file` if `across` processes."""

    def __init__(self, file: str, *, across: bool) -> None:
        self.began = float(os.environ.setdefault("FAULTS_BEGAN", str(time.monotonic())))
        self.arrived: FileCount | threading.Semaphore = threading.Semaphore(0)
        self.started: FileCount | threading.Semaphore = threading.Semaphore(0)
        self.over: FileFlag | threading.Event = threading.Event()
        """Set when the work of a program that ends well may end."""
        self.here: FileFlag | threading.Event = threading.Event()
        self.told: FileList | list[int] = []
        """For each worker that was told: how often."""
        self.begun: FileList | list[int] = []
        """The items of a map that were begun."""
        self.wrote: FileList | list[int] = []
        """The worker of each line that was written in a flood."""
        if across:
            self.arrived, self.started = FileCount(f"{file}.arrived"), FileCount(f"{file}.started")
            self.over, self.here = FileFlag(f"{file}.over"), FileFlag(f"{file}.here")
            self.told, self.begun, self.wrote = (FileList(f"{file}.{name}") for name in ("told", "begun", "wrote"))
            FileList(f"{file}.pids").append(os.getpid())
