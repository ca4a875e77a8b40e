"""Where the work runs: what workers report with."""

from mainstage.tasks.stepwise import stepwise
from mainstage.tasks.task import Task, current_task, task
from mainstage.tasks.track import track

__all__ = ["Task", "current_task", "stepwise", "task", "track"]
