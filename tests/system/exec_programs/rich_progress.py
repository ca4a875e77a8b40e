"""Rich: a tracked loop, then several rows of one Progress with output between. Usage: rich_progress.py [SECONDS]."""

import sys
import time

from rich.progress import BarColumn, Progress, TextColumn, track

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05

squares = [number * number for number in track(range(5), description="Squares")]
with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}")) as progress:
    downloads = [progress.add_task(f"[cyan]part {name}[/]", total=6 * (1 + index)) for index, name in enumerate("abc")]
    while not progress.finished:
        for index, task in enumerate(downloads):
            progress.update(task, advance=1 + index)
        time.sleep(3 * pause)
    progress.console.print("all [bold]parts[/] are there")
print(sum(squares))
