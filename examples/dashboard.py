"""One run, looked at in several ways: `python dashboard.py [bars|lanes|tree|steps|grid|own|beside]`."""

from __future__ import annotations

import sys
import time

from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table

import mainstage
from mainstage.dashboard import Bars, Dashboard, Failures, Header, Lanes, Logs, Metrics, RunState

ROWS = {"alps": 70, "andes": 50, "atlas": 90, "carpathians": 40, "caucasus": 60, "dolomites": 30, "ghats": 80,
        "jura": 45, "pyrenees": 65, "rockies": 100, "sudetes": 35, "tatra": 55, "urals": 75, "vosges": 50}  # fmt: skip


def survey(name: str) -> int:
    """Read the peaks of one range, then check them."""
    task = mainstage.current_task()
    task.set(total=ROWS[name], unit="peaks")
    for row in range(ROWS[name]):
        time.sleep(0.022)
        task.advance()
        task.metric("height", 1200 + (row * 7919 + len(name) * 331) % 2900)
        if row in (7, 27, 47):
            task.log(f"peak {row} has no name: called it after its height")
        if (name, row) == ("caucasus", 33):
            raise ValueError("peak 33 is below the sea")
    with mainstage.task("check", total=24) as check:
        for _ in range(24):
            time.sleep(0.03)
            check.advance()
    return ROWS[name]


def ranges(state: RunState) -> Table:
    """Return a panel of our own: how many peaks there are so far."""
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]peaks so far", f"{state.items('peaks'):,.0f}")
    return table


def beside() -> Layout:
    """Return panels side by side: a layout of Rich's, with our pieces in it."""
    screen, right = Layout(), Layout(ratio=2)
    right.split_column(
        Layout(Panel(Metrics("height"), title="metrics"), size=3),
        Layout(Panel(Failures(2), title="failures"), size=6),
        Layout(Panel(Lanes(), title="workers")),
    )
    screen.split_row(Layout(Panel(Bars(), title="tasks"), ratio=3), right)
    return screen


LAYOUTS = {
    "own": Dashboard(Header(), Bars(max_rows=8), Metrics("height"), ranges, Failures(3), Logs(3)),
    "beside": Dashboard(Header(), beside()),
}


def main() -> None:
    """Survey all ranges."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    with mainstage.Run("survey", max_workers=5, layout=LAYOUTS.get(asked, asked), on_error="skip") as run:
        peaks = sum(run.map(survey, ROWS))
    print(f"{peaks} peaks")


if __name__ == "__main__":
    main()
