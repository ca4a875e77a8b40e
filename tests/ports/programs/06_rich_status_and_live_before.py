"""Connect under Rich's spinner, then fill a table that is drawn live."""

import time

from rich.console import Console
from rich.live import Live
from rich.table import Table

console = Console()


def table_of(rows):
    table = Table("city", "degrees")
    for city, degrees in rows:
        table.add_row(city, f"{degrees:.1f}")
    return table


def main():
    with console.status("Connecting ..."):
        time.sleep(1.5)
    rows = []
    with Live(table_of(rows), console=console) as live:
        for number, city in enumerate(["Athens", "Bergen", "Cadiz", "Dublin"]):
            time.sleep(0.4)
            rows.append((city, 20.5 - 3 * number))
            live.update(table_of(rows))
    return len(rows)


count = main()
print(f"{count} cities")
