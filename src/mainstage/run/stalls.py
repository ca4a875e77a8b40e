"""Stalled tasks are reported, each once, with the place where their thread stands.

It is checked at each redraw, so no timer is needed.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from mainstage.core.commands import Locate
from mainstage.events import TaskStuck
from mainstage.tasks.source_location import user_location
from mainstage.ui.state.outliers import stalled

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState

LOOKS = 10.0
"""So many times within the time after which a task is stuck it is looked whether one is."""
MOST = 20
"""Tasks told at one look: where everything stands still, a few places say it all."""


class StallDetector:
    """Sends `TaskStuck` for tasks that have not moved for `after` seconds.

    Of a worker that is no thread of this process the backends are asked, by `ask`, and the event is the worker's own;
    if none has come at the next check, the place is not known.
    """

    def __init__(self, send: Callable[[Event], None], after: float, ask: Callable[[Locate], None]) -> None:
        self._send = send
        self._ask = ask
        self._after = after
        self._next = 0.0
        self._asked: set[Locate] = set()

    def check(self, state: RunState, now: float) -> None:
        """Look at all live tasks, unless they were looked at just now; on the owner's thread."""
        if now < self._next:
            return
        self._next = now + max(1.0, self._after / LOOKS)
        before, self._asked = self._asked, set()
        for task in stalled(state, now, self._after)[:MOST]:
            place = place_of_thread(task.worker)
            asked = Locate(task.worker, task.id, task.attempt, task.moved_at)
            if place or not task.worker or asked in before:
                self._send(TaskStuck(now, task.id, task.attempt, now - task.moved_at, place))
            else:
                self._asked.add(asked)
                self._ask(asked)


def place_of_thread(name: str) -> str:
    """Return where the thread of that name stands; "" if there is none, or more than one."""
    threads = [thread.ident for thread in threading.enumerate() if thread.name == name]
    if len(threads) != 1 or threads[0] is None:
        return ""
    frame = sys._current_frames().get(threads[0])  # noqa: SLF001  # the one way to another thread's stack
    return "" if frame is None else user_location(frame)
