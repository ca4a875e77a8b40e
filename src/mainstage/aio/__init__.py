"""asyncio under a display: its own names, whose coroutines are shown; the event loop's own thread draws.

Signatures and semantics are asyncio's. What is begun belongs to the run whose `async with mainstage.Run(...)` block it
stands in, else to the run that is live; where none is, to one that is opened on the main thread and ends when nothing
is under way any more.
"""

from __future__ import annotations

from mainstage.aio.gather import as_completed, gather
from mainstage.aio.map import map  # noqa: A004  # the builtin's name on purpose: `aio.map`
from mainstage.aio.taskgroup import TaskGroup
from mainstage.aio.threads import run_in_executor, to_thread

__all__ = ["TaskGroup", "as_completed", "gather", "map", "run_in_executor", "to_thread"]
