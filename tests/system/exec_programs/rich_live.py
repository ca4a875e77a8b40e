"""Rich: a table that grows, a spinner, a rule. Usage: rich_live.py [SECONDS]."""

import sys
import time

from rich.console import Console
from rich.live import Live
from rich.table import Table

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05

console = Console(width=60)


def board(rows: int) -> Table:
    table = Table("step", "state")
    for row in range(rows):
        table.add_row(str(row), "ready")
    return table


with Live(board(0), console=console, refresh_per_second=20) as live:
    for rows in range(1, 5):
        time.sleep(3 * pause)
        live.update(board(rows))
with console.status("thinking it over"):
    time.sleep(8 * pause)
    console.print("[green]half[/] of it")
console.rule("results")
console.print({"rows": 4})
