"""What is seen: torn frames, and rows of garbage left behind, ours beside Rich's and tqdm's.

Torn: the bytes of a run are replayed through a terminal emulator chunk by chunk, as the terminal got them. Every row of
a frame carries the frame's number, so a screen that shows two numbers, or less than all rows, is torn. A terminal that
knows synchronized updates (DEC 2026) shows nothing between their begin and end; the figure without it is told too.

Garbage: programs run in tmux, which lays its lines out anew when the size changes. In the end the history may hold
every line of text once and every row of the last picture once; whatever else is there is garbage.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.terminals import Tmux

if TYPE_CHECKING:
    from collections.abc import Iterator

from bench.rows import Row
from mainstage.testing import Screen

COLUMNS, ROWS = 100, 45
LIVE, FRAMES = 30, 54
BEGIN, END, SHOW = b"\x1b[?2026h", b"\x1b[?2026l", b"\x1b[?25h"

TORN_OURS = f"""
import sys, time
from bench.frame_cost import ENV, Ours
from mainstage.ui.display.terminal import TerminalDisplay

display = TerminalDisplay(1, env=ENV)
run = Ours({LIVE}, {LIVE}, display)
for frame in range({FRAMES}):
    run.move()
    for number, task in enumerate(run.tasks):
        task.set(description=f"f{{frame:03}} task {{number:02}}")
    if frame % 3 == 0:
        run.tasks[0].log(f"line {{frame:03}}")
    run.draw()
    time.sleep(0.02)
display.close([], [])
"""
TORN_RICH = f"""
import sys, time
from rich.console import Console
from rich.progress import Progress

progress = Progress(console=Console(force_terminal=True), auto_refresh=False)
tasks = [progress.add_task(f"f000 task {{number:02}}", total=1000) for number in range({LIVE})]
with progress:
    for frame in range({FRAMES}):
        for number, task in enumerate(tasks):
            progress.update(task, advance=7, description=f"f{{frame:03}} task {{number:02}}")
        if frame % 3 == 0:
            progress.console.print(f"line {{frame:03}}")
        progress.refresh()
        time.sleep(0.02)
"""
_FRAME = re.compile(r"^\W*f(\d{3}) task \d\d(?! │)")


def chunks_of(program: str) -> list[bytes]:
    """Run `program` on a terminal and return what each read of it gave: whatever the kernel hands over at once."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen([sys.executable, "-c", program], stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    chunks: list[bytes] = []
    with contextlib.suppress(OSError):  # EIO: the program has ended
        while True:
            chunks.append(os.read(master, 65536))
    os.close(master)
    assert process.wait() == 0, b"".join(chunks).decode()
    return chunks


def pictures(chunks: list[bytes], *, synchronized: bool) -> Iterator[bytes]:
    """Yield the bytes between two moments at which a terminal may show what it has."""
    if not synchronized:
        yield from chunks
        return
    held = b""
    for chunk in chunks:
        held += chunk
        while (at := held.find(END)) >= 0:
            yield held[: at + len(END)]
            held = held[at + len(END) :]
        if held and BEGIN not in held:
            yield held
            held = b""


def torn(chunks: list[bytes], *, synchronized: bool) -> tuple[int, int]:
    """Return how many of the screens that a user sees are torn, and how many screens there were."""
    screen = Screen(COLUMNS, ROWS)
    bad = looked = 0
    for data in pictures(chunks, synchronized=synchronized):
        screen.feed(data)
        frames = [found[1] for line in screen.lines() if (found := _FRAME.search(line))]
        if not looked and len(frames) < LIVE:
            continue  # the first picture comes up
        if SHOW in data:
            break  # the last one is taken away
        looked += 1
        bad += len(set(frames)) != 1 or len(frames) != LIVE
    return bad, looked


def torn_rows() -> list[Row]:
    ours, theirs = chunks_of(TORN_OURS), chunks_of(TORN_RICH)
    bad, screens = torn(ours, synchronized=True)
    assert screens >= FRAMES // 2
    plain, chunks = torn(ours, synchronized=False)
    rich, rich_screens = torn(theirs, synchronized=True)
    told = f"{bad} of {screens} (without DEC 2026 {plain} of {chunks})"
    return [Row("torn frames, 30 bars", told, f"rich {rich} of {rich_screens}", bad, 0, "")]


