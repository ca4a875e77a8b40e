"""What is too long for every change: `python -m bench.soak [NAME ...] [--scale X]`. Exit status 1 if one does not hold.

`items`: 1,000,000 items through `map`, every result in its place, memory flat. `runs`: 200 runs opened and closed,
then memory, threads and descriptors as before. `storm`: a run in tmux that is resized the whole time and then sent
Ctrl-C, many times over: every line of text once, the cursor shown, dead by the signal. `logs`: eight threads, 20,000
lines each, in order, none lost. `floods`: eight threads, 20,000 lines each, printed, logged, warned and written to a
tmux that is resized; 500 each past every stream, and by children, whose lines a resize may put beside a row.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.system.terminals import Tmux

import mainstage
from bench.rows import terminal
from mainstage.testing import RecordingDisplay
from mainstage.ui.display.terminal import TerminalDisplay

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

ENV = {"TERM": "xterm-256color"}
FLAT_MB = 8.0
"""Megabytes that a process may gain and still count as flat: the allocator's own."""


def rss() -> float:
    """Return the megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def check(name: str, *, holds: bool, told: str) -> None:
    print(f"    {'ok   ' if holds else 'FAILS'} {name}: {told}", flush=True)
    if not holds:
        raise AssertionError(f"{name}: {told}")


def items(scale: float) -> None:
    """Take a million items through a map, from a generator, and watch the memory once it is under way."""
    wanted = int(1_000_000 * scale)
    started = most = 0.0
    began = time.perf_counter()
    with terminal() as fd, mainstage.Run("soak", max_workers=4, display=TerminalDisplay(fd, env=ENV)) as run:
        expected = 0
        for value in run.map(lambda n: n * 2, itertools.islice(itertools.count(), wanted)):
            assert value == expected * 2, (value, expected)
            expected += 1
            if expected == wanted // 5:
                started = rss()
            elif expected % 50_000 == 0:
                most = max(most, rss())
    rate = wanted / (time.perf_counter() - began)
    check("every item once, in order", holds=expected == wanted, told=f"{expected:,} items, {rate:,.0f} a second")
    check("memory flat", holds=most - started < FLAT_MB, told=f"{most - started:+.1f} MB after the first fifth")


def leave() -> None:
    raise KeyError("left by an exception")


def one_run(kind: int) -> None:
    """Open and close a run in one of the ways that a run can end."""
    with terminal() as fd:
        display = TerminalDisplay(fd, env=ENV) if kind % 2 else RecordingDisplay()
        try:
            with mainstage.Run("soak", max_workers=4, display=display, on_error="raise") as run:
                futures: list[Future[Any]] = [run.submit(pow, n, 2) for n in range(20)]
                list(run.map(str, range(200)))
                if kind % 5 == 1:
                    run.submit(divmod, 1, 0)
                if kind % 5 == 2:
                    next(run.map(str, itertools.count()))
                if kind % 5 == 3:
                    run.submit(mainstage.current_task)
                    leave()
                for future in futures:
                    future.result()
        except (ZeroDivisionError, KeyError):
            pass


def runs(scale: float) -> None:
    """Open and close runs, and count what is left."""
    number = max(20, int(200 * scale))
    for kind in range(20):
        one_run(kind)
    gc.collect()
    before = rss(), threading.active_count(), descriptors()
    for kind in range(number):
        one_run(kind)
    gc.collect()
    deadline = time.monotonic() + 5
    while threading.active_count() > before[1] and time.monotonic() < deadline:
        time.sleep(0.05)
    after = rss(), threading.active_count(), descriptors()
    check("threads", holds=after[1] <= before[1], told=f"{before[1]} before {number} runs, {after[1]} after")
    check("descriptors", holds=after[2] <= before[2], told=f"{before[2]} before, {after[2]} after")
    check("memory flat", holds=after[0] - before[0] < FLAT_MB, told=f"{after[0] - before[0]:+.1f} MB")


def logs(scale: float) -> None:
    """Log from eight threads, and look for each line in the history, in its thread's order."""
    lines = int(20_000 * scale)
    display = RecordingDisplay(200, 40)

    def write(number: int) -> None:
        with mainstage.task(f"writer {number}", total=lines) as task:
            for line in range(lines):
                task.log(f"writer {number} line {line}")
                task.advance(1)

    with mainstage.Run("soak", max_workers=8, view="live", display=display) as run:
        for future in [run.submit(write, number) for number in range(8)]:
            future.result()
    found = [re.findall(r"writer (\d) line (\d+)$", line) for line in display.history]
    told = [(int(one[0][0]), int(one[0][1])) for one in found if one]
    ordered = all([line for writer, line in told if writer == number] == list(range(lines)) for number in range(8))
    check("every line once, in order", holds=ordered, told=f"{len(told):,} of {8 * lines:,} lines")


FLOOD = Path(__file__).parents[1] / "tests/system/programs/floods.py"


class DeepTmux(Tmux):
    CONFIG = Tmux.CONFIG.replace("history-limit 100000", "history-limit 2000000")


