"""Workers that write in every way that a library may choose, while their bars are shown."""
# ruff: noqa: T201, LOG015  # that is the subject

from __future__ import annotations

import logging
import sys
import time
import traceback
import warnings

import rich
import tqdm
from rich.console import Console
from rich.progress import track
from tqdm.contrib.concurrent import thread_map

import mainstage

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 40
logging.basicConfig(format="%(message)s", level=logging.INFO)
old = Console(file=sys.stderr)
named = logging.getLogger("some.library")
standard = warnings.formatwarning


def short(message: Warning | str, category: type[Warning], _file: str, number: int, line: str | None = None) -> str:
    """As the standard one, with a path that is equally long wherever this file stands: where lines wrap is tested."""
    return standard(message, category, "programs/loud.py", number, line)


warnings.formatwarning = short  # type: ignore[assignment]  # the names of its arguments differ


def printing(job: int) -> None:
    for line in range(LINES):
        print(f"<print {job}.{line}>")
        sys.stderr.write(f"<stderr {job}.")
        sys.stderr.write(f"{line}>\n")


def logging_(job: int) -> None:
    for line in range(LINES):
        logging.info("<root %d.%d>", job, line)
        named.info("<named %d.%d>", job, line)
        warnings.warn(f"<warning {job}.{line}>", stacklevel=1)


def colourful(job: int) -> None:
    for line in track(range(LINES), "a bar of rich"):
        rich.print(f"<rich {job}.{line}>")
        old.print(f"<console {job}.{line}>")


def third_party(job: int) -> None:
    for line in tqdm.tqdm(range(LINES), desc="a bar of tqdm"):
        tqdm.tqdm.write(f"<tqdm {job}.{line}>")
        time.sleep(0.9 if line == 0 else 0.002)
    thread_map(abs, range(20), max_workers=2, desc="a map of tqdm")
    try:
        int("x")
    except ValueError:
        traceback.print_exc()
    sys.stdout.write("\rfirst\rsecond\r<overwritten>")


KINDS = (printing, logging_, colourful, third_party)


def work(job: int) -> None:
    KINDS[job % len(KINDS)](job)


if __name__ == "__main__":
    with mainstage.Run("loud", max_workers=4) as run:
        print("<main begins>")
        list(run.map(work, range(8)))
        print("<main ends>")
    print("<after>")
