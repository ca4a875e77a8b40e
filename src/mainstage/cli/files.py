"""The files that the command writes: what differs between POSIX and Windows, behind one door."""

from __future__ import annotations

import contextlib
import os

WINDOWS = os.name == "nt"


def open_file(path: str, flags: int, mode: int = 0o666) -> int:
    """Open `path` as `os.open` does, for bytes; no child inherits it."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), mode)


def sync_folder(path: str) -> None:
    """Sync the name of the file `path` to the disk; Windows has no such call."""
    if WINDOWS:
        return
    fd = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120  # strings throughout
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse; the file itself is synced
            os.fsync(fd)
    finally:
        os.close(fd)
