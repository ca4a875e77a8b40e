"""Who does the work: what each worker has in hand, and how much of its time it was busy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainstage.ui.state.task import TaskState


class WorkerState:
    """One worker that was ever seen: a thread, a process, an event loop. Only the reducer changes it."""

    __slots__ = ("changed_at", "done", "failed", "name", "seen_at", "spent", "tasks")

    def __init__(self, name: str, at: float) -> None:
        self.name = name
        self.seen_at = at
        """When its first task began."""
        self.tasks: dict[int, TaskState] = {}
        """The running tasks it has in hand, nested ones too, in the order in which they started."""
        self.changed_at = at
        """When it last became busy, or idle."""
        self.spent = 0.0
        """Seconds that it was busy before `changed_at`."""
        self.done = 0
        """Top-level tasks that ended here, well or not."""
        self.failed = 0
        """Those of them that failed."""

    def take(self, task: TaskState, at: float) -> None:
        """Called when the worker starts `task`."""
        if not self.tasks:
            self.changed_at = max(at, self.changed_at)
        self.tasks[task.id] = task

    def put_down(self, task: TaskState, at: float) -> None:
        """Called when the worker has ended `task`."""
        del self.tasks[task.id]
        if not self.tasks:
            self.spent += max(0.0, at - self.changed_at)
            self.changed_at = max(at, self.changed_at)

    def did(self, number: int, seconds: float, at: float) -> None:
        """Count `number` short tasks that took `seconds` together and were never started one by one."""
        self.done += number
        self.spent += seconds
        if not self.tasks:
            self.changed_at = max(at, self.changed_at)

    def busy(self, now: float) -> float:
        """Return the part of its time, from its first task to `now`, that it was busy: within 0.0 and 1.0."""
        seconds = now - self.seen_at
        if seconds <= 0.0:
            return 1.0 if self.tasks else 0.0
        spent = self.spent + (max(0.0, now - self.changed_at) if self.tasks else 0.0)
        return min(1.0, spent / seconds)
