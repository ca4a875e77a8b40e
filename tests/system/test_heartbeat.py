"""Frames go on while the main thread is in somebody else's code, and nothing of the user's is touched by that."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.system.programs.blocked import WAYS
from tests.system.terminals import DEADLINE, Pty, environment

PROGRAM = str(Path(__file__).parent / "programs" / "blocked.py")
FRAME = b"\x1b[?2026h"


def frames_before(text: bytes, output: bytes) -> int:
    return output.partition(text)[0].count(FRAME)


@pytest.mark.parametrize("mode", ["note", "track"])
@pytest.mark.parametrize("way", list(WAYS))
def test_frames_go_on_while_the_main_thread_blocks(way: str, mode: str) -> None:
    for seconds in ("1.6", "12"):  # at 10 a second, or as few as a loaded machine leaves
        with Pty([sys.executable, PROGRAM, way, mode, seconds]) as program:
            assert program.wait() == 0, program.screen.text
            frames = frames_before(b"UNBLOCKED", bytes(program.output))
            if frames >= 4:
                return
    pytest.fail(f"{frames} frames in 12 s:\n{program.screen.text}")


HOLDING = """
import logging, sys, threading, time, mainstage
logging.basicConfig(stream=sys.stderr, level=logging.INFO)
lock = threading.Lock()
def work():
    task = mainstage.current_task()
    for _ in range(100):
        time.sleep(0.02)
        task.advance()
with mainstage.Run("holding") as run:
    future = run.submit(work)
    n = 0
    while not future.done():
        with lock:
            logging.info("logged %d", n)
            print("printed", n, flush=True)
            n += 1
            time.sleep(0.01)
print("COUNT", n)
"""


def test_a_main_thread_that_holds_locks_logs_and_prints_sees_frames_go_on() -> None:
    with Pty([sys.executable, "-c", HOLDING], columns=80, rows=24) as program:
        assert program.wait() == 0, program.screen.text
        text = program.screen.text
        count = int(re.search(r"COUNT (\d+)", text)[1])  # type: ignore[index]  # it is there, or the test fails
        assert count > 20
        for n in range(count):
            assert len(re.findall(rf"^printed {n}$", text, re.MULTILINE)) == 1, n
            assert len(re.findall(rf"logged {n}$", text, re.MULTILINE)) == 1, n
        assert bytes(program.output).count(FRAME) >= 6


ALARM = """
import signal, sys, time, mainstage
rings = []
handler = lambda *_: rings.append(time.monotonic())
signal.signal(signal.SIGALRM, handler)
mine = lambda *_: None
signal.signal(signal.SIGINT, mine)
signal.signal(signal.SIGUSR1, mine)
began = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, 1.0)
def work():
    for _ in mainstage.track(range(75)):
        time.sleep(0.02)
with mainstage.Run("alarm") as run:
    run.submit(work)
    time.sleep(1.5)
assert len(rings) == 1 and rings[0] - began >= 1.0, rings
assert signal.getsignal(signal.SIGALRM) is handler
assert signal.getsignal(signal.SIGINT) is mine and signal.getsignal(signal.SIGUSR1) is mine
assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
print("UNTOUCHED")
"""


def test_the_alarm_its_timer_and_the_users_handlers_are_untouched() -> None:
    with Pty([sys.executable, "-c", ALARM]) as program:
        assert program.wait() == 0, program.screen.text
        assert "UNTOUCHED" in program.screen.text
        assert bytes(program.output).count(FRAME) >= 4


PLAIN = """
import sys, time, mainstage
def work():
    task = mainstage.current_task()
    for _ in range(100):
        time.sleep(0.02)
        task.advance()
with mainstage.Run("plain") as run:
    run.submit(work)
    time.sleep(1.5)
    sys.stderr.write("UNBLOCKED\\n")
"""


def test_without_a_terminal_the_plain_views_line_comes_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLAIN], capture_output=True, text=True, timeout=DEADLINE, env=environment(), check=True
    )
    before, _, after = done.stderr.partition("UNBLOCKED")
    assert "plain" in before, done.stderr
    assert "plain" in after, done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


WRITERS = """
import os, sys, threading, time, mainstage
from mainstage.core import unpatched
from mainstage.ui.display import fd_writer
real, writers = os.write, []
def spy(fd, data):
    if sys._getframe(1).f_code.co_filename == fd_writer.__file__:
        writers.append(threading.current_thread() is threading.main_thread())
    return real(fd, data)
unpatched.write = spy
def work(n):
    with mainstage.task(f"part {n}", total=20) as t:
        for i in range(20):
            t.log(f"line {n} {i}")
            time.sleep(0.02)
            t.advance()
    if n == 3:
        raise ValueError("no")
with mainstage.Run("writers", on_error="collect") as run:
    list(run.map(work, range(8)))
    fs = [run.submit(work, n) for n in range(8)]
    time.sleep(0.5)
print("WRITES", len(writers), all(writers))
"""


def test_every_write_to_the_terminal_comes_from_the_owner() -> None:
    with Pty([sys.executable, "-c", WRITERS]) as program:
        assert program.wait() == 0, program.screen.text
        found = re.search(r"WRITES (\d+) (\w+)", program.screen.text)
        assert found is not None, program.screen.text
        assert int(found[1]) >= 5
        assert found[2] == "True"


IDLE = """
import glob, os, sys, threading, time, mainstage
stop = threading.Event()
def track():
    for _ in mainstage.track(iter([1, 2, 3])):
        stop.wait()
