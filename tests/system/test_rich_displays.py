"""Displays of Rich's and ours under one display of a run, on a real terminal."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import Pty, environment

if TYPE_CHECKING:
    from pathlib import Path

OURS = """
    import sys, time, threading
    from mainstage.rich import *
    from mainstage.rich import Live, Status
    from rich.console import Console, Group
    from rich.panel import Panel
    import mainstage

    def go(name=None):
        "Say how far it is, and wait until the test has seen it."
        if name: print(name, flush=True)
        time.sleep(1.2)
"""


def program(body: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(OURS) + textwrap.dedent(body)]


def bars(text: str) -> int:
    """Count the rows that Rich has drawn."""
    return len(re.findall(r"(?:━|─)[^\n]* +\d+%", text))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (30, 6)])
def test_a_progress_with_columns_of_its_own_is_drawn_while_the_program_does_something_else(
    columns: int, rows: int
) -> None:
    body = """
        with Progress(SpinnerColumn(), "{task.description}", MofNCompleteColumn()) as progress:
            part = progress.add_task("part", total=4)
            progress.advance(part)
            go()
            progress.advance(part)
            progress.console.print("above")
            go()
        print("end")
    """
    with Pty(program(body), columns=columns, rows=rows) as pty:
        pty.expect("part 1/4")
        pty.expect("part 2/4")
        pty.expect("above")
        assert pty.wait() == 0
        text = pty.screen.text
    spins = {mark for mark in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if mark in bytes(pty.output).decode()}
    assert len(spins) > 2  # it moves while the main thread sleeps
    assert text.split() == ["above", "⠋", *text.split()[2:4], "2/4", "end"] or text.count("2/4") == 1
    assert text.index("above") < text.index("2/4") < text.index("end")


def test_a_status_and_a_panel_with_a_progress_live_in_a_run_beside_its_rows() -> None:
    body = """
        def work(n):
            time.sleep(4)
        with mainstage.Run("the run", max_workers=2) as run:
            run.submit(work, 1)
            with Status("waiting for it"):
                go()
            progress = Progress("{task.description}", MofNCompleteColumn())
            with Live(Panel(progress, title="frame")):
                part = progress.add_task("part", total=3)
                progress.advance(part, 2)
                go()
            print("both are over")
    """
    with Pty(program(body)) as pty:
        pty.until(lambda: "waiting for it" in pty.screen.text and "work(1)" in pty.screen.text, what="both")
        pty.until(lambda: "part 2/3" in pty.screen.text and "work(1)" in pty.screen.text, what="the panel and the row")
        assert "waiting for it" not in pty.screen.text
        assert pty.wait() == 0
        text = pty.screen.text
    assert text.count("frame") == 1
    assert "waiting" not in text
    assert text.index("part 2/3") < text.index("both are over") < text.index("1 done")


@pytest.mark.parametrize("columns", ["", "SpinnerColumn(), *Progress.get_default_columns()"])
def test_one_of_richs_own_that_draws_already_is_taken_over_and_goes_on_after_the_run(columns: str) -> None:
    body = f"""
        from rich.progress import Progress
        with Progress({columns}) as progress:
            outer = progress.add_task("outer", total=2)
            go("first")
            with mainstage.Run("inner", max_workers=2) as run:
                list(run.map(lambda n: time.sleep(0.6) or print("did", n), range(4)))
            progress.advance(outer)
            go("between")
            progress.advance(outer)
            print("last words")
        print("end")
    """
    with Pty(program(body)) as pty:
        pty.until(lambda: "outer" in pty.screen.text, what="Rich's own bar")
        pty.until(lambda: "did 1" in pty.screen.text and bars(pty.screen.text) >= 1, what="the run")
        pty.until(lambda: "between" in pty.screen.text and "50%" in pty.screen.text, what="Rich's own bar again")
        assert pty.wait() == 0
        text = pty.screen.text
    words = ("first", "did 0", "did 1", "did 2", "did 3", "4 done", "between", "last words", "outer", "end")
    assert [word for word in words if text.count(word) != 1] == []
    assert text.index("4 done") < text.index("between") < text.index("last words") < text.index("outer")
    assert "100%" in text


@pytest.mark.parametrize("order", ["rich", "ours"])
def test_four_libraries_in_one_program_are_one_display(order: str) -> None:
    body = f"""
        import tqdm, mainstage.tqdm, rich.progress
        def theirs():
            return rich.progress.Progress()
        def our():
            return Progress()
        first, second = (theirs, our) if {order!r} == "rich" else (our, theirs)
        with first() as one:
            a = one.add_task("bar one", total=4)
            go()
            with second() as two:
                b = two.add_task("bar two", total=4)
                time.sleep(0.5)
                with tqdm.tqdm(total=4, desc="bar three") as c, mainstage.tqdm.tqdm(total=4, desc="bar four") as d:
                    for n in range(3):
                        one.advance(a); two.advance(b); c.update(); d.update()
                        print("line", n)
                        time.sleep(0.7)
                    go()
        print("end")
    """
    with Pty(program(body)) as pty:
        names = ("bar one", "bar two", "bar three", "bar four")
        pty.until(lambda: all(pty.screen.text.count(name) == 1 for name in names), what="four rows, once each")
        assert len({line.index("%") for line in pty.screen.text.splitlines() if "%" in line}) == 1  # of one display
        assert pty.wait() == 0
        text = pty.screen.text
    assert [text.count(f"line {n}") for n in range(3)] == [1, 1, 1]
    assert [name for name in names if text.count(name) > 1] == []
    assert text.rstrip().endswith("end")


def test_ctrl_c_in_the_loop_gives_the_terminal_back_and_shows_how_far_it_was() -> None:
    body = """
        try:
            with Progress(SpinnerColumn(), *Progress.get_default_columns()) as progress:
                for n in progress.track(range(1000), description="long"):
                    time.sleep(0.05)
        except KeyboardInterrupt:
            print("interrupted")
    """
    with Pty(program(body)) as pty:
        pty.until(lambda: "long" in pty.screen.text, what="the row")
        pty.send(b"\x03")
        assert pty.wait() == 0
        text = pty.screen.text
    assert text.count("long") == 1
    assert text.index("long") < text.index("interrupted")
    assert pty.output.endswith(b"interrupted\r\n")
    assert pty.output.rindex(b"\x1b[?25h") > pty.output.rindex(b"\x1b[?25l")


def test_short_loops_open_no_run_and_leave_their_lines() -> None:
    body = """
        for n in range(3):
            for _ in track(range(5), f"short {n}"):
                pass
            print("after", n)
    """
    with Pty(program(body)) as pty:
        assert pty.wait() == 0
        text = pty.screen.text
    lines = [line for line in text.splitlines() if line.strip()]
    assert [line[:9].strip("✓ ") for line in lines] == [
        "short 0",
        "after 0",
        "short 1",
        "after 1",
        "short 2",
        "after 2",
    ]


def test_in_a_pipe_rich_has_the_last_word_as_ever() -> None:
    body = """
        for _ in track(range(5), "piped"):
            pass
        with Progress() as progress:
            progress.add_task("half", completed=50)
    """
    ran = subprocess.run(program(body), env=environment(), capture_output=True, text=True, check=True, timeout=60)
    assert ran.stderr == ""
    assert [line.split()[0] for line in ran.stdout.splitlines() if line.strip()] == ["piped", "half"]
    assert "\x1b" not in ran.stdout


def test_a_row_that_does_not_move_is_shown_while_the_program_sleeps() -> None:
    body = """
        with Progress() as progress:
            progress.add_task("still", completed=30)
            time.sleep(4)
            print("too late")
            time.sleep(30)
    """
    with Pty(program(body)) as pty:
        pty.until(lambda: "still" in pty.screen.text and "30/100" in pty.screen.text, what="the row")
        assert "too late" not in pty.screen.text


def test_a_column_of_the_programs_moves_while_it_sleeps_and_cannot_hang_it() -> None:
    body = """
        from rich.text import Text
        lock = threading.Lock()
        class Column(ProgressColumn):
            drawn = 0
            def render(self, task):
                with lock:
                    Column.drawn += 1
                return Text(f"drawn {Column.drawn}.")
        with Progress("{task.description}", Column()) as progress:
            progress.add_task("part")
            time.sleep(2)
            with lock:
                time.sleep(2)
            print("it went on")
    """
    with Pty(program(body)) as pty:
        pty.until(lambda: re.search(r"part drawn ([5-9]|1\d)\.", pty.screen.text) is not None, what="it moves")
        assert pty.wait() == 0
        assert "it went on" in pty.screen.text


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_the_programs_draws_nothing_and_counts(method: str, tmp_path: Path) -> None:
    script = tmp_path / "children.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing, time
        from mainstage.rich import Progress, SpinnerColumn, track

        def work(n):
            with Progress(SpinnerColumn(), "child {{task.description}}") as progress:
                number = progress.add_task(str(n), total=5)
                for _ in progress.track(range(5), task_id=number):
                    time.sleep(0.1)
                return progress.tasks[0].completed + sum(track(range(3), "child too"))

        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(2) as pool:
                print(pool.map(work, range(4)))
        """),
        encoding="utf-8",
    )
    with Pty([sys.executable, str(script)]) as pty:
        assert pty.wait() == 0
        assert pty.screen.text.strip() == "[8, 8, 8, 8]"
    assert b"child" not in pty.output
