"""What everybody tries first: whole screens while it runs and at its end, in a pipe, in CI and in other forms.

Each program stands still at one point (`hold`), so the screen then is known line by line.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

import pytest
from tests.system.terminals import Pty, environment

from mainstage.ui.views.palette import Glyphs
from mainstage.ui.views.text import width

HEAD = """
import asyncio, os, sys, time, mainstage
from mainstage import current_task, map, task, track
from mainstage.futures import ProcessPoolExecutor, ThreadPoolExecutor
def hold():
    time.sleep(60 if os.environ.get("HOLD") else 0.6)
"""
SPIN = rf"[{''.join(Glyphs().spinner)}]"
WITHIN = Glyphs().within
BAR = r" *[━╸─]+ +"
AGE = r" +(\d\.\d|\d+) s"


class Case(NamedTuple):
    """A program, the lines of its screen while it holds, and those that it leaves."""

    source: str
    frame: list[str]
    left: list[str]
    status: int = 0


ITEM = """
def fetch(name):
    with task(name, total=2) as part:
        part.advance()
        hold()
        part.advance()
    return name
"""
TWO_ROWS = [rf"▸ a\.zip +50%{BAR}1/2.*", rf"▸ b\.zip +50%{BAR}1/2.*", rf"▸ total +0%{BAR}0/2.*"]
MAIN = "if __name__ == '__main__':\n    "
CASES = {
    "nested loops": Case(
        """
for epoch in track(range(3), "Epochs"):
    for step in track(range(20), f"Epoch {epoch + 1}"):
        if (epoch, step) == (1, 13):
            hold()
""",
        [rf"▸ Epochs +33%{BAR}1/3.*", rf"▸   Epoch 2 +65%{BAR}13/20.*"],
        [r"✓ Epochs: 3 in .*"],
    ),
    "a loop over a map": Case(
        """
def fetch(n):
    if n == 5:
        hold()
    return n
for _ in track(map(fetch, range(8), max_workers=2), "Fetching", total=8):
    pass
""",
        [rf"▸ Fetching +62%{BAR}5/8.*", rf"{SPIN}   fetch\(5\){AGE}"],
        [r"✓ Fetching: 8 in .*"],
    ),
    "a map in a loop": Case(
        """
def fetch(n):
    if n == 7:
        hold()
    return n
for epoch in track(range(2), "Epochs"):
    list(map(fetch, range(4 * epoch, 4 * epoch + 4), max_workers=2))
""",
        [rf"▸ Epochs +50%{BAR}1/2.*", rf"▸   fetch +75%{BAR}3/4.*", rf"{SPIN}     fetch\(7\){AGE}"],
        [r"✓ Epochs: 2 in .*"],
    ),
    "a manual bar": Case(
        """
with track(total=60, description="Reading", unit="B") as bar:
    bar.advance(30)
    bar.set(status="half")
    hold()
    bar.advance(30)
""",
        [rf"▸ Reading +50%{BAR}30/60 B.*  half"],
        [r"✓ Reading: 60 B in .*"],
    ),
    "two siblings": Case(
        """
with track(total=4, description="one") as one, track(total=8, description="other") as other:
    one.advance()
    other.advance(6)
    hold()
    one.advance(3)
    other.advance(2)
""",
        [rf"▸ one +25%{BAR}1/4.*", rf"▸ other +75%{BAR}6/8.*"],
        [r"✓ one: 4 in .*"],
    ),
    "silent work": Case(
        """
def fetch(n):
    hold()
list(map(fetch, range(2), max_workers=2))
""",
        [rf"{SPIN} fetch\(0\){AGE}", rf"{SPIN} fetch\(1\){AGE}", rf"▸ total +0%{BAR}0/2.*"],
        [r"✓ 2 done in .*"],
    ),
    "a loop that dies": Case(
        """
for n in track(range(100), "Search"):
    if n == 50:
        hold()
        raise KeyError(n)
""",
        [rf"▸ Search +50%{BAR}50/100.*"],
        [r"■ Search: stopped at 50 of 100", r"Traceback .*", r".*", r".*", r"KeyError: 50"],
        status=1,
    ),
    "text comes": Case(
        """
