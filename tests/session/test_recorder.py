"""`Run(recorder=)`: all that workers write, wherever it would lead."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import mainstage
from mainstage.events import TextWritten
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Collection

    from mainstage.events import Event


class Texts:
    """Keeps text."""

    unshown: Collection[str] = ()

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def record(self, event: Event) -> None:
        if isinstance(event, TextWritten):
            self.texts.append((event.stream, event.text))


def speak(n: int) -> int:
    print("out", n)  # noqa: T201  # the subject
    sys.stderr.write(f"err {n}\n")
    mainstage.current_task().log(f"log {n}")
    return n


@pytest.mark.parametrize("view", ["plain", "silent"])
def test_text_on_streams_that_lead_elsewhere_is_the_recorders_and_nobody_elses(
    view: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = Texts()
    display = RecordingDisplay() if view == "plain" else None
    with mainstage.Run("Work", max_workers=1, view=view, display=display, recorder=recorder) as run:
        assert list(run.map(speak, [1, 2])) == [1, 2]
    assert sorted(recorder.texts) == sorted(
        (kind, f"{word} {n}") for n in (1, 2) for kind, word in (("stdout", "out"), ("stderr", "err"), ("log", "log"))
    )
    assert recorder.unshown == {"stdout", "stderr", "warning"}
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
    if display is not None:
        assert any("log 1" in line for line in display.history)
        assert not any("out 1" in line or "err 1" in line for line in display.history)


def test_without_a_recorder_such_streams_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with mainstage.Run("Work", max_workers=1, view="silent") as run:
        assert list(run.map(speak, [1])) == [1]
    assert capsys.readouterr().out == "out 1\n"
