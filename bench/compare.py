"""What a person who chooses a library wants to see: `python -m bench.compare` runs each and writes docs/compare.md.

Each peer does the same work the way its own documentation does it, on a pseudo-terminal, in a pipe or with its output
in a file. What stands in the page was counted on that screen, in that history or in those bytes; a peer that is not
installed is left out by name.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.system.terminals import Pty, Tmux, environment

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[1] / "docs" / "compare.md"
PATIENCE = 20.0
"""Seconds after which a program that has not ended is said to hang."""
CTRL_C = b"\x03"


class Peer(NamedTuple):
    """A library: what it is installed as, and a generator of the results of `fn` of each item, or their exceptions."""

    name: str
    package: str
    source: str


EACH = """
    for future in futures:
        try:
            yield future.result()
        except Exception as error:
            yield error
"""
PEERS = (
    Peer("mainstage", "mainstage", """
import mainstage
def run(fn, items, workers):
    return mainstage.map(fn, items, max_workers=workers, executor="process", on_error="collect", description="work")
"""),
    Peer("tqdm", "tqdm", """
from tqdm.contrib.concurrent import process_map
def run(fn, items, workers):
    return process_map(fn, items, max_workers=workers, chunksize=1)
"""),
    Peer("Rich", "rich", """
from concurrent.futures import ProcessPoolExecutor, as_completed
from rich.progress import Progress
def run(fn, items, workers):
    with Progress() as progress, ProcessPoolExecutor(workers) as pool:
        row = progress.add_task("work", total=len(items))
        for future in as_completed([pool.submit(fn, n) for n in items]):
            progress.advance(row)
            yield future.exception() or future.result()
"""),
    Peer("joblib", "joblib", """
import joblib
def run(fn, items, workers):
    calls = (joblib.delayed(fn)(n) for n in items)
    return joblib.Parallel(n_jobs=workers, verbose=5, batch_size=1, return_as="generator")(calls)
"""),
    Peer("mpire", "mpire", """
from mpire import WorkerPool
def run(fn, items, workers):
    with WorkerPool(n_jobs=workers) as pool:
        yield from pool.imap(fn, items, iterable_len=len(items), progress_bar=True, chunk_size=1)
"""),
    Peer("pebble", "pebble", """
from pebble import ProcessPool
def run(fn, items, workers):
    with ProcessPool(max_workers=workers) as pool:
        results = pool.map(fn, items).result()
        while True:
            try:
                yield next(results)
            except StopIteration:
                return
            except Exception as error:
                yield error
"""),
    Peer("concurrent.futures", "", f"""
from concurrent.futures import ProcessPoolExecutor
def run(fn, items, workers):
    with ProcessPoolExecutor(workers) as pool:
        futures = [pool.submit(fn, n) for n in items]
{textwrap.indent(EACH.strip(chr(10)), "    ")}
"""),
)  # fmt: skip
WORK = """
import os, signal, sys, time
def work(n):
    time.sleep(0.1)
    return n
def dies(n):
    time.sleep(0.1)
    if n == 17:
        os.kill(os.getpid(), signal.SIGKILL)
    return n
def fails(n):
    time.sleep(0.1)
    if n == 17:
        raise ValueError("bad row")
    return n
def sleeps(n):
    time.sleep(1.0)
    return n
def prints(n):
    for line in range(20):
        time.sleep(0.02)
        print(f"line {line} of {n} ends")
    return n
def tiny(n):
    return n
"""
COUNT = """
if __name__ == "__main__":
    got, errors = 0, []
    try:
        for result in run({fn}, range({items}), {workers}):
            if isinstance(result, BaseException):
                errors.append(result)
            else:
                got += 1
    except Exception as error:
        errors.append(error)
    print("GOT", got, type(errors[0]).__name__ if errors else "-")
"""
RAISE = """
if __name__ == "__main__":
    for result in run({fn}, range({items}), {workers}):
        if isinstance(result, BaseException):
            raise result
"""
TIME = """
if __name__ == "__main__":
    list(run(tiny, range(50), 2))
    began = time.perf_counter()
    list(run(tiny, range(2000), 2))
    print("SECONDS", time.perf_counter() - began)
