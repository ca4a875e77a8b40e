"""A program of Rich's with one changed import: its display, and work that mainstage runs, are one."""

from __future__ import annotations

import time

from rich.console import Console

import mainstage
from mainstage.rich import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

BOXES = ("oak", "ash", "elm", "yew")
PARCELS = 24


def weigh(parcel: int) -> int:
    """Return what a parcel weighs, in kg."""
    time.sleep(0.08)
    return 1 + parcel * 7 % 5


def main() -> None:
    """Fill the boxes."""
    kilograms = 0
    columns = SpinnerColumn(), TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        filled = progress.add_task("boxes", total=len(BOXES))
        for box in BOXES:
            kilograms += sum(mainstage.map(weigh, range(PARCELS), max_workers=4))
            progress.console.print(f"the {box} box is full")
            progress.advance(filled)
    print(f"{kilograms} kg")


if __name__ == "__main__":
    main()
