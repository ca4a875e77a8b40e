"""Runs that are recorded, for the tests of what is made of a journal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import mainstage
from mainstage.journal.reader import JournalReader
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from pathlib import Path


MEETING = 3
together: list[threading.Barrier] = []
"""Where the first items wait for each other."""


def work(number: int) -> int:
    """An item that says something, nests, measures, and fails now and then."""
    task = mainstage.current_task()
    if together and number < MEETING:
        together[0].wait(10)
    task.set(total=10, unit="rows")
    for step in mainstage.track(range(5), "steps"):
        task.advance(2)
        task.metric("loss", 1 / (step + 1))
    task.log(f"this is {number}")
    if number % 5 == 3:
        raise ValueError(f"bad {number}")
    return number


def record(path: Path, *, items: int = 20, **options: Any) -> RunState:
    """Run `items` pieces of work with a journal at `path`; return what the run knew in the end.

    In threads each of the three workers has one of the first three items.
    """
    options = {"view": "silent", "max_workers": 3, "on_error": "collect", **options}
    threads = options.get("executor", "thread") == "thread" and options["max_workers"] == MEETING
    together.clear()
    together.extend([threading.Barrier(MEETING)] if threads and items >= MEETING else [])
    with mainstage.Run("recorded", journal=path, **options) as run:
        list(run.map(work, range(items)))
        list(run.map(abs, range(items)))
        assert run.submit(len, "four").result() == 4
        return run._live().show.loop.state


def reduced(path: Path) -> RunState:
    """Return what a journal says."""
    state = RunState()
    with JournalReader(path) as journal:
        for event in journal.events():
            reduce(state, event)
        assert not journal.damage
    return state
