"""What a frame costs: from the notes in the inbox to the bytes in a terminal, beside Rich's `Progress.refresh`.

CPU time of the thread that draws, medians of interleaved frames. Both sides draw the same tasks with the same columns
in colour, on a terminal of 100x45 whose other end is read.
"""

from __future__ import annotations

import io
import os
import re
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from bench.rows import Row, interleaved, listed, median, terminal
from mainstage.channels.inbox import ThreadChannel
from mainstage.events import RunStarted, SourceOpened
from mainstage.run.render_loop import RenderLoop
from mainstage.tasks.task import open_task
from mainstage.testing import ManualClock, RecordingDisplay
from mainstage.ui.display import ansi
from mainstage.ui.display.terminal import TerminalDisplay
from mainstage.ui.views.layouts import factory
from mainstage.ui.views.palette import Glyphs, Palette

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.ui.display import Display

ROUNDS = 8
FRAMES = 10
"""Frames in a row of each side, a round: a frame right after the other side's would find the caches full of that."""
COLUMNS, ROWS = 100, 45  # gives 33 rows
TOTAL = 10**9
SPEED = 16_000_000
"""Bytes a second that a task gains."""
SPELL = 0.002
"""Seconds between two frames for the terminal's other end to read: frames come ten times a second, not a thousand."""
STEP = 0.125
"""Seconds between two frames: more than the view's interval, and exact in binary."""
ENV = {"TERM": "xterm-256color"}


class Ours:
    """A live run of `live` tasks, of which the first `moved` move between two frames: real cells, channel and loop."""

    def __init__(self, live: int, moved: int, display: Display, layout: str = "bars") -> None:
        self.clock = ManualClock(1.0)
        self.channel = ThreadChannel(self.clock)
        self.display = display
        view = factory(layout)(Palette("256"), Glyphs(unicode=True))
        self.loop = RenderLoop(self.channel, view, display, self.clock)
        self.channel.send(RunStarted(1.0, "bench", 0.0))
        self.channel.send(SourceOpened(1.0, 0, live))
        self.tasks = [
            open_task(
                self.channel, self.channel.new_id(), 1, f"task number {n}.bin", worker=f"w{n}", total=TOTAL, unit="B"
            )
            for n in range(live)
        ]
        self.moved = self.tasks[:moved]
        self.clock.advance(1.0)
        while not self.channel.empty():
            self.loop.run_once()

    def move(self) -> None:
        self.clock.advance(STEP)
        for place, task in enumerate(self.moved):
            task.set(completed=int(self.clock.now() * SPEED) + place * 1_000_000)

    def draw(self) -> None:
        self.loop.run_once()


class Theirs:
    """The same tasks with the same columns in Rich's own display."""

    def __init__(self, live: int, moved: int, file: io.TextIOBase) -> None:
        self.now = 1.0
        console = Console(file=file, force_terminal=True, color_system="256", width=COLUMNS, height=ROWS)  # type: ignore[arg-type]
        columns = (
            TextColumn("{task.description}"),
            TaskProgressColumn(),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            TransferSpeedColumn(),
        )
        self.progress = Progress(*columns, console=console, auto_refresh=False, get_time=lambda: self.now)
        self.tasks = [self.progress.add_task(f"task number {n}.bin", total=TOTAL) for n in range(live)][:moved]
        self.progress.start()  # not before: each task added would be a frame

    def move(self) -> None:
        self.now += STEP
        for task in self.tasks:
            self.progress.update(task, completed=int(self.now * SPEED) + task * 1_000_000)

    def draw(self) -> None:
        self.progress.refresh()


