"""A display, a recorder or a watcher that raises is told once and costs no task: the show is not the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.run.display_session import DisplaySession
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mainstage.events import Event


class Shows(RecordingDisplay):
    """Raises wherever it is to show something."""

    def show(self, *_picture: Any) -> bool:
        raise OSError("the window is gone")


class Closes(RecordingDisplay):
    """Raises at the end."""

    def close(self, *_picture: Any) -> None:
        raise ValueError("closed before")


class Both(Shows, Closes):
    """Raises everywhere."""


class Recorder:
    """Raises from its third event on."""

    unshown: Collection[str] = ()

    def __init__(self) -> None:
        self.asked = 0

    def record(self, _event: Event) -> None:
        self.asked += 1
        if self.asked >= 3:
            raise OSError("the disk is full")


def work(n: int) -> int:
    task = mainstage.current_task()
    task.log(f"line {n}")
    if n == 2:
        raise ValueError(n)
    return n * n


def outcomes(**options: Any) -> list[object]:
    with mainstage.Run("Work", max_workers=2, on_error="collect", **options) as run:
        values: list[object] = list(run.map(work, range(5)))
        with run.pause():
            pass
        return [value if isinstance(value, int) else type(value) for value in values]


WANTED = [0, 1, ValueError, 9, 16]


@pytest.mark.parametrize("display", [Shows, Closes, Both])
@pytest.mark.parametrize("view", ["live", "plain"])
def test_a_display_that_raises_is_told_once_and_the_plain_one_takes_over(
    display: Callable[[], RecordingDisplay], view: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcomes(view=view, display=display()) == WANTED
    told = capsys.readouterr().err
    assert "Work: 4 done, 1 failed" in told
    assert all(told.count(f"line {n}\n") <= 1 for n in range(5))
    assert told.count("takes over") <= 1


def test_a_recorder_that_raises_is_told_once_and_asked_no_more() -> None:
    recorder, display = Recorder(), RecordingDisplay()
    assert outcomes(view="plain", display=display, recorder=recorder) == WANTED
    assert recorder.asked == 3
    assert sum("the recorder Recorder raised OSError: the disk is full" in line for line in display.history) == 1


def test_a_watcher_that_raises_costs_a_view_and_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(*_: object) -> None:
        raise RuntimeError("cannot look")

    original = DisplaySession.open

    def opened(show: DisplaySession) -> Callable[[], None]:
        show.loop.watchers.append(watch)
        return original(show)

    monkeypatch.setattr(DisplaySession, "open", opened)
    assert outcomes(view="live", display=RecordingDisplay()) == WANTED
