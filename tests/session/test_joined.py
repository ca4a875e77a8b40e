"""A run inside a run: one display; what the inner one asked of another is said to be for nothing, its log is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import mainstage
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from pathlib import Path


def speak(name: str) -> None:
    mainstage.current_task().log(f"this is {name}")


def texts(log: Path) -> list[str]:
    return [line.split(" ", 2)[2] for line in log.read_text(encoding="utf-8").splitlines()]


def test_display_arguments_of_an_inner_run_are_said_to_be_without_effect_once() -> None:
    display = RecordingDisplay()
    with mainstage.Run("outer", view="live", display=display):
        for _ in range(3):
            with mainstage.Run("inner", view="json", strict=True) as inner:
                assert inner.submit(len, "four").result() == 4
    told = [line for line in display.history if "without effect" in line]
    assert len(told) == 1
    assert "view=, strict= of inner without effect: the run is shown within the one that is live" in told[0]


def test_an_inner_run_that_asks_for_nothing_is_no_matter() -> None:
    display = RecordingDisplay()
    with mainstage.Run("outer", view="live", display=display), mainstage.Run("inner", max_workers=2) as inner:
        assert inner.submit(len, "four").result() == 4
    assert not any("without effect" in line for line in display.history)


def test_the_log_of_an_inner_run_has_what_was_said_while_it_was_live(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with mainstage.Run("outer", view="live", display=RecordingDisplay()) as outer:
        outer.submit(speak, "before").result()
        with mainstage.Run("inner", log=log) as inner:
            inner.submit(speak, "inner").result()
        outer.submit(speak, "after").result()
    found = texts(log)
    assert (found[0], found[-1]) == ("run started: inner", "run ended")
    assert [re.sub(r"^\[.*\] ", "", line) for line in found[1:-1]] == ["this is inner"]