HEAD = """
import os, subprocess, sys, time
bars, folder, pause = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "pause"
STEPS = 24

def rest(step):
    if step == STEPS // 2 and pause:
        subprocess.run(["tmux", "wait-for", "-S", "underway"], check=True)
        subprocess.run(["tmux", "wait-for", "go"], check=True)
    time.sleep(0.06)
"""
LEFT_OURS = f"""
{HEAD}
import mainstage
from mainstage.ui.display import ansi
from mainstage.ui.display.terminal import TerminalDisplay

kept = []
for name in ("show", "close"):
    def told(self, above, rows, *begun, real=getattr(TerminalDisplay, name), last=name == "close"):
        kept.extend(ansi.lines(above))
        kept.extend(rows if last else [])
        return real(self, above, rows, *begun)
    setattr(TerminalDisplay, name, told)

with mainstage.Run("bench"):
    tasks = [mainstage.task(f"bar {{number:03}}", total=STEPS) for number in range(bars)]
    for step in range(STEPS):
        for task in tasks:
            task.advance(1)
        tasks[0].log(f"line {{step:03}}")
        rest(step)
    for task in tasks:
        task.close()
with open(os.path.join(folder, "expected"), "w") as file:
    file.write("\\n".join(ansi.plain(line).rstrip() for line in kept))
"""
LEFT_RICH = f"""
{HEAD}
from rich.progress import Progress

with Progress() as progress:
    tasks = [progress.add_task(f"bar {{number:03}}", total=STEPS) for number in range(bars)]
    for step in range(STEPS):
        for task in tasks:
            progress.advance(task)
        progress.console.print(f"line {{step:03}}")
        rest(step)
"""
LEFT_TQDM = f"""
{HEAD}
from tqdm import tqdm

tasks = [tqdm(total=STEPS, desc=f"bar {{number:03}}", position=number) for number in range(bars)]
for step in range(STEPS):
    for task in tasks:
        task.update()
    tqdm.write(f"line {{step:03}}")
    rest(step)
for task in tasks:
    task.close()
"""
_KNOWN = re.compile(r"^(line \d{3}$|bar \d{3}\b)")
_RESIZED = (60, 16)


def left_behind(program: str, bars: int, size: tuple[int, int], resized: tuple[int, int] | None) -> int:
    """Run `program` in tmux and return how many rows of its history belong neither to the text nor to the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "program.py"
        script.write_text(program, encoding="utf-8")
        argv = [sys.executable, str(script), str(bars), name, "pause" if resized else "go on"]
        env = {"MAINSTAGE_VIEW": "live", "COLUMNS": "", "LINES": "", "CI": ""}
        with Tmux(argv, folder, columns=size[0], rows=size[1], env=env) as tmux:
            if resized:
                tmux.wait_for("underway")
                tmux.resize(*resized)
                tmux.signal("go")
            assert tmux.wait() == 0, "\n".join(tmux.everything())
            lines = tmux.everything(joined=True)
        expected = folder / "expected"
        known = Counter(expected.read_text(encoding="utf-8").split("\n")) if expected.exists() else None
    return strange(lines, known)


def strange(lines: list[str], known: Counter[str] | None) -> int:
    """Count the rows that are not `known`, or, where nobody told, each line and each bar after its first."""
    if known is not None:
        return sum((Counter(line.rstrip() for line in lines if line.strip()) - known).values())
    seen: set[str] = set()
    count = 0
    for line in lines:
        found = _KNOWN.match(line.strip())
        count += bool(line.strip()) and (found is None or found[1] in seen)
        if found is not None:
            seen.add(found[1])
    return count


def garbage_rows() -> list[Row]:
    """Return the rows of what is left behind; none where tmux is missing."""
    if shutil.which("tmux") is None:
        print("no tmux here: rows of garbage are not measured", file=sys.stderr)
        return []
    found: list[Row] = []
    for name, bars, size, resized in (
        ("rows of garbage, 100 bars on 24 rows", 100, (80, 24), None),
        ("rows of garbage, 8 bars, 100x30 shrunk to 60x16", 8, (100, 30), _RESIZED),
    ):
        ours, rich, bar = (left_behind(program, bars, size, resized) for program in (LEFT_OURS, LEFT_RICH, LEFT_TQDM))
        found.append(Row(name, str(ours), f"rich {rich}, tqdm {bar}", ours, 0, ""))
    return found
