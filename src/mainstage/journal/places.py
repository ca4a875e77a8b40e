"""Where journals are found: a private folder of the user's, with a file or a link for each run that has one."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from itertools import count

from mainstage.core.clock import SystemClock
from mainstage.core.file_lock import lock_file
from mainstage.journal.format import SUFFIX, JournalError

KEPT = 7 * 24 * 3600.0
"""Seconds for which the journal of a run that ended badly stays there."""

_numbers = count(1)


def runtime_folder() -> str:
    """Return the folder, made if there is none: in $XDG_RUNTIME_DIR, else in the folder of temporary files.

    Raises `JournalError`: it is another user's, or others may write there.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.path.isdir(base):  # noqa: PTH112  # strings throughout
        folder = os.path.join(base, "mainstage")  # noqa: PTH118  # as above
    else:
        folder = os.path.join(tempfile.gettempdir(), f"mainstage-{_user()}")  # noqa: PTH118  # as above
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)  # noqa: PTH102  # as above
        found = os.lstat(folder)
    except OSError as error:
        raise JournalError(f"the folder of journals {folder} cannot be made: {error.strerror or error}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise JournalError(f"the folder of journals {folder} is none: remove what is there")
    if os.name == "posix" and (found.st_uid != os.getuid() or found.st_mode & 0o077):
        raise JournalError(f"the folder of journals {folder} is not yours alone: remove it, or chmod 700 it")
    return folder


def listed() -> list[str]:
    """Return the paths of the journals in the folder, and remove what a run left there `KEPT` ago that is over."""
    try:
        folder = runtime_folder()
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))  # noqa: PTH208  # as above
    except (JournalError, OSError):
        return []
    return [path for name in names if not _outdated(path := os.path.join(folder, name))]  # noqa: PTH118  # as above


def _outdated(path: str) -> bool:
    """Remove a journal whose run is gone, or the link to it; return whether it was removed."""
    try:
        if not os.path.exists(path):  # noqa: PTH110  # as above; a link whose file is gone
            os.unlink(path)  # noqa: PTH108  # as above
            return True
        if os.stat(path).st_mtime > SystemClock().wall() - KEPT:  # noqa: PTH116  # as above
            return False
        with open(path, "rb") as file:  # noqa: PTH123  # as above
            lock_file(file.fileno(), shared=True)
            os.unlink(path)  # noqa: PTH108  # as above
    except OSError:  # a live run writes it, or it is gone
        return False
    return True


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def new_place() -> str:
    """Return a path in that folder for a journal of this process."""
    return os.path.join(runtime_folder(), f"{os.getpid()}-{next(_numbers)}{SUFFIX}")  # noqa: PTH118  # as above


def link_to(path: str) -> str:
    """Put a link to the journal `path` into the folder and return its path; "" where none can be made."""
    try:
        place = new_place()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place)  # noqa: PTH108  # of a process of the same number, long ago
        os.symlink(path, place)  # noqa: PTH211  # as above
    except (JournalError, OSError):
        return ""
    return place
