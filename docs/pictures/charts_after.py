"""The same program, one line changed."""

# ruff: noqa: INP001, PLR2004, TID251  # a program as users write them

import time

from mainstage.rich import Progress

SHEETS = {"[bold]Geology": 90, "[bold]Rivers": 60, "[bold]Coasts": 120}

with Progress() as progress:
    charts = [progress.add_task(name, total=count) for name, count in SHEETS.items()]
    while not progress.finished:
        time.sleep(0.03)
        for chart in charts:
            if not progress.tasks[chart].finished:
                progress.advance(chart)
        if progress.tasks[charts[0]].completed == 45:
            progress.console.print("[green]half of the geology is there")