for n in track(range(10), "Reading"):
    if n < 3:
        print("line", n)
    if n == 5:
        hold()
""",
        ["line 0", "line 1", "line 2", rf"▸ Reading +50%{BAR}5/10.*"],
        ["line 0", "line 1", "line 2", r"✓ Reading: 10 in .*"],
    ),
    "items on threads": Case(
        f"{ITEM}\n{MAIN}list(map(fetch, ['a.zip', 'b.zip'], max_workers=2))",
        TWO_ROWS,
        [r"✓ 2 done in .*"],
    ),
    "items in processes": Case(
        f"{ITEM}\n{MAIN}list(map(fetch, ['a.zip', 'b.zip'], max_workers=2, executor='process'))",
        TWO_ROWS,
        [r"✓ 2 done in .*"],
    ),
    "futures on threads": Case(
        f"{ITEM}\n{MAIN}\n    with ThreadPoolExecutor(2) as pool:\n        list(pool.map(fetch, ['a.zip', 'b.zip']))",
        TWO_ROWS,
        [r"✓ 2 done in .*"],
    ),
    "futures in processes": Case(
        f"{ITEM}\n{MAIN}\n    with ProcessPoolExecutor(2) as pool:\n        list(pool.map(fetch, ['a.zip', 'b.zip']))",
        TWO_ROWS,
        [r"✓ 2 done in .*"],
    ),
    "coroutines": Case(
        """
async def fetch(name):
    with task(name, total=2) as part:
        part.advance()
        await asyncio.sleep(60 if os.environ.get("HOLD") else 0.6)
        part.advance()
async def main():
    await mainstage.aio.gather(fetch("a.zip"), fetch("b.zip"))
asyncio.run(main())
""",
        TWO_ROWS,
        [r"✓ 2 done in .*"],
    ),
    "items that are named": Case(
        f"{ITEM}\n{MAIN}list(map(fetch, [1, 2], max_workers=2, name='page {{}}'))".replace("task(name", "task('load'"),
        [
            rf"▸ page 1 {WITHIN} load +50%{BAR}1/2.*",
            rf"▸ page 2 {WITHIN} load +50%{BAR}1/2.*",
            rf"▸ total +0%{BAR}0/2.*",
        ],
        [r"✓ 2 done in .*"],
    ),
}
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def program(case: Case, tmp_path: object) -> list[str]:
    """Return the command; a file, since worker processes import it."""
    path = f"{tmp_path}/program.py"
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123  # as short
        file.write(HEAD + case.source)
    return [sys.executable, path]


def shown(pty: Pty) -> list[str]:
    return [line.rstrip() for line in pty.screen.text.split("\n") if line.strip()]


def matches(lines: list[str], patterns: list[str]) -> bool:
    """Return whether the lines are these. Rows of two workers come in the order in which they began."""
    same = len(lines) == len(patterns)
    swapped = [*patterns[1::-1], *patterns[2:]] if patterns is TWO_ROWS else patterns
    return same and any(all(map(re.fullmatch, each, lines)) for each in (patterns, swapped))


@EVERY
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_the_screen_while_it_runs_is_this_and_no_line_more(case: Case, size: tuple[int, int], tmp_path: object) -> None:
    with Pty(program(case, tmp_path), columns=size[0], rows=size[1], env={"HOLD": "1"}) as pty:
        pty.until(lambda: matches(shown(pty), case.frame), what="\n".join(case.frame))


@EVERY
def test_the_screen_at_the_end_is_this(case: Case, tmp_path: object) -> None:
    with Pty(program(case, tmp_path), columns=200) as pty:  # no path wraps
        assert pty.wait() == case.status, pty.screen.text
        assert matches(shown(pty), case.left), pty.screen.text


def piped(case: Case, tmp_path: object, **env: str) -> list[str]:
    """Run it with stderr in a pipe; return the lines there, without the time of day."""
    known = environment({"CI": "", "GITHUB_ACTIONS": "", **env})
    done = subprocess.run(program(case, tmp_path), capture_output=True, text=True, timeout=60, check=False, env=known)
    assert done.returncode == case.status, done.stderr
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in done.stderr.splitlines()]


@EVERY
@pytest.mark.parametrize("env", [{}, {"CI": "1"}, {"CI": "1", "GITHUB_ACTIONS": "true"}], ids=["pipe", "CI", "GitHub"])
def test_in_a_pipe_and_in_ci_there_are_a_line_at_the_start_and_those_that_are_left(
    case: Case, env: dict[str, str], tmp_path: object
) -> None:
    lines = [line for line in piped(case, tmp_path, **env) if not line.strip(" ^~").startswith("^")]
    starts = [line for line in lines if re.match(r".*: started", line)]
    assert len(starts) <= 1
    known = [
        *starts,
        *(line for line in lines if re.match(r"\w+: \d+ %", line)),
    ]  # after ten seconds, on a busy machine
    left = [pattern for pattern in case.left if not pattern.startswith("line ")]
    assert matches([line for line in lines if line not in known], left), lines


def test_two_hundred_inner_loops_give_the_lines_of_the_outer_one(tmp_path: object) -> None:
    source = """
