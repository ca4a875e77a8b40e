from __future__ import annotations

import mainstage

RUN = {
    "as_completed",
    "attach",
    "cancel",
    "close",
    "hold",
    "map",
    "on_error",
    "options",
    "pause",
    "queue",
    "results",
    "shutdown",
    "submit",
    "title",
    "wait",
}


def test_a_run_shows_what_users_need_and_no_more() -> None:
    run = mainstage.Run("title")
    names = {name for name in (*dir(mainstage.Run), *vars(run)) if not name.startswith("_")}
    assert names == RUN
