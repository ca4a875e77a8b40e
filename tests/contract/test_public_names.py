from __future__ import annotations

import mainstage

RUN = {
    "as_completed",
    "attach",
    "cancel",
    "close",
    "hold",
    "log",
    "map",
    "on_error",
    "options",
    "pause",
    "print",
    "queue",
    "results",
    "shutdown",
    "submit",
    "task",
    "title",
    "track",
    "wait",
}

TASK = {
    "advance",
    "attempt",
    "cancelled",
    "check_cancelled",
    "close",
    "completed",
    "description",
    "id",
    "log",
    "metric",
    "set",
    "sleep",
    "total",
    "worker",
    "wrap_file",
}
OF_CELLS = {"arm", "closed", "polled", "position", "reporter", "request_cancel", "resolve", "sample", "set_position"}
"""What a task shares with all that a channel reads positions from."""


def test_a_task_shows_what_workers_need_and_what_a_channel_reads() -> None:
    assert {name for name in dir(mainstage.Task) if not name.startswith("_")} == TASK | OF_CELLS


def test_a_run_shows_what_users_need_and_no_more() -> None:
    run = mainstage.Run("title")
    names = {name for name in (*dir(mainstage.Run), *vars(run)) if not name.startswith("_")}
    assert names == RUN