def floods(scale: float) -> None:
    """Write from eight threads to a tmux that is resized meanwhile, by each way there is and past all of them."""
    if shutil.which("tmux") is None:
        print("    skipped: no tmux here")
        return
    for how, lines, resizes in (("direct", 500, 0), ("children", 500, 0), ("children", 500, 5), ("mixed", 20_000, 5)):
        flood(how, max(40, int(lines * scale)), resizes)


BESIDE_ROWS = 0.01
"""Lines of children, as a share, that may have the end of a row beside them: written before we knew of a resize."""


def flood(how: str, lines: int, resizes: int) -> None:
    chance = random.Random(11)
    command = ["/usr/bin/time", "-f", "MOST %M", sys.executable, str(FLOOD), str(lines), how]
    with tempfile.TemporaryDirectory() as name, DeepTmux(command, Path(name), columns=100, rows=30) as tmux:
        for _ in range(resizes):
            time.sleep(1.0)
            tmux.resize(chance.randint(80, 140), chance.randint(20, 45))
        status = tmux.wait(seconds=300)
        text = tmux.everything(joined=True)
    found = [line for line in text if line.endswith("whole")]
    texts = [line.rpartition("│ ")[2] for line in found]
    wanted = 8 * lines
    odd = [line for line in text if line and not line.endswith("whole")]
    told = f"{len(set(texts)):,} of {wanted:,} lines, {len(texts) - len(set(texts))} twice, {resizes} resizes"
    check(how, holds=status == 0, told=f"exit status {status}")
    allowed = int(wanted * BESIDE_ROWS) if how == "children" and resizes else 0
    check(how, holds=len(texts) == len(set(texts)) and wanted - len(texts) <= allowed, told=told)
    check(how, holds=len(odd) - 4 <= allowed, told=f"{len(odd) - 4} rows of anything else")
    most = int(odd[-1].split()[1]) / 1000
    check(how, holds=most < 64, told=f"{most:.0f} MB at the most")


STORM = """
import subprocess, sys, threading
import mainstage

def work(number):
    with mainstage.task(f"worker {number} " + "#" * 40, total=100_000) as task:
        for step in range(100_000):
            task.advance(1)
            if step % 40 == 0 and step < 4000:
                task.log(f"worker {number} line {step // 40:03}")
                if number == 0 and step == 400:
                    subprocess.run(["tmux", "wait-for", "-S", "underway"], check=True)
            task.sleep(0.0005)

with mainstage.Run("storm", max_workers=6) as run:
    for number in range(6):
        run.submit(work, number)
    threading.Event().wait()
"""

SHELL = 'trap : INT; "$0" "$1"; echo $? > "$2/status"; tmux wait-for -S stopped; exec sleep 1000'
"""Outlives the Ctrl-C, and keeps the exit status as a shell sees it."""


def storm(scale: float) -> None:
    """Resize a run again and again, stop it by Ctrl-C, and look at what is left on the terminal."""
    if shutil.which("tmux") is None:
        print("    skipped: no tmux here")
        return
    chance = random.Random(7)
    for turn in range(max(2, int(10 * scale))):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            script = folder / "storm.py"
            script.write_text(STORM, encoding="utf-8")
            with Tmux(["sh", "-c", SHELL, sys.executable, str(script), name], folder, columns=100, rows=30) as tmux:
                tmux.wait_for("underway")
                for _ in range(25):
                    tmux.resize(chance.randint(40, 140), chance.randint(8, 45))
                    time.sleep(chance.random() * 0.08)
                tmux.resize(100, 30)
                tmux.send("C-c")
                tmux.wait_for("stopped")
                status = int((folder / "status").read_text(encoding="ascii"))
                lines, shown = tmux.everything(joined=True), tmux.cursor_shown()
        texts = re.findall(r"worker (\d) line (\d{3})\b", "\n".join(lines))
        ordered = all(
            [int(line) for worker, line in texts if worker == number]
            == list(range(sum(worker == number for worker, _ in texts)))
            for number in "012345"
        )
        left = sum("#" * 10 in line and "│" not in line for line in lines)
        check(f"turn {turn}", holds=status == 130, told=f"exit status {status}")
        check(f"turn {turn}", holds=ordered, told=f"{len(texts)} lines of text, each once, in order")
        check(f"turn {turn}", holds=shown, told="the cursor is shown")
        print(f"         {left} rows with remains of bars")


SOAKS: dict[str, Callable[[float], None]] = {
    "items": items,
    "runs": runs,
    "logs": logs,
    "storm": storm,
    "floods": floods,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Long runs: leaks, losses, storms.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SOAKS)}; all of them if none")
    parser.add_argument("--scale", type=float, default=1.0, help="do as many times what is usual")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in SOAKS]
    if unknown:
        parser.error(f"no soak is called {', '.join(unknown)}; there are {', '.join(SOAKS)}")
    failed = 0
    for name in asked.names or SOAKS:
        began = time.perf_counter()
        print(name, flush=True)
        try:
            SOAKS[name](asked.scale)
        except AssertionError as error:
            failed += 1
            print(f"    {name} does not hold: {error}")
        print(f"    {time.perf_counter() - began:.1f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
