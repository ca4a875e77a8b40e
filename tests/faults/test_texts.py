"""Hostile texts over every sink and face, some hundreds each; `python -m tests.faults.texts` tries 10,000."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.faults import texts

from mainstage.core.clock import cpu
from mainstage.events import (
    ErrorReport,
    RunEnded,
    RunStarted,
    StopRequested,
    TaskChanged,
    TaskFailed,
    TaskRetried,
    TaskStarted,
    TextWritten,
)
from mainstage.ui.display.runlog import RunLog
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import FrameContext, Size
from mainstage.ui.views.layouts import LAYOUTS, factory
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.runner import Command, defused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", texts.SINKS)
def test_nothing_gets_through_a_sink(name: str) -> None:
    assert texts.check_sink(name, 240) == []


@pytest.mark.parametrize("name", texts.FACES)
def test_nothing_gets_through_a_face(name: str) -> None:
    face = texts.FACES[name]
    if missing := texts.missing_for(face):
        pytest.skip(f"{missing} is not installed")
    assert texts.run_face(face, 80, seed=1) == []


def test_the_readers_see_what_would_have_got_through() -> None:
    rng = random.Random(1)
    raw = "\n".join(texts.hostile(rng) for _ in range(500)).encode("utf-8", "replace")
    assert len(texts.terminal_breaches(raw)) > 500
    assert len(texts.text_breaches(raw)) > 500
    assert len(texts.command_breaches(raw)) > 50
    assert len(texts.json_breaches(raw)) > 500
    for ours in (b"\x1b[2;23r\x1b7\x1b8\x1b[?25l\x1b]8;;file:///x\x1b\\x\x1b]8;;\x1b\\", b"\x1b[38;5;12mx\x1b[0m\r\n"):
        assert texts.terminal_breaches(ours) == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error file=x::no", r"\::error file=x::no"),
        ("  \t::add-mask::x", "  \t\\::add-mask::x"),
        ("\u200d::error::x", "\u200d\\::error::x"),
        ("\x1b[31m::error::x", "\x1b[31m\\::error::x"),
        ("ok ##[set-output name=x]y", r"ok ##\[set-output name=x]y"),
        ("##vso[task.complete]", r"##vso\[task.complete]"),
        ("###[x]", r"###\[x]"),
        ("std::vector: ## heading [1] \x1b[1m", "std::vector: ## heading [1] \x1b[1m"),
        ("##\x1b[1mbold\x1b[0m", "##\x1b[1mbold\x1b[0m"),
        ("12:00 run: ::x", "12:00 run: ::x"),
    ],
)
def test_a_line_is_no_command_of_a_runner(line: str, shown: str) -> None:
    assert defused(line) == shown
    assert not isinstance(defused(Command(line)), Command)


@pytest.mark.parametrize(
    "unit", ["\u200d", "e\u0301", "\x1b]0;x", "\x1b[1", ":", "#", "\x1b[31m", "\u2028", "a\u200d "]
)
def test_the_time_that_a_text_takes_grows_as_its_length(unit: str) -> None:
    def seconds(length: int) -> float:
        given = [unit * (length // len(unit))] * texts.PER_TASK
        began = cpu()
        for check in (texts.written, texts.log, texts.json_lines):
            check(given)
        defused(given[0])
        return cpu() - began

    seconds(1000)
    assert min(seconds(40_000) for _ in range(2)) < 16 * min(seconds(10_000) for _ in range(2)) + 0.05


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("unit", ["\u200d", "e\u0301 ", "a"])
def test_a_frame_costs_what_is_shown_of_a_name(layout: str, unit: str) -> None:
    def seconds(length: int) -> float:
        state, name = RunState(), unit * (length // len(unit))
        reduce(state, RunStarted(0.0, name, 1e9))
        for task in range(1, 11):
            reduce(state, TaskStarted(0.1, task, 1, name, f"{name}{task}", 10, name))
        view = factory(layout)(Palette(), Glyphs())
        spent = []
        for frame in range(3):
            for task in range(1, 11):
                reduce(state, TaskChanged(1.0 + frame, task, 1, status=f"{name}{frame}"))
            began = cpu()
            view.rows(state, FrameContext(1.0 + frame, Size(100, 30)))
            spent.append(cpu() - began)
        return min(spent)

    seconds(10_000)
    assert seconds(300_000) < 3 * seconds(10_000) + 0.01


def test_a_name_begins_no_line_of_the_log_and_swallows_no_text(tmp_path: Path) -> None:
    name, said = "a\nb\x85c\u2028d\x1b]0;", "said\x07"
    log = RunLog(tmp_path / "log")
    error = ErrorReport(name, "no", "Traceback:\nno")
    for event in (
        RunStarted(0.0, name, 1e9),
        TaskStarted(0.1, 1, 1, "w", name),
        TextWritten(0.2, 1, 1, "w", "stdout", said),
        TaskRetried(0.3, 1, 1, 0.0, error, 0.1, name),
        TaskStarted(0.4, 1, 2, "w", name),
        TaskFailed(0.5, 1, 2, 0.0, error, name),
        StopRequested(0.6, name, 1),
        RunEnded(0.7),
    ):
        log.record(event)
    lines = [line[30:] for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    shown = "a b c d␛]0;"
    assert lines == [
        f"run started: {shown}",
        f"[{shown}] said␇",
        f"[{shown}] attempt 1 failed, again in 0.1 s: {shown}: no",
        f"[{shown}] failed (input {shown}): {shown}: no",
        f"[{shown}] Traceback:",
        f"[{shown}] no",
        f"asked to stop by {shown} (1)",
        "run ended",
    ]