"""


class Row(NamedTuple):
    """A row of the page: what is asked, how it was found out, and what was found of each peer."""

    title: str
    how: str
    ask: Callable[[str], str]
    """Takes the peer's source and gives its cell."""


def installed(peer: Peer) -> bool:
    """Return whether it can be run here."""
    return not peer.package or importlib.util.find_spec(peer.package) is not None


def program(peer: str, main: str, folder: str, **options: object) -> list[str]:
    """Write the program of a peer; return its command."""
    path = Path(folder) / "program.py"
    path.write_text(WORK + peer + main.format(**options), encoding="utf-8")
    return [sys.executable, str(path)]


def in_pipe(command: list[str], env: dict[str, str] | None = None) -> tuple[str, str, bool]:
    """Run it; return what it wrote to stdout and stderr, and whether it has hung."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({"CI": "", "GITHUB_ACTIONS": "", **(env or {})}),
        start_new_session=True,
    )
    try:
        written, hung = process.communicate(timeout=PATIENCE), False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        written, hung = process.communicate(), True
    out, err = (data.decode("utf-8", "replace") for data in written)
    return out, err, hung


def killed(peer: str) -> str:
    """One of 40 items kills its worker."""
    with tempfile.TemporaryDirectory() as folder:
        out, _, hung = in_pipe(program(peer, COUNT, folder, fn="dies", items=40, workers=4))
    found = re.search(r"GOT (\d+) (\S+)", out)
    if found is None:
        return "hangs" if hung else "ends without a word"
    return f"{found[1]} of 39, {found[2]}" + (", then hangs" if hung else "")


def raising(peer: str) -> str:
    """One of 40 items raises, and nobody catches it."""
    with tempfile.TemporaryDirectory() as folder:
        _, err, hung = in_pipe(program(peer, RAISE, folder, fn="fails", items=40, workers=4))
    text = err.split("Traceback", 1)[-1]
    named = bool(re.search(r"\b17\b", text.replace("== 17", "")))
    lines = len([line for line in text.splitlines() if line.strip()])
    return f"{'names the input' if named else 'no input'}, {lines} lines" + (", hangs" if hung else "")


def interrupted(peer: str) -> str:
    """Ctrl-C after two seconds of items that take one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Pty(program(peer, COUNT, folder, fn="sleeps", items=200, workers=4), columns=100, rows=60) as pty,
    ):
        pty.read_for(3.0)
        began = time.monotonic()
        pty.send(CTRL_C)
        while pty.process.poll() is None and time.monotonic() - began < PATIENCE:
            pty.read_for(0.05)
        took = time.monotonic() - began
        hung = pty.process.poll() is None
        pty.read_for(0.2)
        text = pty.screen.text.split("^C", 1)[-1]
        lines = len([line for line in text.splitlines() if line.strip()])
        hidden = ", the cursor is gone" if pty.screen.cursor_hidden else ""
    return "hangs" if hung else f"{took:.1f} s, {lines} lines{hidden}"


def printing(peer: str) -> str:
    """Eight workers print 20 lines each while the display is live."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Pty(program(peer, COUNT, folder, fn="prints", items=8, workers=8), columns=100, rows=30) as pty,
    ):
        pty.wait(PATIENCE + 10)
        lines = [line.rstrip() for line in pty.screen.text.splitlines() if line.strip()]
    whole = sum(bool(re.fullmatch(r"(\S+ . )?line \d+ of \d+ ends", line)) for line in lines)
    other = len(lines) - whole
    return f"{whole} of 160 whole, {other} other lines"


def piped(peer: str) -> str:
    """40 items with stdout and stderr in pipes."""
    with tempfile.TemporaryDirectory() as folder:
        _, err, _ = in_pipe(program(peer, COUNT, folder, fn="work", items=40, workers=4))
    return written(err)


def written(text: str) -> str:
    """Return how much that is."""
    repeated = text.count("\r") - text.count("\r\n")
    return f"{len(text.encode()):,} bytes" + (f", written over {repeated} times" if repeated else "")


def in_ci(peer: str) -> str:
    """40 items of a tenth of a second, all output in one file, CI=1."""
    with tempfile.TemporaryDirectory() as folder:
        out, err, _ = in_pipe(program(peer, COUNT, folder, fn="work", items=40, workers=4), {"CI": "1"})
    text = err + out.split("GOT")[0]
    return f"{len(text.splitlines())} lines, {written(text)}"


BARS = {
    "mainstage": """
