"""The two workers of the recipe that everybody pastes, on threads of the user's and by submit: nothing hangs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.terminals import environment

import mainstage
import mainstage.aio
from mainstage.errors import QueueError
from mainstage.events import Event, TaskEnded, TaskFailed, TaskMoved, TaskReopened, TaskStarted
from mainstage.pool.job import Job
from mainstage.tasks import outcome
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable
    from typing import Self

    from mainstage.tasks.queue.raw_queue import RawQueue

SOON = 10.0
"""Seconds that any of this may take on a loaded machine; a hang takes for ever."""


def counted(n: int, q: queue.Queue[Any]) -> None:
    """Do the first worker of the recipe: a sentinel at the end."""
    for _ in range(n):
        time.sleep(0.001)
        q.put(1)
    q.put(None)


def shared(q: queue.Queue[Any]) -> None:
    """Do the second one: four of these share a task of 100, and nobody says when it is over."""
    for _ in range(25):
        time.sleep(0.001)
        q.put(1)


def early(q: queue.Queue[Any]) -> None:
    for _ in range(10):
        time.sleep(0.001)
        q.put(1)
    raise OSError("the disk is full")


class Recipe:
    """A run that is recorded, and the threads that a user starts beside it."""

    def __init__(self, **options: Any) -> None:
        self.display = RecordingDisplay()
        self.run = mainstage.Run("recipe", view="live", display=self.display, **options)
        self.threads: list[threading.Thread] = []
        self.events: list[Event] = []

    def __enter__(self) -> Self:
        self.run.__enter__()
        self.run._live().show.loop.recorders = [self]
        return self

    def __exit__(self, *left: Any) -> None:  # noqa: PYI036  # passed on as they are
        began = time.monotonic()
        try:
            self.run.__exit__(*left)
        finally:
            assert time.monotonic() - began < SOON
            for thread in self.threads:
                thread.join(SOON)
                assert not thread.is_alive()

    def record(self, event: Event) -> None:
        self.events.append(event)

    def start(self, worker: Callable[..., None], *args: Any, how: str = "thread") -> threading.Thread | None:
        """Start a worker as a user does."""
        if how == "submit":
            self.run.submit(worker, *args)
            return None
        thread = threading.Thread(target=worker, args=args)
        self.threads.append(thread)
        thread.start()
        return thread

    def of_queue(self, description: str = "queue") -> list[Event]:
        """Return the edges of the queue's task, in order."""
        task = next(e.task for e in self.events if isinstance(e, TaskStarted) and e.description == description)
        return [e for e in self.events if getattr(e, "task", None) == task and not isinstance(e, TaskMoved)]

    def kinds(self, description: str = "queue") -> list[str]:
        return [type(event).__name__ for event in self.of_queue(description)]


def ended(event: Event, completed: float) -> None:
    assert isinstance(event, TaskEnded)
    assert event.completed == completed


@pytest.fixture(autouse=True)
def quiet_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker's exception be the queue's business alone."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)


HOW = pytest.mark.parametrize("how", ["thread", "submit"])


@HOW
def test_both_workers_run_together(how: str) -> None:
    with Recipe(max_workers=8) as recipe:
        one = recipe.run.queue(total=40, description="one")
        four = recipe.run.queue(total=100, description="four")
        recipe.start(counted, 40, one, how=how)
        for _ in range(4):
            recipe.start(shared, four, how=how)
    ended(recipe.of_queue("one")[-1], 40)
    ended(recipe.of_queue("four")[-1], 100)
    assert recipe.kinds("one") == recipe.kinds("four") == ["TaskStarted", "TaskEnded"]


@HOW
def test_workers_may_be_staggered(how: str) -> None:
    with Recipe(max_workers=8) as recipe:
        four = recipe.run.queue(total=100)
        for _ in range(4):
            recipe.start(shared, four, how=how)
            time.sleep(0.015)
    ended(recipe.of_queue()[-1], 100)


