"""Concurrent work under one live display: the main thread renders, workers report, queues are the contract.

    session, mapping    `Run` and `map`: they pick backend, view and display and hand them to the loop
    futures, aio        the standard library's names over the same thing
    loop, interrupts    the one owner: receives events, reduces, draws; signals and keys become commands
    events, commands    the contract: what happened goes one way, what is asked for goes the other
    worker/             where the work runs: track, task, the reporter; never Rich, never a terminal
    channels/ backends/ how events cross a border; who runs the work and settles its future
    state/              what is known of the run: one reducer changes it
    views/ display/     from state to lines, pure; from lines to bytes, the only code that writes
    cli/ testing        the command; the fakes that our tests use, for yours

The worker side is imported at once, all else on first use: a worker process never pays for the display.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.errors import (
    Cancelled,
    DisplayError,
    MainstageError,
    QueueError,
    TaskTimeout,
    Terminated,
    UnknownMessage,
)

if TYPE_CHECKING:
    from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "DisplayError",
    "MainstageError",
    "QueueError",
    "TaskTimeout",
    "Terminated",
    "UnknownMessage",
    "__version__",
]