import threading, time, mainstage
def load(n):
    for _ in mainstage.track(range(20)):
        time.sleep(0.1)
list(mainstage.map(load, range(60), max_workers=60, description="work"))
""",
    "tqdm": """
import time
from concurrent.futures import ThreadPoolExecutor
from tqdm import tqdm
def load(n):
    for _ in tqdm(range(20), desc=f"load {n}", position=n, leave=False):
        time.sleep(0.1)
with ThreadPoolExecutor(60) as pool:
    list(pool.map(load, range(60)))
""",
    "Rich": """
import time
from concurrent.futures import ThreadPoolExecutor
from rich.progress import Progress
with Progress() as progress, ThreadPoolExecutor(60) as pool:
    def load(n):
        row = progress.add_task(f"load {n}", total=20)
        for _ in range(20):
            time.sleep(0.1)
            progress.advance(row)
    list(pool.map(load, range(60)))
""",
}  # fmt: skip


def crowded(name: str) -> str:
    """60 bars at once on a terminal of 24 rows."""
    if name not in BARS:
        return "no rows"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(BARS[name], encoding="utf-8")
        with Pty([sys.executable, str(path)], columns=80, rows=24) as pty:
            pty.read_for(1.8)
            during = pty.screen.text
            pty.wait(PATIENCE + 20)
            left = len([line for line in pty.screen.text.splitlines() if line.strip()])
    told = re.search(r"\+ ?(\d+) more|more", during)
    return f"{left} lines are left" + (", says how many have no row" if told and told[1] else "")


def resized(peer: str) -> str:
    """The window gets narrower and wider again while 80 items are worked on."""
    with tempfile.TemporaryDirectory() as folder:
        command = program(peer, COUNT, folder, fn="work", items=80, workers=2)
        with Tmux(command, Path(folder), columns=110, rows=30) as tmux:
            time.sleep(2.0)
            for columns in (70, 50, 110, 60, 100):
                tmux.resize(columns, 24)
                time.sleep(0.35)
            tmux.wait(seconds=PATIENCE + 20)
            lines = [line for line in tmux.everything() if line.strip() and not line.startswith("GOT")]
    return f"{len(lines)} lines are left"


def cost(peer: str) -> str:
    """2,000 items that do nothing, on two processes."""
    with tempfile.TemporaryDirectory() as folder:
        times = []
        for _ in range(3):
            out, _, hung = in_pipe(program(peer, TIME, folder))
            found = re.search(r"SECONDS ([\d.]+)", out)
            if found is None:
                return "hangs" if hung else "fails"
            times.append(float(found[1]))
    return f"{min(times) / 2000 * 1e6:,.0f} µs"


FRAME = {
    "tqdm": """
import io, os, time
from tqdm import tqdm
out = os.fdopen(os.open("/dev/null", os.O_WRONLY), "w")
bars = [tqdm(total=10**9, file=out, position=n, mininterval=0, ncols=100) for n in range(30)]
def frame():
    for bar in bars:
        bar.n += 1000
        bar.refresh()
""",
    "Rich": """
import io, os, time
from rich.console import Console
from rich.progress import Progress
out = os.fdopen(os.open("/dev/null", os.O_WRONLY), "w")
console = Console(file=out, force_terminal=True, width=100, height=45)
progress = Progress(console=console, auto_refresh=False, redirect_stdout=False)
progress.start()
rows = [progress.add_task(f"row {n}", total=10**9) for n in range(30)]
def frame():
    for row in rows:
        progress.advance(row, 1000)
    progress.refresh()
""",
    "mainstage": """