@HOW
@pytest.mark.parametrize("gap", [0.0, 0.7])
def test_workers_may_come_one_after_the_other(how: str, gap: float) -> None:
    """Even so late that the task has been told as failed: the next one reopens it."""
    with Recipe(max_workers=1) as recipe:
        four = recipe.run.queue(total=100)
        for turn in range(4):
            thread = recipe.start(shared, four, how=how)
            if thread is not None:
                thread.join()
            if turn == 1:
                recipe.run._wait_until(lambda: four.completed == 50)
                recipe.run._wait_until(lambda: False, gap)
    ended(recipe.of_queue()[-1], 100)
    assert recipe.kinds().count("TaskFailed") == recipe.kinds().count("TaskReopened") == (1 if gap else 0)


@HOW
@pytest.mark.parametrize("total", [None, 100])
def test_four_sentinels_of_four_senders_are_fine(how: str, total: int | None) -> None:
    with Recipe(max_workers=4) as recipe:
        four = recipe.run.queue(total=total)
        for _ in range(4):
            recipe.start(counted, 25, four, how=how)
    ended(recipe.of_queue()[-1], 100)
    assert recipe.kinds() == ["TaskStarted", "TaskEnded"]


@HOW
def test_one_of_four_that_raises_fails_the_task_with_its_error(how: str) -> None:
    with pytest.raises(OSError, match="the disk is full"), Recipe(max_workers=4) as recipe:  # noqa: PT012  # the end of the block raises
        four = recipe.run.queue(total=100)
        for worker in (shared, shared, early, shared):
            recipe.start(worker, four, how=how)
    failed = recipe.of_queue()[-1]
    assert isinstance(failed, TaskFailed)
    assert failed.error.type == "OSError"
    if how == "thread":  # a future's failure stops its siblings, as on_error="raise" says
        assert failed.completed == 85


def submitted(run: mainstage.Run, queue: RawQueue) -> None:
    run.submit(early, queue).exception()


def in_a_coroutines_thread(_: mainstage.Run, queue: RawQueue) -> None:
    async def main() -> None:
        async with mainstage.Run("inner"):
            await asyncio.gather(mainstage.aio.to_thread(early, queue), return_exceptions=True)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("way", "place", "name"), [(submitted, Job, "send_end"), (in_a_coroutines_thread, outcome, "finish")]
)
def test_a_queue_knows_the_error_of_a_call_before_its_task_is_over(
    monkeypatch: pytest.MonkeyPatch, way: Callable[[mainstage.Run, RawQueue], None], place: Any, name: str
) -> None:
    """What is over may stop the run: a queue that heard of that first would be told as cancelled."""
    finish = getattr(place, name)
    found: list[tuple[bool, type]] = []

    def finish_and_look(*args: Any) -> None:
        finish(*args)
        given.request_cancel("the run was left")
        found.append((given.pending(), type(given.error())))

    with Recipe(on_error="collect") as recipe:
        given = recipe.run.queue(total=100)
        monkeypatch.setattr(place, name, finish_and_look)
        way(recipe.run, given)
        monkeypatch.undo()
    assert found == [(False, OSError)]
    assert isinstance(recipe.of_queue()[-1], TaskFailed)


@HOW
@pytest.mark.parametrize("on_error", ["collect", "skip"])
def test_one_of_four_that_raises_is_only_told_where_errors_are_collected(how: str, on_error: Any) -> None:
    with Recipe(max_workers=4, on_error=on_error) as recipe:
        four = recipe.run.queue(total=100)
        for worker in (shared, shared, early, shared):
            recipe.start(worker, four, how=how)
    failed = recipe.of_queue()[-1]
    assert isinstance(failed, TaskFailed)
    assert (failed.error.type, failed.completed) == ("OSError", 85)
    assert any("the disk is full" in line for line in recipe.display.history + recipe.display.rows)


