"""pandas' `progress_apply`, which tqdm adds to it, inside workers: nested bars, exact counts, the same results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tqdm.auto

import mainstage
from mainstage.events import TaskEnded, TaskStarted
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Collection

pandas = pytest.importorskip("pandas")


def applied(rows: int) -> int:
    frame = pandas.DataFrame({"a": range(rows)})
    return int(frame["a"].progress_apply(lambda value: value * 2).sum())


def test_the_bars_of_progress_apply_are_nested_and_exact() -> None:
    tqdm.auto.tqdm.pandas(desc="rows")
    display = RecordingDisplay()
    kept: list[object] = []

    class Kept:
        unshown: Collection[str] = ()

        def record(self, event: object) -> None:
            kept.append(event)

    with mainstage.Run("science", max_workers=2, view="live", display=display, recorder=Kept()) as run:
        futures = [run.submit(applied, rows) for rows in (200, 300)]
        assert [future.result() for future in futures] == [39_800, 89_700]
    bars = [event for event in kept if isinstance(event, TaskStarted) and event.description == "rows"]
    assert sorted(bar.total or 0 for bar in bars) == [200, 300]
    assert all(bar.parent is not None for bar in bars)
    counts = {event.task: event.completed for event in kept if isinstance(event, TaskEnded)}
    assert [counts[bar.task] for bar in bars] == [bar.total for bar in bars]
