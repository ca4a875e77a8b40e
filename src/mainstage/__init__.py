"""Concurrent work under one live display: the main thread renders, workers report, queues are the contract.

    futures, aio        the standard library's names over a run
    dashboard, testing  composed layouts; fakes for your tests
    run/                one live run: `Run` and `map`, the render loop, signals, shutdown
    events, errors      the contract: what happened goes one way; `core/commands`, what is asked for, goes the other
    tasks/              what a worker reports with: track, task, the raw queue, capture; never Rich, never a terminal
    channels/ pool/     how events cross a border; who runs the work and settles its future
    ui/                 from events to bytes: one reducer changes the state, views are pure, displays alone write
    core/ cli/          clock, codec, pickling; the command

The worker side is imported at once, all else on first use: a worker process never pays for the display.
"""

from __future__ import annotations

from mainstage._typing import TYPE_CHECKING
from mainstage.errors import (
    Cancelled,
    DisplayError,
    MainstageError,
    QueueError,
    TaskTimeout,
    Terminated,
    UnknownMessage,
)
from mainstage.tasks.stepwise import stepwise
from mainstage.tasks.task import Task, current_task, task
from mainstage.tasks.track import status, track

if TYPE_CHECKING:
    from mainstage import aio, futures
    from mainstage.dashboard import Dashboard
    from mainstage.run.joblib import joblib
    from mainstage.run.map import map  # noqa: A004  # the builtin's name on purpose: `mainstage.map`
    from mainstage.run.run import Run

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "Dashboard",
    "DisplayError",
    "MainstageError",
    "QueueError",
    "Run",
    "Task",
    "TaskTimeout",
    "Terminated",
    "UnknownMessage",
    "__version__",
    "aio",
    "current_task",
    "futures",
    "joblib",
    "map",
    "status",
    "stepwise",
    "task",
    "track",
]

_LATER = {
    "Dashboard": "mainstage.dashboard",
    "Run": "mainstage.run.run",
    "aio": "mainstage.aio",
    "futures": "mainstage.futures",
    "joblib": "mainstage.run.joblib",
    "map": "mainstage.run.map",
}
"""Where the names live that are loaded on first use."""

if not TYPE_CHECKING:  # to a checker the names above are all there is

    def __getattr__(name: str) -> object:
        """Load a public name on first use and keep it; `AttributeError` for any other."""
        if name not in _LATER:
            raise AttributeError(f"module 'mainstage' has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415  # only who asks for more pays for it

        module = import_module(_LATER[name])
        value: object = module if name in ("aio", "futures") else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return __all__
