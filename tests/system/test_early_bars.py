"""Bars where no run is live: in threads, in child processes, short ones, open ones, ones that began before the run."""

from __future__ import annotations

import re
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import ROW_MARKS, Pty, environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEAD = """
import os, sys, threading, time
import mainstage
from mainstage.tqdm import tqdm
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "program.py")


def rows(pty: Pty) -> list[str]:
    """Return the rows of bars that are shown."""
    return [line for line in pty.screen.text.split("\n") if line.startswith(ROW_MARKS)]


class Program:
    """A program with bars, in a file of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_pty(self, text: str, columns: int = 80, rows: int = 24, arguments: Sequence[str] = ()) -> Pty:
        self._path.write_text(HEAD + dedent(text))
        return Pty([sys.executable, str(self._path), *arguments], columns=columns, rows=rows)

    def lines(self, text: str) -> list[str]:
        """Return what is on the terminal when it has ended well."""
        with self.on_pty(text) as pty:
            status = pty.wait()
            shown = [line.rstrip() for line in pty.screen.text.rstrip().split("\n")]
            assert status == 0, shown
            assert b"\x1b[?25l" not in pty.output.rpartition(b"\x1b[?25h")[2]
            return shown


THREADS = """
    def work(number):
        for _ in tqdm(range(60), desc=f"thread {number}"):
            time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("joined")
"""


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (20, 5)])
def test_bars_of_threads_are_rows_while_the_main_thread_joins_them(program: Program, columns: int, lines: int) -> None:
    with program.on_pty(THREADS, columns=columns, rows=lines) as pty:
        pty.until(lambda: len(rows(pty)) >= min(3, lines - 3), what="a row of each")
        assert pty.wait() == 0
        text = pty.screen.text
        assert rows(pty) == []
        assert text.count("✓ thread") == 3