def task():
    with mainstage.task("blocked", total=3):
        stop.wait()
def switches():
    total = 0
    for path in glob.glob("/proc/self/task/*/status"):
        for line in open(path):
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total
found = []
def count():
    time.sleep(3.5)
    while len(found) < 4 and min(found, default=999) > int(sys.argv[3]):  # a lock that is handed over late is a switch
        before = switches()
        time.sleep(3.0)
        found.append(switches() - before - 1)  # its own sleep
    stop.set()
with mainstage.Run("idle") as run:
    future = run.submit(globals()[sys.argv[1]]) if sys.argv[1] != "none" else None
    counter = threading.Thread(target=count)
    counter.start()
    if sys.argv[2] == "ours" and future:
        future.result()
    counter.join()
sys.stdout.write(f"SWITCHES {min(found)}\\n")
"""


@pytest.mark.parametrize("journal", ["no", "yes"])
@pytest.mark.parametrize("where", ["ours", "other"])
@pytest.mark.parametrize("what", ["none", "track", "task"])
def test_an_idle_run_wakes_nobody_without_a_terminal(tmp_path: Path, what: str, where: str, journal: str) -> None:
    # a poll of once a second would be three or more; one may be the metronome's last look, late on a loaded machine;
    # a journal has a loop that tells nothing of itself looked at after 1, 2, 4, 8, ... seconds: three switches each
    most = 1 if journal == "no" or what == "none" else 4
    argv = [sys.executable, "-c", IDLE, what, where, str(most)]
    env = environment({"MAINSTAGE_JOURNAL": str(tmp_path / "run.msj") if journal == "yes" else ""})
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, env=env, check=True)
    assert (tmp_path / "run.msj").exists() == (journal == "yes")
    assert int(done.stdout.split()[-1]) <= most


@pytest.mark.parametrize(("where", "most"), [("ours", 5), ("other", 8)])
@pytest.mark.parametrize("what", ["none", "track", "task"])
def test_an_idle_run_on_a_terminal_wakes_about_once_a_second(what: str, where: str, most: int) -> None:
    # in other code a frame costs three switches: the metronome's, and the main thread's with the lock handed over
    most = 1 if what == "none" else most
    with Pty([sys.executable, "-c", IDLE, what, where, str(most)]) as program:
        assert program.wait() == 0, program.screen.text
        assert int(re.search(r"SWITCHES (\d+)", program.screen.text)[1]) <= most  # type: ignore[index]  # as above


BELL = """
import signal, threading
from queue import Empty
from mainstage.run.heartbeat import WakeQueue
bell = WakeQueue()
def wait():
    print("WAITING", flush=True)
    try:
        bell.get(1.0)
    except Empty:
        print("IN TIME", flush=True)
signal.signal(signal.SIGCONT, lambda *_: None)
thread = threading.Thread(target=wait, daemon=True)
thread.start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCONT})  # so that it interrupts the other thread
thread.join()
"""


def test_the_metronome_is_not_late_for_ever_when_the_process_was_stopped_past_its_deadline() -> None:
    with subprocess.Popen([sys.executable, "-c", BELL], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "WAITING\n"
        time.sleep(0.2)
        program.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        program.send_signal(signal.SIGCONT)
        assert program.communicate(timeout=10)[0] == "IN TIME\n"


PANEL = """
import threading, time, mainstage
lock = threading.Lock()
def panel(state):
    with lock:
        return f"panel {sum(int(task.completed) for task in state.tasks.values())}"
with mainstage.Run("table", layout=mainstage.Dashboard(mainstage.dashboard.Bars(), panel)):
    with mainstage.task("work", total=200) as task:
        for n in range(200):
            time.sleep(0.02)
            task.advance()
            if n == 80:
                lock.acquire()  # never given back while a picture is drawn
print("DONE")
"""


def test_a_function_of_a_panel_is_called_while_the_main_thread_works_and_interrupted_where_it_waits() -> None:
    with Pty([sys.executable, "-c", PANEL]) as program:
        shown: set[str] = set()

        def changes() -> bool:
            shown.update(re.findall(r"panel (\d+)", program.screen.text))
            return len(shown) >= 3

        program.until(changes, what="three pictures")
        program.expect("DONE")
        assert program.wait() == 0, program.screen.text


COLUMNS = """
import time, mainstage
from rich.progress import TextColumn
with mainstage.Run("jobs", columns=["{task.description}!", TextColumn("<{task.completed:.0f}>")]) as run:
    future = run.submit(lambda: [time.sleep(0.02) for _ in mainstage.track(range(100), "job")])
    while not future.done():
        time.sleep(0.02)
"""


def test_columns_are_drawn_while_the_main_thread_works() -> None:
    with Pty([sys.executable, "-c", COLUMNS]) as program:
        assert program.wait() == 0, program.screen.text
        assert len(set(re.findall(rb"<(\d+)>", bytes(program.output)))) >= 3
        assert b"job!" in program.output
