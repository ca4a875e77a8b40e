"""`mainstage replay`: what is shown at a moment is what the run showed then, and its end is the run's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journal.records import record
from tests.state.lives import interleaved, lives

from mainstage.channels.inbox import ThreadChannel
from mainstage.cli.replay import Replay
from mainstage.events import ItemsEnded, RunEnded, RunStarted, TaskEnded, TaskMoved, TaskStarted, TextWritten
from mainstage.journal.reader import JournalReader
from mainstage.journal.writer import JournalWriter
from mainstage.run.render_loop import RenderLoop
from mainstage.testing import ManualClock, RecordingDisplay
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views.layouts import LAYOUTS, factory
from mainstage.ui.views.palette import Glyphs, Palette

if TYPE_CHECKING:
    from mainstage.events import Event


def replayed(path: Path, speed: float = 1e6) -> RunState:
    with JournalReader(path) as journal:
        replay = Replay(journal, speed, view="silent", layout="", keys=False)
        replay.run()
        return replay.viewer.state


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize("speed", [0.9, 20.0, 1e6])
def test_a_run_replayed_ends_as_the_run_did(tmp_path: Path, executor: str, speed: float) -> None:
    state = record(tmp_path / "run.msj", executor=executor, items=8)
    assert replayed(tmp_path / "run.msj", speed).summary() == state.summary()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_run_replayed_ends_as_the_run_did(data: st.DataObject) -> None:
    events = [RunStarted(1.0, "any", 100.0), *data.draw(interleaved(data.draw(lives()))), RunEnded(1000.0)]
    flushed = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.msj"
        state, writer = RunState(), JournalWriter(path)
        for event, flush in zip(events, flushed, strict=True):
            reduce(state, event)
            writer.record(event)
            if flush:
                writer.flush()
        assert replayed(path).summary() == state.summary()


LIFE: list[tuple[float, Event]] = [
    (10.0, RunStarted(10.0, "nightly", 1000.0)),
    (10.1, TaskStarted(10.1, 1, 1, "thread-1", "a.csv", 100, "rows")),
    (10.2, TaskStarted(10.2, 2, 1, "thread-2", "b.csv", 50, "rows")),
    (10.9, TextWritten(10.9, 1, 1, "thread-1", "log", "half of it")),
    (11.0, TaskMoved(11.0, 1, 1, 50)),
    (11.4, TaskEnded(11.4, 2, 1, 50)),
    (11.5, ItemsEnded(11.5, 1, "thread-2", ((3, 11.4, 11.45), (4, 11.45, 11.5)))),
    (12.0, TaskMoved(12.0, 1, 1, 90)),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_picture_at_a_moment_is_that_of_the_run(tmp_path: Path, layout: str) -> None:
    """A loop that records draws the same as one that reads what was recorded, at each moment."""
    clock = ManualClock(10.0)
    pictures = []
    loops = []
    for recorded in (True, False):
        display = RecordingDisplay(100, 20)
        loop = RenderLoop(ThreadChannel(clock), factory(layout)(Palette("none"), Glyphs()), display, clock)
        loops.append((loop, display))
        if recorded:
            loop.recorders = [JournalWriter(tmp_path / "run.msj")]
    (one, first), (other, second) = loops
    one.channel.send(LIFE[0][1])
    one.run_once()
    with JournalReader(tmp_path / "run.msj") as journal:
        for at, event in LIFE[1:]:
            clock.advance(at - clock.now())
            one.channel.send(event)
            one.run_once()
            one.draw(clock.now())
            other.take_past(journal.events())
            other.draw(clock.now())
            pictures.append((first.frames[-1].rows, second.frames[-1].rows))
            assert first.frames[-1].rows == second.frames[-1].rows
    assert any(rows for rows, _ in pictures)
    assert second.history == first.history


def test_the_command_shows_it_in_lines(tmp_path: Path) -> None:
    record(tmp_path / "run.msj", items=6)
    argv = [sys.executable, "-m", "mainstage", "replay", str(tmp_path / "run.msj"), "--speed", "100"]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert ": ValueError: bad 3" in ran.stderr
    assert "recorded: 12 done, 1 failed in" in ran.stderr.splitlines()[-1]


def test_one_of_a_killed_run_says_so(tmp_path: Path) -> None:
    record(tmp_path / "run.msj", items=6)
    path = tmp_path / "cut.msj"
    path.write_bytes((tmp_path / "run.msj").read_bytes()[:-3])
    argv = [sys.executable, "-m", "mainstage", "replay", str(path), "--speed", "100"]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "ends before its run" in ran.stderr
