"""The end of a forked child that has come back to the loop which runs the work of its parent."""

from __future__ import annotations

import contextlib
import os
import sys

from mainstage._typing import TYPE_CHECKING
from mainstage.errors import is_instance, traceback_of

if TYPE_CHECKING:
    from typing import NoReturn


def end_forked_child(error: BaseException | None) -> NoReturn:
    """End this process, a child that a task has forked, as the task ended in it: it returned, or raised `error`.

    The loop around it is its parent's: what it would do next is done there. The exit status is that of a program that
    ends so; exit hooks are the parent's too, and do not run.
    """
    status = 0
    if error is not None:
        status = _status_of(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # it may be closed, or nothing at all
            stream.flush()
    os._exit(status)


def _status_of(error: BaseException) -> int:
    """Tell of `error` on stderr, as the interpreter would; return the exit status."""
    if not is_instance(error, SystemExit):
        with contextlib.suppress(BaseException):  # it may be of any class, and the hook anybody's
            sys.excepthook(type(error), error, traceback_of(error))
        return 1
    code = error.code
    if code is None or type(code) is int:
        return (code or 0) & 0xFF
    with contextlib.suppress(BaseException):  # as above
        sys.stderr.write(f"{code}\n")
    return 1
