"""Tasks that stand still, seen by a run with real threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from mainstage.core.commands import Locate
from mainstage.events import RunStarted, TaskStarted, TaskStuck
from mainstage.run.stalls import StallDetector, place_of_thread
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from mainstage.events import Event


def unasked(_: Locate) -> None:
    pytest.fail("a thread of this process is looked at from here")


def stand(here: threading.Event, free: threading.Event) -> None:
    here.set()
    free.wait(10)


def test_a_stuck_task_is_told_once_with_the_place_where_its_thread_stands() -> None:
    here, free = threading.Event(), threading.Event()
    thread = threading.Thread(target=stand, args=(here, free), name="thread-7")
    thread.start()
    try:
        assert here.wait(10)
        state = RunState()
        sent: list[Event] = []
        watch = StallDetector(sent.append, 60.0, unasked)
        begun: list[Event] = [RunStarted(0.0, "r", 0.0), TaskStarted(0.0, 1, 1, "thread-7", "t", 9.0)]
        for event in begun:
            reduce(state, event)
        for now in (59.0, 62.0, 66.0, 90.0):
            watch.check(state, now)
            for event in sent[len(sent) - 1 :]:
                reduce(state, event)
    finally:
        free.set()
        thread.join(10)
    (told,) = sent
    assert isinstance(told, TaskStuck)
    assert (told.at, told.task, told.attempt, told.seconds) == (66.0, 1, 1, 66.0)
    assert told.place.endswith(" in stand")
    assert "test_stuck.py:" in told.place


def test_a_worker_that_is_no_thread_is_asked_and_told_without_a_place_if_it_does_not_answer() -> None:
    state = RunState()
    sent: list[Event] = []
    asked: list[Locate] = []
    watch = StallDetector(sent.append, 60.0, asked.append)
    for event in (RunStarted(0.0, "r", 0.0), TaskStarted(0.0, 1, 1, "process-1", "t", 9.0)):
        reduce(state, event)
    watch.check(state, 61.0)
    assert (asked, sent) == ([Locate("process-1", 1, 1, 0.0)], [])
    watch.check(state, 62.0)
    assert sent == []
    watch.check(state, 67.0)
    assert sent == [TaskStuck(67.0, 1, 1, 67.0, "")]
    assert len(asked) == 1


def test_a_thread_that_is_not_there_or_there_twice_has_no_place() -> None:
    assert place_of_thread("no such thread") == ""
    free = threading.Event()
    threads = [threading.Thread(target=free.wait, args=(10,), name="twin") for _ in range(2)]
    for thread in threads:
        thread.start()
    assert place_of_thread("twin") == ""
    free.set()
    for thread in threads:
        thread.join(10)
