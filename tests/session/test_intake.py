"""The loop asks workers of other processes to report less often when their reports cost it too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mainstage
from mainstage.channels.inbox import ThreadChannel
from mainstage.core.clock import monotonic
from mainstage.core.commands import SetInterval
from mainstage.run.render_loop import RenderLoop
from mainstage.run.report_interval import SHORTEST
from mainstage.testing import ManualClock
from mainstage.ui.display.stream import NullDisplay
from mainstage.ui.views.plain import SilentView

if TYPE_CHECKING:
    from mainstage.core.commands import Command

FAR = 600.0


def test_the_loop_asks_for_a_longer_interval_when_reports_cost_too_much_and_for_the_usual_one_after() -> None:
    clock = ManualClock()
    loop = RenderLoop(ThreadChannel(clock), SilentView(), NullDisplay(), clock)
    asked: list[float] = []
    cost = 0.0
    loop.receive_cpu_s = lambda: cost
    loop.on_interval = asked.append
    for _ in range(20):
        clock.advance(0.2)
        cost += 0.2
        loop.run_once()
    longest = asked[-1]
    assert longest > SHORTEST
    for _ in range(20):
        clock.advance(100.0)
        loop.run_once()
    assert asked[-1] == SHORTEST


def test_what_the_loop_asks_for_reaches_the_backend_of_every_run() -> None:
    taken: list[Command] = []
    with mainstage.Run(view="silent") as outer, mainstage.Run() as inner:
        show = outer._live().show
        for run in (outer, inner):
            run._live().work.backend.command = taken.append  # type: ignore[method-assign, assignment]  # its ear
        assert show.loop.on_interval is not None
        show.loop.on_interval(0.7)
    assert taken == [SetInterval(0.7)] * 2


def _double(n: int) -> int:
    return 2 * n


def test_results_of_processes_wait_for_no_interval() -> None:
    began = monotonic()
    with mainstage.Run(view="silent", executor="process", max_workers=1) as run:
        backend = run._live().work.backend
        backend.command(SetInterval(FAR))  # before its first worker is there
        assert run.submit(_double, 1).result() == 2
        backend.command(SetInterval(2 * FAR))
        assert list(run.map(_double, range(50))) == [2 * n for n in range(50)]
    assert monotonic() - began < FAR / 10
