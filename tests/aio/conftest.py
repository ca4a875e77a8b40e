"""Runs for coroutines, each with an owner that draws, one that never does, and one that has nothing to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mainstage.run.display_session import DisplaySession
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Collection

    from mainstage.events import Event


class Events(list["Event"]):
    """Keeps the events of a run."""

    unshown: Collection[str] = ()

    def record(self, event: Event) -> None:
        self.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


@pytest.fixture(params=["owner awake", "owner asleep", "silent"], autouse=True)
def show(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "owner asleep":
        monkeypatch.setattr(DisplaySession, "owner_asleep", True)
    return str(request.param)


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def options(show: str, events: Events) -> dict[str, Any]:
    shown = {"view": "silent"} if show == "silent" else {"view": "live", "display": RecordingDisplay()}
    return {**shown, "recorder": events, "capture": True}
