"""Where the work runs: what workers report with."""

from mainstage.worker.stepwise import stepwise
from mainstage.worker.task import Task, current_task, task
from mainstage.worker.track import track

__all__ = ["Task", "current_task", "stepwise", "task", "track"]
