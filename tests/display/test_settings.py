"""The MAINSTAGE_ variables: what they say where the program says nothing, and what it says of a value that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mainstage
from mainstage.errors import DisplayError
from mainstage.run.display_session import DisplayOptions
from mainstage.ui.display.recording import RecordingDisplay
from mainstage.ui.display.settings import Captured, Keys, Settings, settings, stuck_after
from mainstage.ui.views.palette import Palette

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_said_is_the_default() -> None:
    names = ("LOG", "HEARTBEAT", "CAPTURE", "STRICT", "PREFIX", "KEYS")
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


@pytest.mark.parametrize(("value", "taken"), [("1", True), ("auto", "auto"), ("off", False)])
def test_keys_are_taken_or_not_or_where_they_can_be_had(value: str, taken: Keys) -> None:
    assert settings({"MAINSTAGE_KEYS": value}).keys == taken


def test_no_keys_of_the_environment_hold_for_those_who_take_them_where_they_can_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAINSTAGE_KEYS", "0")
    assert [DisplayOptions(keys=keys).resolved().keys for keys in (None, "auto", True)] == [False, False, True]
    monkeypatch.setenv("MAINSTAGE_KEYS", "1")
    assert [DisplayOptions(keys=keys).resolved().keys for keys in (None, "auto", False)] == [True, "auto", False]


@pytest.mark.parametrize("name", [f"MAINSTAGE_{end}" for end in ("KEYS", "HEARTBEAT", "CAPTURE", "STRICT", "PREFIX")])
def test_a_value_that_is_none_is_an_error_that_names_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "perhaps")
    with pytest.raises(DisplayError, match=f"{name}='perhaps' makes no sense; take one of .*1, true"):
        mainstage.Run().__enter__()


@pytest.mark.parametrize(
    ("value", "seconds"), [("", 60.0), ("300", 300.0), ("0.5", 0.5), ("none", None), ("0", None), ("Off", None)]
)
def test_when_a_task_is_stuck_is_a_number_of_seconds_or_never(value: str, seconds: float | None) -> None:
    assert stuck_after({"MAINSTAGE_STUCK_AFTER": value}) == seconds


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_an_error_that_names_its_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINSTAGE_STUCK_AFTER", value)
    with pytest.raises(DisplayError, match=r"MAINSTAGE_STUCK_AFTER='.*' makes no sense; take a number of seconds"):
        mainstage.Run().__enter__()


def test_a_theme_is_a_file_of_richs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "theme"
    file.write_text("[styles]\nbar.complete = bold blue\n", encoding="utf-8")
    monkeypatch.setenv("MAINSTAGE_THEME", str(file))
    assert Palette("16", DisplayOptions().resolved().theme).sgr("bar.complete") == "\x1b[1;34m"
    assert (
        Palette("16", DisplayOptions(theme={"bar.complete": "red"}).resolved().theme).sgr("bar.complete") == "\x1b[31m"
    )


@pytest.mark.parametrize("text", [None, "no sections", "[styles]\nbar.complete = no such colour at all\n", "[other]\n"])
def test_a_theme_that_is_none_is_an_error_that_names_its_variable(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "theme"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("MAINSTAGE_THEME", str(file))
    with pytest.raises(DisplayError, match=r"MAINSTAGE_THEME=.* is no theme: .*; take a file with"):
        mainstage.Run().__enter__()


def test_the_program_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    said_there = {"LOG": "a", "HEARTBEAT": "0", "CAPTURE": "fd", "STRICT": "1", "PREFIX": "0", "STUCK_AFTER": "9"}
    for name, value in said_there.items():
        monkeypatch.setenv(f"MAINSTAGE_{name}", value)
    given = DisplayOptions(
        log="b", heartbeat=True, capture=False, strict=False, prefix=True, stuck_after=None
    ).resolved()
    assert given.prefix is True
    assert (given.log, given.heartbeat, given.capture, given.strict, given.stuck_after) == (
        "b",
        True,
        False,
        False,
        None,
    )
    said = DisplayOptions().resolved()
    assert said.prefix is False
    assert (said.log, said.heartbeat, said.capture, said.strict, said.stuck_after) == ("a", False, "fd", True, 9.0)


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
