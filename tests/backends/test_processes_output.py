"""What worker processes write, past every Python stream too, is attributed to the task that wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import process_work as work

import mainstage
from mainstage.errors import WorkerLost
from mainstage.events import TaskEnded, TaskStarted, TextWritten
from mainstage.testing import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Collection

    from mainstage.events import Event

METHODS = ("fork", "forkserver", "spawn")


class Events(list[Any]):
    """Takes all output, wherever it leads."""

    unshown: Collection[str] = ()

    def record(self, event: Event) -> None:
        self.append(event)

    def written(self) -> dict[str, list[str]]:
        """Return the lines by the name of their task."""
        names = {event.task: event.description for event in self if isinstance(event, TaskStarted)}
        lines: dict[str, list[str]] = {}
        for event in self:
            if isinstance(event, TextWritten) and event.stream in ("stdout", "stderr"):
                told = [f"{event.stream}: {line}" for line in event.text.split("\n")]
                lines.setdefault(names.get(event.task or 0, ""), []).extend(told)
        return lines


def opened(events: Events, **options: Any) -> mainstage.Run:
    options = {"mp_context": "forkserver", "max_workers": 2, "on_error": "collect", **options}
    return mainstage.Run("test", executor="process", display=RecordingDisplay(), recorder=events, **options)


@pytest.mark.parametrize("method", METHODS)
def test_print_c_code_and_programs_are_attributed_to_the_item(method: str) -> None:
    events = Events()
    with opened(events, mp_context=method) as run:
        assert list(run.map(work.loud, range(6))) == list(range(6))
    for n in range(6):
        expected = {f"stdout: {kind} {n}" for kind in ("python", "descriptor", "child", "c")} | {f"stderr: error {n}"}
        assert set(events.written()[f"loud({n})"]) == expected


def test_the_last_words_of_a_crash_are_shown() -> None:
    events = Events()
    with opened(events) as run:
        assert isinstance(run.submit(work.crash_loudly).exception(), WorkerLost)
    lines = events.written()["crash_loudly"]
    assert "stdout: before" in lines
    assert "stderr: Fatal Python error: Segmentation fault" in lines
    assert any("in crash_loudly" in line for line in lines)


def test_a_bar_of_tqdm_in_a_worker_is_a_task_in_its_task() -> None:
    events = Events()
    with opened(events) as run:
        assert run.submit(work.bar, 7).result() == 7
    started = {event.description: event for event in events if isinstance(event, TaskStarted)}
    ended = {event.task: event.completed for event in events if isinstance(event, TaskEnded)}
    assert started["their bar"].parent == started["bar(7)"].task
    assert ended[started["their bar"].task] == 7


def test_so_are_bars_of_a_subclass_and_of_threads_that_the_worker_starts() -> None:
    events = Events()
    with opened(events) as run:
        assert run.submit(work.subclassed_bar, 3).result() == 3
        assert run.submit(work.bar_over_threads, 6).result() == 30
    started = {event.description: event for event in events if isinstance(event, TaskStarted)}
    ended = {event.task: event.completed for event in events if isinstance(event, TaskEnded)}
    assert started["a subclass"].parent == started["subclassed_bar(3)"].task
    assert ended[started["a subclass"].task] == 3
    assert started["their threads"].parent == started["bar_over_threads(6)"].task
    assert ended[started["their threads"].task] == 6
    assert not {stream for lines in events.written().values() for stream in lines}
