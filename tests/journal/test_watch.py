"""`mainstage ps` and `watch`: the run of another process, live, over or killed; it notices nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from tests.journal.records import record
from tests.system.terminals import DEADLINE, Pty, environment

import mainstage
from mainstage.cli.main import main
from mainstage.cli.watch import choose
from mainstage.core.clock import SystemClock, monotonic
from mainstage.journal.follow import FileWatch
from mainstage.journal.places import KEPT, listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WATCH = [sys.executable, "-m", "mainstage", "watch"]
RUN = """
import sys, threading, mainstage
go = threading.Event()
def work(n):
    task = mainstage.current_task()
    task.set(total=10, unit="rows")
    task.advance(4)
    task.log(f"this is {n}")
    if n == 1:
        raise ValueError("bad 1")
    go.wait()
    return n
with mainstage.Run("nightly", max_workers=2, on_error="collect", view="silent", journal=True) as run:
    done = run.map(work, range(4))
    threading.Thread(target=lambda: (sys.stdin.readline(), go.set()), daemon=True).start()
    print("READY", flush=True)
    print(sum(n for n in done if isinstance(n, int)), flush=True)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where journals are found."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "mainstage"


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """A run of another process that goes on until it is sent a line."""
    argv = [sys.executable, "-c", RUN]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "READY\n"
        try:
            yield running
        finally:
            running.kill()


def go_on(program: subprocess.Popen[str]) -> str:
    """Let the run come to its end; return what it prints."""
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write("go\n")
    program.stdin.flush()
    return program.stdout.readline()


def test_a_run_of_another_process_is_shown_from_its_beginning_to_its_end(program: subprocess.Popen[str]) -> None:
    with Pty(WATCH, columns=80) as watch:
        watch.expect("│ this is 0")
        watch.expect(": ValueError: bad 1")
        watch.expect("40% ")
        watch.expect("4/10 rows")
        watch.expect("▸ nightly")
        watch.send(b"l")
        watch.expect("thread-1")
        assert go_on(program) == "5\n"
        assert program.wait(DEADLINE) == 0
        assert watch.wait() == 0
        assert "■ nightly: 3 done, 1 failed in" in watch.screen.text


def test_the_death_of_the_run_is_told_within_a_second(program: subprocess.Popen[str], folder: Path) -> None:
    with Pty([*WATCH, str(program.pid)], columns=200) as watch:
        watch.expect("│ this is 2")
        program.send_signal(signal.SIGKILL)
        program.wait()
        watch.expect("process", seconds=1.0 if not os.environ.get("CI") else DEADLINE)
        assert watch.wait() == 0
        assert f"stopped by the death of process {program.pid}: 0 done, 1 failed, 3 l" in watch.screen.text
        assert "ends before its run: process" in watch.screen.text
    (left,) = folder.iterdir()
    assert choose(str(program.pid)) == str(left)
    ran = CliRunner().invoke(main, ["ps"], standalone_mode=False)
    assert ran.output.splitlines()[1].split()[-4:] == ["killed", "0/4", "1", "nightly"]


@pytest.mark.parametrize("how", ["kill", "q", "ctrl-c"])
def test_the_end_of_the_watcher_changes_nothing(program: subprocess.Popen[str], how: str) -> None:
    with Pty([*WATCH, "nightly"], columns=100) as watch:
        watch.expect("▸ nightly")
        if how == "kill":
            watch.process.kill()
        else:
            watch.send(b"q" if how == "q" else b"\x03")
        status = watch.wait()
        assert status == {"kill": -signal.SIGKILL, "q": 0, "ctrl-c": -signal.SIGINT}[how]
        if how != "kill":
            assert f"left: nightly goes on (mainstage watch {program.pid})" in watch.screen.text
    assert go_on(program) == "5\n"
    assert program.wait(DEADLINE) == 0


