"""What a worker in another process says to the run by itself: messages for its raw queues, and where it stands."""

from __future__ import annotations

import queue
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from mainstage.errors import QueueError, UnknownMessage
from mainstage.events import TaskStuck
from mainstage.tasks.messages import Progress, read_message
from mainstage.tasks.source_location import user_location
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable


class _Home:
    """How a message travels: set by the worker's process as it begins."""

    post: Callable[[int, Any], None] | None = None


parent_link = _Home()


def stall_report(now: float, task: int, attempt: int, since: float, thread: int | None = None) -> TaskStuck:
    """Return the event that tells where `thread` stands, which works on the task; None: this worker's main one."""
    ident = threading.main_thread().ident if thread is None else thread
    frame = sys._current_frames().get(ident or 0)  # noqa: SLF001  # the one way to its stack
    return TaskStuck(now, task, attempt, max(0.0, now - since), "" if frame is None else user_location(frame))


class DistantQueue(queue.Queue[Any]):
    """The sending side of a raw queue. `put` never blocks, and raises `Cancelled` as that of the queue itself."""

    def __init__(self, ident: int, description: str) -> None:
        super().__init__()
        self._ident = ident
        self.description = description

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002, FBT001, FBT002
        """Send one message. Raises `Unpicklable` for one that cannot travel."""
        if parent_link.post is None:
            raise QueueError(f"queue {self.description!r} of a run: its run is not to be reached from this process")
        parent_link.post(self._ident, item)
        task = ambient.get()
        if task is not None and _is_progress(item):
            task.resolve().check_cancelled()

    def get(self, block: bool = True, timeout: float | None = None) -> NoReturn:  # noqa: ARG002, FBT001, FBT002
        """Raise `QueueError`: messages go from workers to the run, and not back."""
        raise QueueError(f"queue {self.description!r} of a run: a worker process can put, not get")

    def __reduce__(self) -> tuple[Any, ...]:
        return DistantQueue, (self._ident, self.description)


def _is_progress(item: Any) -> bool:
    if type(item) is int:
        return True
    try:
        return isinstance(read_message(item), Progress)
    except UnknownMessage:
        return False
