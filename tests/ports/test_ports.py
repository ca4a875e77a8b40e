"""Programs in the shape of other libraries' examples, and their ports: the same results, every fact on the screen."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from tests.ports.pairs import PAIRS, PROGRAMS, Pair
from tests.system.terminals import environment

MOST_CHANGED = 2
LOOK_S = 0.1
pytestmark = pytest.mark.timeout(120)


def piped(pair: Pair, side: str) -> tuple[int, str]:
    """Run it with its output in pipes; return its status and what the program itself prints."""
    env = environment({"CI": "", "GITHUB_ACTIONS": ""})
    command = [sys.executable, str(pair.file(side))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
    return done.returncode, done.stdout if pair.own_output else done.stdout.splitlines()[-1]


def look(patterns: dict[str, re.Pattern[str]], text: str) -> None:
    """Take away those that are found."""
    for name in [name for name, pattern in patterns.items() if pattern.search(text)]:
        del patterns[name]


def unseen_on_a_terminal(pair: Pair, side: str) -> list[str]:
    """Run it on a terminal; return the facts that its screen never showed."""
    patterns = {fact.name: re.compile(getattr(fact, side)) for fact in pair.facts if getattr(fact, side)}
    with pair.pty(side) as pty:
        while pty.process.poll() is None:
            pty.read_for(LOOK_S)
            look(patterns, pty.screen.text)
        pty.wait()
        look(patterns, pty.screen.text)
        assert not pty.screen.cursor_hidden
    return list(patterns)


@pytest.fixture(params=PAIRS, ids=lambda pair: pair.name)
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    if found.needs:
        pytest.importorskip(found.needs)
    return found


def test_at_most_two_lines_change(pair: Pair) -> None:
    changes = pair.changes()
    assert 1 <= sum(line.startswith("+") for line in changes) <= MOST_CHANGED, changes
    assert sum(line.startswith("-") for line in changes) <= MOST_CHANGED, changes


def test_results_and_status_are_the_same(pair: Pair) -> None:
    assert piped(pair, "after") == piped(pair, "before")


@pytest.mark.parametrize("side", ["before", "after"])
def test_the_screen_shows_every_fact(pair: Pair, side: str) -> None:
    assert unseen_on_a_terminal(pair, side) == []


def test_there_are_twelve_pairs_and_no_other_program() -> None:
    assert {file.name for file in PROGRAMS.glob("*.py")} == {
        f"{pair.name}_{side}.py" for pair in PAIRS for side in ("before", "after")
    }