for n in track(range(200), "Outer"):
    for _ in track(range(3), f"inner {n}"):
        if n == 9:
            hold()
"""
    lines = piped(Case(source, [], []), tmp_path, CI="1")
    assert matches(lines, [r"Outer: started", r"✓ Outer: 200 in .*"]), lines


@EVERY
def test_accessible_is_plain_lines_on_a_terminal(case: Case, tmp_path: object) -> None:
    with Pty(program(case, tmp_path), env={"ACCESSIBLE": "1"}) as pty:
        assert pty.wait() == case.status, pty.screen.text
        assert b"\x1b" not in pty.output
        assert re.search(case.left[-1], pty.screen.text), pty.screen.text


@EVERY
def test_without_colours_the_rows_are_the_same(case: Case, tmp_path: object) -> None:
    with Pty(program(case, tmp_path), env={"HOLD": "1", "NO_COLOR": "1"}) as pty:
        pty.until(lambda: matches(shown(pty), case.frame), what="\n".join(case.frame))
        assert not re.search(rb"\x1b\[(3[0-8]|9[0-7])", bytes(pty.output))


@EVERY
def test_in_ascii_every_sign_has_another(case: Case, tmp_path: object) -> None:
    env = {"HOLD": "1", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    with Pty(program(case, tmp_path), env=env) as pty:
        pty.until(lambda: len(shown(pty)) == len(case.frame), what=f"{len(case.frame)} lines")
        assert pty.screen.text.isascii()


def test_every_sign_has_another_in_ascii() -> None:
    plain, other = vars(Glyphs(unicode=False)), vars(Glyphs(unicode=True))
    signs = {name: sign for name, sign in plain.items() if isinstance(sign, str | tuple | list)}
    assert signs.keys() <= other.keys()
    assert not [name for name, sign in signs.items() if not "".join(sign).isascii()]


@pytest.mark.parametrize("columns", [20, 40, 60])
def test_a_narrow_terminal_keeps_names_and_counts(columns: int, tmp_path: object) -> None:
    with Pty(program(CASES["nested loops"], tmp_path), columns=columns, rows=10, env={"HOLD": "1"}) as pty:
        pty.until(lambda: len(shown(pty)) == 2, what="two rows")
        rows = shown(pty)
    assert all(width(row) < columns for row in rows)
    assert all(re.match(pattern, row) for pattern, row in zip([r"▸ Epochs", r"▸   Epoch 2"], rows, strict=True))
    if columns > 20:
        assert "1/3" in rows[0]
        assert "13/20" in rows[1]


def test_long_names_that_are_nearly_equal_stay_different(tmp_path: object) -> None:
    names = [f"/var/lib/data/project-of-the-year/run-{n:02}/final-with-a-long-name.parquet" for n in range(4)]
    case = Case(f"def load(name): hold()\nlist(map(load, {names}, max_workers=4))", [], [])
    with Pty(program(case, tmp_path), columns=60, env={"HOLD": "1"}) as pty:
        pty.until(lambda: len(shown(pty)) == 5, what="five rows")
        rows = shown(pty)[:4]
    assert len({row[2:] for row in rows}) == 4
    assert all(f"{n:02}" in row for n, row in enumerate(rows))
