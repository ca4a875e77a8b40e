"""The MAINSTAGE_ variables: what they say where the program says nothing, and what it says of a value that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mainstage
from mainstage.display.recording import RecordingDisplay
from mainstage.display.settings import Captured, Settings, settings
from mainstage.errors import DisplayError
from mainstage.show import Look

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_said_is_the_default() -> None:
    names = ("LOG", "HEARTBEAT", "CAPTURE", "STRICT")
    assert settings({}) == settings({f"MAINSTAGE_{name}": "" for name in names}) == Settings()


@pytest.mark.parametrize(("value", "on"), [("1", True), ("On", True), ("yes", True), ("0", False), ("False", False)])
def test_a_switch_is_read_in_the_usual_words(value: str, *, on: bool) -> None:
    assert settings({"MAINSTAGE_STRICT": value}).strict is on
    assert settings({"MAINSTAGE_HEARTBEAT": value}).heartbeat is on


@pytest.mark.parametrize(
    ("value", "taken"), [("fd", "fd"), ("FD", "fd"), ("text", True), ("1", True), ("none", False), ("off", False)]
)
def test_capture_is_text_descriptors_or_nothing(value: str, taken: Captured) -> None:
    assert settings({"MAINSTAGE_CAPTURE": value}).capture == taken


@pytest.mark.parametrize("name", ["MAINSTAGE_HEARTBEAT", "MAINSTAGE_CAPTURE", "MAINSTAGE_STRICT"])
def test_a_value_that_is_none_is_an_error_that_names_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "perhaps")
    with pytest.raises(DisplayError, match=f"{name}='perhaps' makes no sense; take one of .*1, true"):
        mainstage.Run().__enter__()


def test_the_program_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOG", "a"), ("HEARTBEAT", "0"), ("CAPTURE", "fd"), ("STRICT", "1")):
        monkeypatch.setenv(f"MAINSTAGE_{name}", value)
    given = Look(log="b", heartbeat=True, capture=False, strict=False).settled()
    assert (given.log, given.heartbeat, given.capture, given.strict) == ("b", True, False, False)
    said = Look().settled()
    assert (said.log, said.heartbeat, said.capture, said.strict) == ("a", False, "fd", True)


def test_a_run_is_logged_and_strict_because_the_environment_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINSTAGE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("MAINSTAGE_STRICT", "1")
    with mainstage.Run("night", view="live", display=RecordingDisplay()) as run:
        assert run.submit(len, "four").result() == 4
        assert run._live().show.capture.strict
    assert "run started: night" in (tmp_path / "log").read_text(encoding="utf-8")


def test_a_log_that_does_not_open_is_an_error_that_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINSTAGE_LOG", str(tmp_path))
    with pytest.raises(DisplayError, match="MAINSTAGE_LOG"):
        mainstage.Run().__enter__()
