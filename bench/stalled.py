"""Memory while the owner does nothing for five seconds and eight threads report at full speed."""

from __future__ import annotations

import subprocess
import sys

from bench.rows import Row

STALL = 5.0
OURS = f"""
import sys, threading, time
import mainstage
from mainstage.testing import RecordingDisplay

def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

over = threading.Event()
counts = []

def flood():
    count = 0
    with mainstage.task("flood") as task:
        while not over.is_set():
            for _ in range(1000):
                task.advance(1)
            count += 1000
    counts.append((count, task.completed))

with mainstage.Run(view="live", display=RecordingDisplay(), heartbeat=False):
    threads = [threading.Thread(target=flood) for _ in range(8)]
    before = rss()
    for thread in threads:
        thread.start()
    time.sleep({STALL})
    after = rss()
    over.set()
    for thread in threads:
        thread.join()
assert all(count == completed for count, completed in counts), counts
print(after - before, sum(count for count, _ in counts))
"""
PLAIN = """
import queue, threading, time

def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

over = threading.Event()
events = queue.SimpleQueue()

def flood():
    while not over.is_set():
        for _ in range(1000):
            events.put(("progress", 1))

threads = [threading.Thread(target=flood) for _ in range(8)]
before = rss()
for thread in threads:
    thread.start()
time.sleep(0.5)
print(rss() - before, events.qsize())
over.set()
"""


def measured(program: str) -> tuple[float, int]:
    """Return the megabytes gained, and how many reports were made."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    grown, reports = done.stdout.split()
    return float(grown), int(reports)


def rows() -> list[Row]:
    (ours, reports), (plain, events) = measured(OURS), measured(PLAIN)
    told = f"{ours:.1f} MB, {reports / 1e6:.0f} M reports"
    peer = f"a queue of events, 0.5 s: {plain:.0f} MB, {events / 1e6:.1f} M"
    return [Row("owner stalled 5 s, 8 threads: memory", told, peer, round(ours, 1), 20, "MB")]
