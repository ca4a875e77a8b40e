"""Download files on four threads, with the columns of Rich's own example."""

import time
from concurrent.futures import ThreadPoolExecutor

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

SIZES = {"adria.tif": 4_000_000, "baltic.tif": 6_000_000, "crete.tif": 3_000_000, "delos.tif": 5_000_000}
COLUMNS = [
    TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
    DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
]  # fmt: skip


def download(progress, row, name):
    for _ in range(0, SIZES[name], 100_000):
        time.sleep(0.04)
        progress.update(row, advance=100_000)
    return SIZES[name]


def main():
    with Progress(*COLUMNS) as progress, ThreadPoolExecutor(4) as pool:
        rows = {name: progress.add_task(name, total=size) for name, size in SIZES.items()}
        sizes = pool.map(lambda name: download(progress, rows[name], name), SIZES)
        return sum(sizes)


total = main()
print(f"{total} bytes")