def test_bars_that_begin_before_the_one_around_them_stand_under_one_display(program: Program) -> None:
    shown = program.lines("""
        from concurrent.futures import ThreadPoolExecutor

        def job(number):
            for _ in tqdm(range(10), desc=f"job {number}", leave=False):
                time.sleep(0.03)
            return number

        with ThreadPoolExecutor(3) as pool:
            print(sum(tqdm(pool.map(job, range(6)), total=6, desc="all")))
    """)
    assert [line.split(" in ")[0] for line in shown] == ["✓ all: 6", "15"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_opens_no_display(program: Program, method: str) -> None:
    shown = program.lines(f"""
        from multiprocessing import get_context

        def job(number):
            bar = tqdm(range(8), desc=f"child {{number}}")
            for _ in bar:
                time.sleep(0.03)
            for _ in mainstage.track(range(5), "tracked"):
                time.sleep(0.03)
            return bar.n

        if __name__ == "__main__":
            with get_context("{method}").Pool(2) as pool:
                print(sum(tqdm(pool.imap(job, range(4)), total=4, desc="all")))
            with get_context("{method}").Pool(2) as pool:
                print(sum(pool.map(job, range(4))))
    """)
    told = [line.split(" in ")[0] for line in shown]
    assert [line for line in told if "child" not in line] == ["✓ all: 4", "32", "32"]
    assert {line[:9] for line in told if "child" in line} <= {f"✓ child {number}"[:9] for number in range(4)}


CHILDREN = """
    from multiprocessing import get_context

    def job(number):
        with tqdm(range(50), desc=f"child {number}", leave=number != 1) as bar:
            for n in bar:
                time.sleep(0.05)
                bar.set_postfix(loss=n)
                if number == 2 and n == 40:
                    os._exit(1)
        return bar.n

    if __name__ == "__main__":
        context = get_context(sys.argv[1])
        tqdm.get_lock()
        with context.Pool(2, initializer=tqdm.set_lock, initargs=(tqdm.get_lock(),)) as pool:
            print(sum(tqdm(pool.imap(job, range(2)), total=2, desc="all")))
        for _ in tqdm(range(1), desc="lost"):
            child = context.Process(target=job, args=(2,))
            child.start()
            child.join()
        print("end")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_bars_of_children_open_the_run_of_a_parent_that_has_none(program: Program, method: str) -> None:
    text = """
        from multiprocessing import get_context

        def job(number):
            for _ in tqdm(range(50), desc=f"child {number}", position=number):
                time.sleep(0.04)

        if __name__ == "__main__":
            context = get_context(sys.argv[1])
            lock = context.RLock()
            tqdm.set_lock(lock)
            with context.Pool(2, initializer=tqdm.set_lock, initargs=(lock,)) as pool:
                pool.map(job, range(2))
                time.sleep(0.3)
            for _ in tqdm(range(1), desc="after"):
                time.sleep(0.3)
    """
    with program.on_pty(text, arguments=[method]) as pty:
        pty.until(lambda: len(rows(pty)) == 2, what="a row of each")
        assert pty.wait() == 0
        assert rows(pty) == []
        shown = [line.rstrip() for line in pty.screen.text.rstrip().split("\n") if line]
    told = [line.split(" in ")[0] for line in shown]
    assert sorted(told[:2]) == ["✓ child 0: 50", "✓ child 1: 50"]
    assert told[2:] == ["✓ after: 1"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_bars_of_children_are_rows_of_their_parents_run(program: Program, method: str) -> None:
    with program.on_pty(CHILDREN, arguments=[method]) as pty:
        pty.until(lambda: len(rows(pty)) == 3, what="a row of each")
        pty.until(lambda: any("child 1" in row and "loss=" in row for row in rows(pty)), what="a postfix")
        assert pty.wait() == 0
        assert rows(pty) == []
        shown = [line.rstrip() for line in pty.screen.text.rstrip().split("\n") if line]
    told = [line.split(" in ")[0] for line in shown]
    lost = [line for line in told if re.fullmatch(r"■ child 2: stopped at (3\d|40) of 50", line)]
    assert len(lost) == 1, told
    assert [line for line in told if line not in lost] == ["✓ child 0: 50", "✓ all: 2", "100", "✓ lost: 1", "end"]


def test_short_loops_open_no_run_and_leave_their_lines(program: Program) -> None:
    shown = program.lines("""
        for number in range(5):
            for _ in tqdm(range(3), desc=f"loop {number}"):
                pass
            print("between")
        for _ in mainstage.track(range(3), "tracked"):
            print("in the loop")
        for _ in tqdm(range(3), leave=False):
            pass
    """)
    loops = [line for number in range(5) for line in (f"✓ loop {number}: 3 in 0.0 s", "between")]
    assert shown == [*loops, *["in the loop"] * 3, "✓ tracked: 3 in 0.0 s"]


def test_a_bar_that_is_never_closed_loses_no_line(program: Program) -> None:
    for seconds in (0.05, 0):
        shown = program.lines(f"""
            bar = tqdm(total=10, desc="open")
            for _ in range(7):
                bar.update(1)
                time.sleep({seconds})
            print("the last line")
        """)
        assert shown == ["the last line", "■ open: stopped at 7 of 10"]


def test_the_bar_of_a_thread_that_outlives_the_main_one_leaves_its_line(program: Program) -> None:
    shown = program.lines("""
        def work():
            for _ in tqdm(range(8), desc="thread"):
                time.sleep(0.05)
            print("thread done")

        threading.Thread(target=work).start()
        print("main done")
    """)
    assert [line.split(" in ")[0] for line in shown] == ["main done", "✓ thread: 8", "thread done"]


def test_the_run_of_a_threads_bar_goes_on_when_the_main_thread_has_ended(program: Program) -> None:
    shown = program.lines("""
        def work():
            for _ in tqdm(range(60), desc="thread"):
                time.sleep(0.05)
            print("thread done")

        threading.Thread(target=work).start()
        time.sleep(1.5)
        print("main done")
    """)
    assert [line.split(" in ")[0] for line in shown] == ["main done", "✓ thread: 60", "thread done"]


def test_a_run_of_the_programs_takes_the_bars_that_wait(program: Program) -> None:
    shown = program.lines("""
        go = threading.Event()

        def work():
            with tqdm(total=4, desc="thread") as bar:
                for _ in range(4):
                    go.wait(0.05)
                    bar.update()

        thread = threading.Thread(target=work)
        thread.start()
        with mainstage.Run("mine") as run:
            assert run.submit(sum, [1, 2]).result() == 3
            thread.join()
    """)
    assert shown[0].split(" in ")[0] == "✓ thread: 4"
    assert not any("▸" in line for line in shown)


def test_ctrl_c_in_a_loop_that_waits_and_in_one_that_is_shown(program: Program) -> None:
    for seconds in (0.0, 1.0):
        text = f"""
            try:
                for number in tqdm(range(10000), desc="loop"):
                    if not number:
                        print("begun")
                    if number == {int(seconds * 20)}:
                        print("ready")
                    time.sleep(0.05)
            except KeyboardInterrupt:
                print("interrupted")
        """
        with program.on_pty(text) as pty:
            pty.expect("ready")
            pty.send(b"\x03")
            assert pty.wait() == 0
            shown = pty.screen.text
        assert "interrupted" in shown
        word = "interrupted" if seconds else "stopped"  # before there is a run, nobody says which
        assert shown.count(f"■ loop: {word} at") == 1


def test_a_bar_of_tqdm_that_began_before_becomes_a_row_and_draws_again_after_it(program: Program) -> None:
    text = """
        import tqdm as theirs

        bar = theirs.tqdm(total=60, desc="theirs")
        bar.update(5)
        for number in tqdm(range(50), desc="ours"):
            bar.update()
            time.sleep(0.03)
        bar.update(5)
        bar.close()
        print("end")
    """
    with program.on_pty(text) as pty:
        pty.until(lambda: any("theirs" in row for row in rows(pty)), what="the row of theirs")
        assert "theirs:" not in pty.screen.text
        assert pty.wait() == 0
        shown = [line.rstrip() for line in pty.screen.text.rstrip().split("\n")]
    assert [line.split(" in ")[0].split("|")[0] for line in shown if line] == ["✓ ours: 50", "theirs: 100%", "end"]


def test_in_a_pipe_there_is_a_line_each(program: Program) -> None:
    program._path.write_text(HEAD + dedent(THREADS))
    done = subprocess.run(
        [sys.executable, str(program._path)], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "joined\n"
    ended = [line for line in done.stderr.splitlines() if "✓" in line]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d ✓ .*", line) for line in ended), ended
    assert sorted(line.split("✓ ")[1].split(" in ")[0] for line in ended) == [
        f"thread {number}: 60" for number in range(3)
    ]


def test_where_sigurg_is_the_programs_own_its_bars_open_a_run_at_once_and_threads_leave_their_lines(
    program: Program,
) -> None:
    shown = program.lines("""
        import signal
        from mainstage.run.display_session import DisplaySession

        def mine(*_):
            pass

        signal.signal(signal.SIGURG, mine)
        thread = threading.Thread(target=lambda: [time.sleep(0.05) for _ in tqdm(range(6), desc="thread")])
        thread.start()
        thread.join()
        for _ in tqdm(range(3), desc="main"):
            live = DisplaySession.current is not None
        print(live, signal.getsignal(signal.SIGURG) is mine)
    """)
    assert [line.split(" in ")[0] for line in shown] == ["✓ thread: 6", "✓ main: 3", "True True"]


def test_what_the_environment_says_of_a_display_is_refused_at_the_loop(program: Program) -> None:
    text = """
        for number in tqdm(range(3)):
            print("begun")
    """
    program._path.write_text(HEAD + dedent(text))
    done = subprocess.run(
        [sys.executable, str(program._path)],
        env=environment({"MAINSTAGE_VIEW": "lively"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "begun" not in done.stdout
    assert "DisplayError" in done.stderr


def test_a_silent_view_shows_neither_rows_nor_last_lines(program: Program) -> None:
    program._path.write_text(HEAD + dedent(THREADS))
    done = subprocess.run(
        [sys.executable, str(program._path)],
        env=environment({"MAINSTAGE_VIEW": "silent"}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("joined\n", "")


@pytest.mark.parametrize(
    "bar", ["tqdm(calls, total=9, desc='all')", "mainstage.track(calls, 'all', total=9, leave=True)"]
)
def test_the_line_of_a_loop_over_a_pool_of_ours_comes_before_what_is_printed_after_it(
    program: Program, bar: str
) -> None:
    shown = program.lines(f"""
        from mainstage.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(3) as pool:
            calls = pool.map(lambda n: time.sleep(0.05) or n, range(9))
            print(sum({bar}))
        print("end")
    """)
    assert [line.split(" in ")[0] for line in shown] == ["✓ all: 9", "36", "end"]
