"""A plugin of pytest: each test runs while a silent run is live, and each bar on any stream is a task of that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mainstage
import mainstage.rich

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def within_a_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(mainstage.rich.ProgressLive, "_taken_by", lambda _display, _capture: True)
    with mainstage.Run(view="silent"):
        yield
