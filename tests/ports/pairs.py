"""The pairs of programs: what each needs, and the facts that its screen shows while it runs, before and after."""

from __future__ import annotations

import sys
from difflib import ndiff
from pathlib import Path
from typing import NamedTuple

from tests.system.terminals import Pty

PROGRAMS = Path(__file__).parent / "programs"
COLUMNS, ROWS = 80, 16


class Fact(NamedTuple):
    """A thing that the screen tells, and the patterns that find it in the original and in the port."""

    name: str
    before: str
    """Empty: the original does not show it."""
    after: str


class Pair(NamedTuple):
    """A program of another library, and its port."""

    name: str
    title: str
    facts: tuple[Fact, ...]
    needs: str = ""
    own_output: bool = True
    """Whether stdout in a pipe is the program's alone; Rich writes its bars there too."""

    def file(self, side: str) -> Path:
        """Return the file of the program "before" or "after"."""
        return PROGRAMS / f"{self.name}_{side}.py"

    def lines(self, side: str) -> list[str]:
        """Return the lines of the program that are not empty, without their indentation."""
        return [line.strip() for line in self.file(side).read_text(encoding="utf-8").splitlines() if line.strip()]

    def changes(self) -> list[str]:
        """Return the changed lines, as a diff: `- ` before and `+ ` after."""
        return [line for line in ndiff(self.lines("before"), self.lines("after")) if line[0] in "+-"]

    def pty(self, side: str) -> Pty:
        """Start the program on a terminal."""
        return Pty([sys.executable, str(self.file(side))], columns=COLUMNS, rows=ROWS)


def _bar(name: str, total: str) -> tuple[Fact, ...]:
    """Return the facts of a bar of tqdm's."""
    return (
        Fact("name", name, name),
        Fact("count and total", rf"\d+/{total}", rf"\d+/{total}"),
        Fact("percentage", r"\d+%", r"\d+%"),
        Fact("rate", r"[\d.]+it/s", r"[\d.]+/s"),
        Fact("ETA", r"<00:0\d", r"ETA [\d<~]"),
    )


PAIRS = (
    Pair("01_tqdm_loop", "tqdm around a loop", _bar("Reading", "60"), "tqdm"),
    Pair("02_tqdm_thread_map", "tqdm's thread_map", _bar("Fetching", "60"), "tqdm"),
    Pair(
        "03_tqdm_nested",
        "tqdm: a manual bar, one nested in it, a postfix",
        (
            *_bar("Epoch 2", "25"),
            Fact("name of the outer bar", "Epochs", "Epochs"),
            Fact("count of the outer bar", r"2/3 ", r"2/3 epoch"),
            Fact("postfix", r"loss=0\.\d\d", r"loss=0\.\d\d"),
        ),
        "tqdm",
    ),
    Pair(
        "04_rich_track",
        "Rich's track",
        (
            Fact("name", "Processing", "Processing"),
            Fact("percentage", r"\d+%", r"\d+%"),
            Fact("ETA", r"0:00:0\d", r"ETA [\d<~]"),
            Fact("count and total", "", r"\d+/60"),
        ),
        own_output=False,
    ),
    Pair(
        "05_rich_downloader",
        "Rich's Progress: columns, downloads on threads",
        (
            Fact("name", "baltic.tif", "baltic.tif"),
            Fact("percentage", r"\d+%", r"\d+%"),
            Fact("amount and total", r"\d\.\d/6\.0 MB", r"\d\.\d/6\.0 MB"),
            Fact("rate", r"\d\.\d MB/s", r"\d\.\d MB/s"),
            Fact("ETA", r"0:00:0\d", r"0:00:0\d"),
        ),
        own_output=False,
    ),
    Pair(
        "06_rich_status_and_live",
        "Rich's status and Live",
        (
            Fact("status", r"Connecting \.\.\.", r"Connecting \.\.\."),
            Fact("table while it grows", r"Bergen +│ 17\.5 +│\n└", r"Bergen +│ 17\.5 +│\n└"),
            Fact("table at the end", r"Dublin +│ 11\.5", r"Dublin +│ 11\.5"),
        ),
        own_output=False,
    ),
    Pair(
        "07_joblib_threads",
        "joblib on threads",
        (
            Fact("count", r"Done +10 out of +30", r"\d+/30"),
            Fact("total at the end", r"Done +30 out of +30", "30 done"),
            Fact("what runs", "", r"area\(\d+\)"),
        ),
        "joblib",
    ),
    Pair(
        "08_joblib_processes",
        "joblib in processes",
        (Fact("total at the end", r"Done +12 out of +12", "12 done"), Fact("count", "", r"\d+/12")),
        "joblib",
    ),
    Pair(
        "09_as_completed",
        "concurrent.futures: threads, failures that the program handles",
        (
            Fact("the program's result", "2500 bytes, 2 pages gone", "2500 bytes, 2 pages gone"),
            Fact("what runs", "", r"fetch\(\d+\)"),
            Fact("count and total", "", r"\d+/24"),
        ),
    ),
    Pair(
        "10_process_pool",
        "concurrent.futures: processes",
        (
            Fact("the program's results", "168 primes below 1000", "168 primes below 1000"),
            Fact("count and total", "", r"\d+/10"),
        ),
    ),
    Pair(
        "11_asyncio_gather",
        "asyncio.gather",
        (
            Fact("the program's result", "380 bytes", "380 bytes"),
            Fact("what runs", "", r"fetch\(19\)"),
            Fact("count and total", "", r"\d+/20"),
        ),
    ),
    Pair(
        "12_asyncio_task_group",
        "asyncio.TaskGroup with a failure",
        (
            Fact("failure", "LookupError: no map of the west", "LookupError: no map of the west"),
            Fact("what runs", "", "highlands"),
            Fact("what failed", "", r"✗ west: LookupError"),
        ),
    ),
)
