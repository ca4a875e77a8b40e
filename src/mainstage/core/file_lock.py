"""Locks on whole files, between processes: held until the file is closed, and given up by whatever ends the process."""

from __future__ import annotations

import sys


def lock_file(fd: int, *, shared: bool = False) -> None:
    """Lock the open file until it is closed, at once or not at all; `BlockingIOError`: another process has it.

    Any number may hold it `shared`. A forked child has the lock too, for as long as it keeps the file open.
    """
    if sys.platform == "win32":
        _lock_on_windows(fd, shared=shared)
    else:
        import fcntl  # noqa: PLC0415  # Windows has none

        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def unlock_file(fd: int) -> None:
    """Give the lock up, the file stays open."""
    if sys.platform == "win32":
        _unlock_on_windows(fd)
    else:
        import fcntl  # noqa: PLC0415  # as above

        fcntl.flock(fd, fcntl.LOCK_UN)


if sys.platform == "win32":
    # One byte far beyond any end of the file: a lock keeps readers out there, of what is locked alone.
    import ctypes
    import msvcrt
    from ctypes import wintypes

    EXCLUSIVE, AT_ONCE = 0x2, 0x1

    def _place() -> ctypes.Array[ctypes.c_byte]:
        overlapped = (ctypes.c_byte * 32)()  # OVERLAPPED: two pointers, then the place in the file
        ctypes.c_uint64.from_buffer(overlapped, 2 * ctypes.sizeof(ctypes.c_void_p)).value = 1 << 62
        return overlapped

    def _lock_on_windows(fd: int, *, shared: bool) -> None:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        handle = wintypes.HANDLE(msvcrt.get_osfhandle(fd))
        flags = AT_ONCE if shared else AT_ONCE | EXCLUSIVE
        if not kernel.LockFileEx(handle, flags, 0, 1, 0, _place()):
            error = ctypes.WinError(ctypes.get_last_error())
            raise BlockingIOError(error.errno, error.strerror)

    def _unlock_on_windows(fd: int) -> None:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.UnlockFileEx(wintypes.HANDLE(msvcrt.get_osfhandle(fd)), 0, 1, 0, _place())
