from __future__ import annotations

import os

import pytest

from mainstage.events import ErrorReport, RunStarted, SourceOpened, TaskEnded, TaskFailed, TaskStarted
from mainstage.ui.display.taskbar import AGAIN, REMOVED, Taskbar, is_shown
from mainstage.ui.display.terminal import TerminalDisplay
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState


def state_of(done: int, total: int | None, failed: int = 0) -> RunState:
    state = RunState()
    reduce(state, RunStarted(0.0, "run", 0.0))
    reduce(state, SourceOpened(0.0, 900, total))
    for task in range(done + failed):
        reduce(state, TaskStarted(0.0, task, 1, "w", "t"))
        ended = TaskEnded(1.0, task, 1, 0) if task < done else TaskFailed(1.0, task, 1, 0, ErrorReport("E", "no"))
        reduce(state, ended)
    return state


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({"WT_SESSION": "1"}, True),
        ({"ConEmuANSI": "ON"}, True),
        ({"TERM_PROGRAM": "ghostty", "TERM": "xterm-ghostty"}, True),
        ({"TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM_PROGRAM": "WezTerm", "TMUX": "/tmp/x"}, False),
        ({"TERM_PROGRAM": "iTerm.app"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({}, False),
    ],
)
def test_progress_is_shown_by_terminals_that_are_known_to(env: dict[str, str], shown: bool) -> None:
    assert is_shown(env) == shown


def test_it_says_how_much_is_done_that_something_failed_or_that_nobody_knows() -> None:
    for state, said in (
        (state_of(1, 4), "\x1b]9;4;1;25\x1b\\"),
        (state_of(1, 4, failed=1), "\x1b]9;4;2;50\x1b\\"),
        (state_of(1, None), "\x1b]9;4;3;\x1b\\"),
        (RunState(), ""),
    ):
        bar = Taskbar(shown=True)
        bar.look(state, 1.0)
        assert bar.take() == said
        assert bar.take() == ""


def test_it_is_said_again_when_it_changed_or_before_it_is_forgotten_and_taken_back_once() -> None:
    bar = Taskbar(shown=True)
    state = state_of(1, 4)
    assert bar.remove() == ""
    bar.look(state, 1.0)
    assert bar.take()
    bar.look(state, 2.0)
    assert not bar.take()
    bar.look(state, 1.0 + AGAIN)
    assert bar.take()
    assert bar.remove() == REMOVED
    assert bar.remove() == ""


@pytest.mark.parametrize("end", ["close", "emergency", "suspend"])
def test_however_the_display_ends_the_window_is_given_back(end: str) -> None:
    reading, writing = os.pipe()
    display = TerminalDisplay(writing, env={"TERM": "xterm-ghostty", "COLUMNS": "40", "LINES": "9"})
    display.tell(state_of(1, 4), 1.0)
    display.show([], ["a row"])
    assert b"\x1b]9;4;1;25\x1b\\" in os.read(reading, 9999)
    display.close([], []) if end == "close" else getattr(display, end)()
    assert REMOVED.encode() in os.read(reading, 9999)
    display.close([], [])
    os.close(reading)
    os.close(writing)


def test_other_terminals_get_nothing() -> None:
    reading, writing = os.pipe()
    display = TerminalDisplay(writing, env={"TERM": "xterm-256color", "COLUMNS": "40", "LINES": "9"})
    display.tell(state_of(1, 4), 1.0)
    display.show([], ["a row"])
    display.close([], [])
    os.close(writing)
    assert b"]9;4" not in os.read(reading, 9999)
    os.close(reading)