def test_a_hold_is_refused_and_not_shown_as_done(program: subprocess.Popen[str]) -> None:
    with Pty(WATCH, columns=100) as watch:
        watch.expect("▸ nightly")
        watch.send(b"p")
        watch.expect("this run takes no commands from here")
        watch.until(lambda: "held, p: go on" not in watch.screen.text)
    assert go_on(program) == "5\n"


def test_ps_lists_what_is_live_and_what_was_killed(program: subprocess.Popen[str]) -> None:
    with Pty(WATCH, columns=100) as watch:
        watch.expect("│ this is 2")  # it has been written
    ran = CliRunner().invoke(main, ["ps"], standalone_mode=False)
    head, row = ran.output.splitlines()
    assert head.split() == ["PID", "STARTED", "FOR", "STATE", "DONE", "FAILED", "TITLE"]
    words = row.split()
    assert (words[0], words[-4:]) == (str(program.pid), ["live", "0/4", "1", "nightly"])


def test_ps_says_how_a_run_gets_a_journal() -> None:
    ran = CliRunner().invoke(main, ["ps"], standalone_mode=False)
    assert (ran.stdout, ran.exit_code) == ("", 0)
    assert "no run has a journal: begin a run with --journal, Run(journal=True) or MAINSTAGE_JOURNAL=auto" in ran.stderr


def test_which_one_is_meant(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="there is no live run to watch: begin a run with --journal"):
        choose(None)
    with pytest.raises(click.UsageError, match="there is no run 'x' to watch, nor a file: mainstage ps"):
        choose("x")
    with mainstage.Run("first", view="silent", journal=tmp_path / "first.msj"):
        assert choose(None).endswith("-1.msj") or os.path.islink(choose(None))  # noqa: PTH114
        assert choose("first") == choose(str(os.getpid())) == choose(None)
        assert choose(str(tmp_path / "first.msj")) == str(tmp_path / "first.msj")
        with mainstage.Run("second", journal=True):
            with pytest.raises(
                click.UsageError, match=r"there are 2 live runs, say which:\n  \d+  first\n  \d+  second"
            ):
                choose(None)
            assert choose("second") != choose("first")


def test_a_file_of_a_run_that_is_over_is_shown_at_once(tmp_path: Path) -> None:
    state = record(tmp_path / "run.msj")
    ran = subprocess.run([*WATCH, str(tmp_path / "run.msj")], capture_output=True, text=True, check=True)
    assert f"recorded: {state.counts.done} done, 4 failed in" in ran.stderr.splitlines()[-1]


def test_of_a_long_past_the_last_lines_are_shown(tmp_path: Path) -> None:
    with mainstage.Run("many", view="silent", journal=tmp_path / "run.msj") as run:
        list(run.map(lambda n: mainstage.current_task().log(f"line {n}"), range(1000)))
    ran = subprocess.run([*WATCH, str(tmp_path / "run.msj")], capture_output=True, text=True, check=True)
    assert 100 <= ran.stderr.count("line ") <= 205
    assert "lines are not shown: mainstage journal" in ran.stderr
    assert "many: 1,000 done" in ran.stderr


def test_what_ended_badly_is_kept_for_a_week(folder: Path) -> None:
    with mainstage.Run("bad", view="silent", journal=True, on_error="collect") as run:
        list(run.map(int, ["x"]))
    (left,) = listed()
    old = SystemClock.wall() - KEPT - 60
    os.utime(left, (old, old))
    assert listed() == []
    assert list(folder.iterdir()) == []
    with mainstage.Run("long", view="silent", journal=True):
        (live,) = listed()
        os.utime(live, (old, old))
        assert listed() == [live]


def test_a_file_watch_is_woken_by_a_write_and_by_close(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    watch = FileWatch(str(path))
    with path.open("a") as file:
        file.write("x")
    began = monotonic()
    assert watch.wait()
    assert monotonic() - began < 0.9
    watch.close()
    assert not watch.wait()
    watch.release()