class CountedFile(io.RawIOBase):
    """What a program's text stream has at its end: counts the writes, and passes them on."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.writes = 0
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        written = os.write(self.fd, data)  # type: ignore[arg-type]  # a buffer
        self.writes += 1
        self.bytes += written
        return written


def text_file(raw: CountedFile) -> io.TextIOBase:
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", line_buffering=True)


def cost(case: Ours | Theirs, frames: int = FRAMES) -> Callable[[], float]:
    """Return what draws `frames` frames and returns the CPU milliseconds of the median one."""

    def several() -> float:
        times = []
        for _ in range(frames):
            case.move()
            time.sleep(SPELL)
            begun = time.thread_time_ns()
            case.draw()
            times.append((time.thread_time_ns() - begun) / 1e6)
        return median(times)

    return several


def traffic(ours: Ours, counted: CountedFile, theirs: Theirs, frames: int = 20) -> dict[str, float]:
    """Return bytes and writes a frame, by side; ours are seen where the display writes."""
    writer = ours.display._outlet  # type: ignore[attr-defined]  # noqa: SLF001  # a `TerminalDisplay`'s
    real, sizes = writer._write, []  # noqa: SLF001  # as above

    def seen(data: bytes) -> int:
        taken: int = real(data)
        sizes.append(taken)
        return taken

    writer._write = seen  # noqa: SLF001  # as above
    try:
        for _ in range(frames):
            ours.move()
            time.sleep(SPELL)
            ours.draw()
    finally:
        writer._write = real  # noqa: SLF001  # as above
    counted.bytes = counted.writes = 0
    for _ in range(frames):
        theirs.move()
        time.sleep(SPELL)
        theirs.draw()
    return {
        "our bytes": sum(sizes) / frames,
        "our writes": len(sizes) / frames,
        "rich bytes": counted.bytes / frames,
        "rich writes": counted.writes / frames,
    }


def rows() -> list[Row]:
    """Return the rows of a frame with 30 live tasks, a quarter of which moved; with all moved, told beside."""
    found: list[Row] = []
    for moved, budget in ((8, True), (30, False)):
        with terminal(COLUMNS, ROWS) as mine, terminal(COLUMNS, ROWS) as other:
            counted = CountedFile(other)
            display = TerminalDisplay(mine, env=ENV)
            ours, theirs = Ours(30, moved, display), Theirs(30, moved, text_file(counted))
            cpu = interleaved({"ours": cost(ours), "rich": cost(theirs)}, ROUNDS, median)
            sent = traffic(ours, counted, theirs)
            theirs.progress.stop()
            display.close([], [])
        name = f"a frame, 30 live, {moved} moved:"
        peer = listed({"rich": cpu["rich"]}, "ms", ".2f")
        ratio = cpu["ours"] / cpu["rich"]
        found.append(Row(f"{name} CPU / Rich's", f"{cpu['ours']:.2f} ms", peer, ratio, 1 / 50 if budget else None))
        ratio = sent["our bytes"] / sent["rich bytes"]
        mine_told, peer = f"{sent['our bytes']:.0f} bytes", f"rich {sent['rich bytes']:.0f} bytes"
        found.append(Row(f"{name} bytes / Rich's", mine_told, peer, ratio, 1 / 4 if budget else None))
        writes, peer = sent["our writes"], f"rich {sent['rich writes']:.1f}"
        found.append(Row(f"{name} writes", f"{writes:.1f}", peer, writes, 1, ""))
    return found


_AMOUNT = re.compile(r"task number (\d+)\.bin\b.*? ([\d.]+/[\d.]+ \S+)")


def wrong_rows(case: Ours) -> int:
    """Return how many task rows of the last picture do not show the task's position as it is now."""
    from mainstage.ui.views import formatting  # noqa: PLC0415  # only here

    display = case.display
    assert isinstance(display, RecordingDisplay)
    told = [found for row in display.rows if (found := _AMOUNT.search(ansi.plain(row)))]
    assert told
    expected = {n: formatting.part(task.position(), TOTAL, "B") for n, task in enumerate(case.tasks)}
    return sum(expected[int(found[1])].strip() != found[2].strip() for found in told)


def oldest_reading(case: Ours, frames: int = 24) -> float:
    """Return how many seconds old the oldest position in the state is, in a storm in which every task moves on."""
    oldest = 0.0
    for frame in range(frames):
        case.move()
        case.draw()
        if frame >= frames // 2:
            now = case.clock.now()
            oldest = max(oldest, *(now - task.moved_at for task in case.loop.state.tasks.values()))
    return oldest


def many_rows() -> list[Row]:
    """Return the rows of a frame with 10,000 live tasks."""
    with displays(3) as places:
        few, some, all_ = Ours(30, 30, places[0]), Ours(10_000, 30, places[1]), Ours(10_000, 10_000, places[2])
        cpu = interleaved({"30 live": cost(few), "30 moved": cost(some), "all moved": cost(all_)}, ROUNDS, median)
    recorded = Ours(10_000, 10_000, RecordingDisplay(COLUMNS, ROWS))
    wrong = 0
    for frame in range(12):
        recorded.move()
        recorded.draw()
        if frame >= 2:  # by then a storm is under way: 10,000 notes at one instant come with the start alone
            wrong = max(wrong, wrong_rows(recorded))
    late = oldest_reading(recorded)
    rich = rich_thousand()
    peers = f"30 live {cpu['30 live']:.2f} ms, rich with 1,000 live {rich:.0f} ms"
    name = "a frame, 10,000 live,"
    return [
        Row(f"{name} 30 moved / 30 live", f"{cpu['30 moved']:.2f} ms", peers, cpu["30 moved"] / cpu["30 live"], 1.5),
        Row(f"{name} all moved / 30 live", f"{cpu['all moved']:.2f} ms", peers, cpu["all moved"] / cpu["30 live"], 20),
        Row(f"{name} all moved: visible rows not exact", str(wrong), "", wrong, 0, ""),
        Row(f"{name} all moved: age of the oldest position", f"{late:.2f} s", "", late, 1, "s"),
    ]


def rich_thousand() -> float:
    case = Theirs(1000, 30, io.StringIO())
    times = [cost(case, 1)() for _ in range(2)]
    case.progress.stop()
    return min(times)


@contextmanager
def displays(count: int) -> Iterator[list[TerminalDisplay]]:
    with ExitStack() as stack:
        fds = [stack.enter_context(terminal(COLUMNS, ROWS)) for _ in range(count)]
        displays = [TerminalDisplay(fd, env=ENV) for fd in fds]
        yield displays
        for display in displays:
            display.close([], [])