import os, time
from mainstage.channels.inbox import ThreadChannel
from mainstage.events import RunStarted
from mainstage.run.render_loop import RenderLoop
from mainstage.tasks.task import open_task
from mainstage.testing import ManualClock
from mainstage.ui.display.terminal import TerminalDisplay
from mainstage.ui.views.layouts import factory
from mainstage.ui.views.palette import Glyphs, Palette
clock = ManualClock(0.0)
channel = ThreadChannel(clock)
env = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "45"}
display = TerminalDisplay(os.open("/dev/null", os.O_WRONLY), env=env)
loop = RenderLoop(channel, factory("bars")(Palette("256"), Glyphs()), display, clock)
channel.send(RunStarted(0.0, "work", 0.0))
tasks = [open_task(channel, channel.new_id(), 1, f"row {n}", worker="w", total=10**9) for n in range(30)]
clock.advance(2.0)
def frame():
    for task in tasks:
        task.advance(1000)
    clock.advance(0.125)
    loop.run_once(borrowed=False)
""",
}  # fmt: skip
FRAMES = """
for _ in range(20): frame()
began = time.process_time()
for _ in range(100): frame()
print("SECONDS", time.process_time() - began)
"""


def frame_cost(name: str) -> str:
    """30 rows, all of which have moved."""
    if name not in FRAME:
        return "no rows"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(FRAME[name] + FRAMES, encoding="utf-8")
        times = []
        for _ in range(3):
            out, err, _ = in_pipe([sys.executable, str(path)])
            found = re.search(r"SECONDS ([\d.]+)", out)
            if found is None:
                raise RuntimeError(err)
            times.append(float(found[1]))
    return f"{min(times) * 1e4:,.0f} µs"


ROWS = (
    Row("A worker is killed", "40 items, number 17 sends itself SIGKILL: results that arrived, and the error", killed),
    Row("A worker raises", "40 items, number 17 raises: whether what is printed names it, and its length", raising),
    Row(
        "Ctrl-C",
        "200 items of 1 s on 4 workers: seconds until the prompt is back, and lines printed from then on",
        interrupted,
    ),
    Row("Eight workers print", "160 lines beside a live display: lines that are whole in the end", printing),
    Row("In a pipe", "40 items: bytes on stderr, and how often a line was written over", piped),
    Row("In CI", "the same with `CI=1`: lines in the log", in_ci),
    Row(
        "More tasks than rows",
        "60 bars at once on 24 rows: lines that are left on the screen and in its history",
        crowded,
    ),
    Row("The window changes its size", "five times, in tmux: lines that are left of the display in the end", resized),
    Row("Cost of an item", "2,000 items that do nothing, on 2 processes, handed out one by one: the best of 3", cost),
    Row("Cost of a frame", "30 rows that have all moved: processor time, the best of 3", frame_cost),
)
BY_NAME = (crowded, frame_cost)


def measured(row: Row, peer: Peer) -> str:
    """Return the cell of `peer`."""
    try:
        return re.sub(
            r"\b1 lines( are)?",
            lambda found: "1 line is" if found[1] else "1 line",
            row.ask(peer.name if row.ask in BY_NAME else peer.source),
        )
    except Exception as error:  # noqa: BLE001  # a cell says so, the others go on
        return f"not measured ({type(error).__name__})"


def page() -> str:
    """Run all; return the page."""
    here = [peer for peer in PEERS if installed(peer)]
    missing = [peer.name for peer in PEERS if not installed(peer)]
    versions = ", ".join(f"{peer.name} {importlib.metadata.version(peer.package)}" for peer in here if peer.package)
    lines = [
        "# Compared",
        "",
        "`python -m bench.compare` writes this page: it runs the same work with each library, as that library's own",
        "documentation does it (the programs stand in `bench/compare.py`), and counts what came out. Nothing is",
        "estimated, and rows where mainstage is not the best stay in. All work is done by worker processes, but for",
        "bars and frames.",
        "",
        f"{versions}; Python {platform.python_version()} on {platform.system()},",
        f"{os.cpu_count()} processors, shared with other work.",
        *([f"Not installed, and so left out: {', '.join(missing)}."] if missing else []),
        "",
        f"| | {' | '.join(peer.name for peer in here)} |",
        f"|---|{'---|' * len(here)}",
    ]
    for row in ROWS:
        cells = []
        for peer in here:
            cells.append(measured(row, peer))
            print(f"{row.title}: {peer.name}: {cells[-1]}", flush=True)
        lines.append(f"| {row.title} | {' | '.join(cells)} |")
    lines += ["", "What each row counts:", ""]
    lines += [f"- **{row.title}**: {row.how}." for row in ROWS]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