@HOW
def test_a_sender_that_just_returns_fails_the_task_within_a_second(how: str) -> None:
    with pytest.raises(QueueError, match="10 of 100"), Recipe() as recipe:  # noqa: PT012  # the end of the block raises
        q = recipe.run.queue(total=100)
        recipe.start(counted, 10, q, how=how)
        recipe.run._wait_until(lambda: q.error() is not None, 1.5)
        assert q.error() is not None


def test_a_put_after_the_end_is_counted_and_no_more() -> None:
    with Recipe() as recipe:
        q = recipe.run.queue(total=10)
        recipe.start(counted, 10, q)
        recipe.run._wait_until(lambda: q.completed == 10)
        q.put(1)
        recipe.start(counted, 3, q)
    assert q.completed == 14
    assert [kind for kind in recipe.kinds() if kind != "TextWritten"] == ["TaskStarted", "TaskEnded"]
    ended(recipe.of_queue()[1], 10)
    assert any("more came after its end" in line for line in recipe.display.history)


def test_a_late_put_reopens_what_was_told_as_failed_and_the_end_of_the_block_decides() -> None:
    with Recipe() as recipe:
        q = recipe.run.queue(total=20)
        recipe.start(counted, 10, q)
        recipe.run._wait_until(lambda: q.error() is not None, SOON)
        recipe.start(counted, 10, q)
    assert recipe.kinds() == ["TaskStarted", "TaskFailed", "TaskReopened", "TaskEnded"]
    assert any(isinstance(event, TaskReopened) for event in recipe.events)


def test_the_failure_of_a_queue_is_raised_by_the_end_of_the_block_and_not_before() -> None:
    reached = []
    with pytest.raises(QueueError), Recipe() as recipe:  # noqa: PT012  # the end of the block raises
        q = recipe.run.queue(total=20)
        recipe.start(counted, 10, q)
        recipe.run._wait_until(lambda: q.error() is not None, SOON)
        reached.append(recipe.run.submit(lambda: 7).result())
    assert reached == [7]


def joined(recipe: Recipe) -> None:
    for thread in recipe.threads:
        thread.join()


def asleep(recipe: Recipe) -> None:
    time.sleep(0.3)


def stopped(recipe: Recipe) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    stop.wait()


@pytest.mark.parametrize("block", [joined, asleep, stopped])
@pytest.mark.parametrize("worker", [counted, early])
def test_the_owner_may_be_blocked_in_the_standard_library(
    block: Callable[[Recipe], None], worker: Callable[..., None]
) -> None:
    recipe = Recipe(on_error="collect")
    with recipe:
        q = recipe.run.queue(total=30)
        recipe.start(worker, *((30, q) if worker is counted else (q,)))
        block(recipe)
    last = recipe.of_queue()[-1]
    if worker is counted:
        ended(last, 30)
    else:
        assert isinstance(last, TaskFailed)


PASTED = """
import sys, threading, time, mainstage
def worker(n, q):
    for _ in range(n):
        time.sleep(0.001)
        q.put(1)
    if len(sys.argv) > 1:
        raise ValueError("no")
    q.put(None)
with mainstage.Run("pasted", view="json") as run:
    q = run.queue(total=50, description="pasted")
    thread = threading.Thread(target=worker, args=(50 if len(sys.argv) < 2 else 20, q))
    thread.start()
    thread.join()
print("AFTER")
"""


@pytest.mark.parametrize("fails", [False, True])
def test_the_exit_status_of_a_program_tells_how_its_queue_ended(*, fails: bool) -> None:
    words = [sys.executable, "-c", PASTED, *(["fail"] if fails else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment(), check=False)
    assert done.returncode == (1 if fails else 0), done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    kinds = [event["event"] for event in events if event.get("event") in ("TaskEnded", "TaskFailed")]
    assert kinds == (["TaskFailed"] if fails else ["TaskEnded"])
    assert ("AFTER" in done.stdout) is not fails
