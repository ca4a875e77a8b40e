"""Whatever a program prints last is seen, and the terminal is as it was, though nobody leaves the run that is live."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.terminals import Pty, environment

PROGRAM = str(Path(__file__).parent / "programs" / "left.py")

LEFT = {
    ("half_read_track", "by_the_end"): 0,
    ("half_read_track_in_a_cycle", "by_sys_exit"): 1,
    ("half_read_generator_around_a_track", "by_an_exception"): 1,
    ("half_read_async_track", "by_the_end"): 0,
    ("half_read_map", "by_sys_exit"): 1,
    ("half_read_map_of_processes", "by_the_end"): 0,
    ("run_with_a_call", "by_an_exception"): 1,
    ("run_with_a_failure", "by_the_end"): 0,
    ("run_with_a_queue", "by_the_end"): 0,
    ("run_of_a_daemon_thread", "by_the_end"): 0,
    ("run", "by_sigterm"): -signal.SIGTERM,
    ("run", "by_os_exit"): 3,
    ("run", "by_os_exit_in_a_thread"): 3,
    ("run", "by_os_exit_in_a_worker"): 3,
    ("run", "by_os_exit_in_a_signal_handler"): 3,
    ("run", "by_another_program"): 0,
    ("run_that_captures_descriptors", "by_os_exit"): 3,
}


@pytest.mark.parametrize(("live", "way"), list(LEFT))
def test_what_a_program_prints_last_is_seen(live: str, way: str) -> None:
    with Pty([sys.executable, PROGRAM, live, way]) as program:
        assert program.wait() == LEFT[live, way]
        text = program.screen.text
        assert len([line for line in text.split("\n") if line.endswith("last words")]) == 1, text
        assert ("became this" in text) is (way == "by_another_program")
        assert "ignored" not in text
        assert ("Traceback" in text) is (way == "by_an_exception")
        program.screen.feed(b"beneath\r\n")
        assert [line for line in program.screen.lines() if line][-1] == "beneath"
    switched_on = program.output.rfind(b"\x1b[?25h")
    assert switched_on >= program.output.rfind(b"\x1b[?25l")


@pytest.mark.parametrize(("live", "way"), [("half_read_map", "by_sys_exit"), ("half_read_track", "by_the_end")])
def test_nothing_is_lost_or_added_in_a_pipe(live: str, way: str) -> None:
    ended = subprocess.run(
        [sys.executable, PROGRAM, live, way], capture_output=True, text=True, check=False, env=environment(), timeout=30
    )
    assert ended.returncode == LEFT[live, way]
    assert (ended.stdout + ended.stderr).count("last words") == 1
    assert "Traceback" not in ended.stderr
    assert "ignored" not in ended.stderr


def test_a_run_of_another_thread_goes_on_when_the_main_thread_ends() -> None:
    code = """
import threading, mainstage, mainstage.run.run
main_ended = threading.Event()
threading._register_atexit(main_ended.set)
def work():
    with mainstage.Run("Work") as run:
        entered.set()
        main_ended.wait()
        print("results", list(mainstage.track([1, 2, 3])))
entered = threading.Event()
threading.Thread(target=work).start()
entered.wait()
"""
    with Pty([sys.executable, "-c", code]) as program:
        assert program.wait() == 0
        assert "results [1, 2, 3]" in program.screen.text
