"""What a frame costs in each layout, beside Rich's `Progress` at the same counts and itself with 30 live tasks."""

from __future__ import annotations

import io

from bench.frame_cost import (
    COLUMNS,
    ENV,
    ROUNDS,
    ROWS,
    CountedFile,
    Ours,
    Theirs,
    cost,
    displays,
    text_file,
    traffic,
)
from bench.rows import Row, interleaved, median, terminal
from mainstage.ui.display.terminal import TerminalDisplay
from mainstage.ui.views.layouts import LAYOUTS

LIVE, MANY, MOVED = 30, 10_000, 8
SLACK = {"grid": 3.0}
"""What a layout may cost more than the budget of a frame."""


def rows() -> list[Row]:
    """Return the rows of each layout; those of bars with 30 live tasks are a budget of their own."""
    found = [row for name in LAYOUTS if name != "bars" for row in few(name)]
    rich = rich_many()
    return found + [row for name in LAYOUTS for row in many(name, rich)]


def few(layout: str) -> list[Row]:
    """Return the rows of a frame with 30 live tasks, a quarter of which moved."""
    with terminal(COLUMNS, ROWS) as mine, terminal(COLUMNS, ROWS) as other:
        counted = CountedFile(other)
        display = TerminalDisplay(mine, env=ENV)
        ours, theirs = Ours(LIVE, MOVED, display, layout), Theirs(LIVE, MOVED, text_file(counted))
        cpu = interleaved({"ours": cost(ours), "rich": cost(theirs)}, ROUNDS, median)
        sent = traffic(ours, counted, theirs)
        theirs.progress.stop()
        display.close([], [])
    name = f"{layout}: a frame, {LIVE} live, {MOVED} moved:"
    slack = SLACK.get(layout, 1.0)
    told, peer = f"{cpu['ours']:.2f} ms", f"rich {cpu['rich']:.2f} ms"
    part = sent["our bytes"] / sent["rich bytes"]
    sizes, peers = f"{sent['our bytes']:.0f} bytes", f"rich {sent['rich bytes']:.0f} bytes"
    writes = sent["our writes"]
    return [
        Row(f"{name} CPU / Rich's", told, peer, cpu["ours"] / cpu["rich"], slack / 50),
        Row(f"{name} bytes / Rich's", sizes, peers, part, 1 / 4),
        Row(f"{name} writes", f"{writes:.1f}", f"rich {sent['rich writes']:.1f}", writes, 1, ""),
    ]


def many(layout: str, rich: float) -> list[Row]:
    """Return the rows of a frame with 10,000 live tasks."""
    with displays(3) as places:
        cases = {
            "30 live": Ours(LIVE, LIVE, places[0], layout),
            "30 moved": Ours(MANY, LIVE, places[1], layout),
            "all moved": Ours(MANY, MANY, places[2], layout),
        }
        cpu = interleaved({name: cost(case) for name, case in cases.items()}, ROUNDS // 2, median)
    name = f"{layout}: a frame, 10,000 live,"
    peers = f"30 live {cpu['30 live']:.2f} ms"
    slack = SLACK.get(layout, 1.0)
    told = f"{cpu['all moved']:.2f} ms"
    return [
        *(
            Row(f"{name} {case} / 30 live", f"{cpu[case]:.2f} ms", peers, cpu[case] / cpu["30 live"], slack * target)
            for case, target in (("30 moved", 1.5), ("all moved", 20.0))
        ),
        Row(f"{name} all moved: CPU / Rich's", told, f"rich {rich:.0f} ms", cpu["all moved"] / rich, slack / 50),
    ]


def rich_many() -> float:
    """Return the CPU milliseconds of one frame of Rich's with as many live tasks."""
    theirs = Theirs(MANY, LIVE, io.StringIO())
    milliseconds = cost(theirs, 1)()
    theirs.progress.stop()
    return milliseconds
