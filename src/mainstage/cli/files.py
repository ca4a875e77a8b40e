"""The files that the command writes: what differs between POSIX and Windows, behind one door."""

from __future__ import annotations

import contextlib
import os
import sys

WINDOWS = os.name == "nt"


def open_file(path: str, flags: int, mode: int = 0o666) -> int:
    """Open `path` as `os.open` does, for bytes; no child inherits it."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), mode)


def lock(fd: int) -> None:
    """Lock the open file against other processes until it is closed; `BlockingIOError`: another has it."""
    if sys.platform == "win32":
        _lock_on_windows(fd)
    else:
        import fcntl  # noqa: PLC0415  # Windows has none

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


if sys.platform == "win32":

    def _lock_on_windows(fd: int) -> None:
        """Lock one byte far beyond any end of the file: locks keep readers out there, of what is locked alone."""
        import ctypes  # noqa: PLC0415  # a POSIX system has none of it
        import msvcrt  # noqa: PLC0415
        from ctypes import wintypes  # noqa: PLC0415

        exclusive_and_at_once = 0x3
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        overlapped = (ctypes.c_byte * 32)()  # OVERLAPPED: two pointers, then the place in the file
        ctypes.c_uint64.from_buffer(overlapped, 2 * ctypes.sizeof(ctypes.c_void_p)).value = 1 << 62
        handle = wintypes.HANDLE(msvcrt.get_osfhandle(fd))
        if not kernel.LockFileEx(handle, exclusive_and_at_once, 0, 1, 0, overlapped):
            error = ctypes.WinError(ctypes.get_last_error())
            raise BlockingIOError(error.errno, error.strerror)


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
