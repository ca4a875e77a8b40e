"""Child processes: which are at work for their parent, and how one ends that was forked in the middle of a call."""

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


_forked_by = 0
"""The process that has forked this one, after this module was loaded; 0: none has."""


def works_for_parent() -> bool:
    """Return whether this process does a part of its parent's work, on whose terminal it is.

    It was started by `multiprocessing`, or forked, and its parent lives on.
    """
    module = sys.modules.get("multiprocessing.process")
    if module is not None and module.parent_process() is not None:
        return True
    return bool(_forked_by) and os.getppid() == _forked_by


def _after_in_child() -> None:
    global _forked_by  # noqa: PLW0603  # of the process
    _forked_by = os.getppid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
