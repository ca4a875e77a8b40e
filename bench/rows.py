"""A row of the budget, the table they make, and how all are measured: in turn, many rounds, the best kept."""

from __future__ import annotations

import fcntl
import gc
import os
import pty
import statistics
import struct
import termios
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Row(NamedTuple):
    """One line: `figure` is what the budget bounds, a ratio ("x") or a count of `unit`; no target: told beside."""

    name: str
    ours: str
    peers: str
    figure: float
    target: float | None
    unit: str = "x"
    remark: str = ""

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "-"
        return "ok" if self.figure <= self.target else "short"

    def cells(self) -> tuple[str, ...]:
        target = "-" if self.target is None else f"<= {self.told(self.target)}"
        return (self.name, self.ours, self.peers, self.told(self.figure), target, self.verdict)

    def told(self, figure: float) -> str:
        text = f"{figure:.4f}" if self.unit == "x" and figure < 0.1 else f"{figure:.2f}".removesuffix(".00")
        return f"{text}{self.unit}" if self.unit == "x" else f"{text} {self.unit}".rstrip()


HEAD = ("row", "ours", "peers", "figure", "target", "")
WIDEST = 60


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the table; peers that need more room go on below."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [min(WIDEST, max(len(line[column]) for line in lines)) for column in range(len(HEAD))]
    for line, row in zip(lines, [None, *rows], strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        if row is not None and row.remark:
            yield f"    {row.remark}"


def markdown(rows: list[Row]) -> Iterator[str]:
    """Yield the same for docs/benchmarks.md."""
    yield "| row | ours | peers | figure | target | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "/") for cell in row.cells()) + " |"


def interleaved(
    cases: Mapping[str, Callable[[], float]], rounds: int, pick: Callable[[list[float]], float] = min
) -> dict[str, float]:
    """Run every case once a round, so that whatever else the machine does hits all; return `pick` of each."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            gc.collect()
            found[name].append(case())
    return {name: pick(values) for name, values in found.items()}


median = statistics.median


def listed(figures: Mapping[str, float], unit: str, form: str = ".3g") -> str:
    """Return "tqdm 181 ns, rich 1530 ns"."""
    return ", ".join(f"{name} {value:{form}} {unit}".rstrip() for name, value in figures.items())


@contextmanager
def terminal(columns: int = 100, rows: int = 40) -> Iterator[int]:
    """Give the descriptor of a terminal whose other end is read and forgotten."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def drain() -> None:
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            return  # EIO: the last writer is gone

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        yield slave
    finally:
        os.close(slave)
        reader.join(5)
        os.close(master)
