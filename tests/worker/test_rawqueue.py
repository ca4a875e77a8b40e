"""The raw queue of the pasted recipe: its workers, its messages, and what comes of them."""

from __future__ import annotations

import copy
import pickle
import queue
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

from mainstage.channels.inbox import ThreadChannel
from mainstage.errors import Cancelled, QueueError
from mainstage.events import (
    MetricReported,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskReopened,
    TaskStarted,
    TextWritten,
)
from mainstage.tasks.queue.raw_queue import RawQueue, ShutDown
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstage.events import Event

DEADLINE = 10.0
START = threading.Thread.start
E = TypeVar("E")


class Opened:
    """Queues on one channel, and what they sent."""

    def __init__(self) -> None:
        self.channel = ThreadChannel(ManualClock())
        self.events: list[Event] = []
        self.queues: list[RawQueue] = []

    def __call__(self, total: float | None = None, patience: float = 0.0, **more: Any) -> RawQueue:
        self.queues.append(RawQueue(self.channel, total=total, description="Work", patience=patience, **more))
        return self.queues[-1]

    def told(self, kind: type[E]) -> list[E]:
        """Receive what there is, and return all events of a kind so far."""
        while not self.channel.empty():
            event = self.channel.receive(0)
            if event is not None:
                self.events.append(event)
        return [event for event in self.events if isinstance(event, kind)]

    def await_one(self, kind: type[E]) -> E:
        """Wait for an event of a kind."""
        while not (found := self.told(kind)):
            event = self.channel.receive(DEADLINE)
            assert event is not None, f"no {kind.__name__} came"
            self.events.append(event)
        return found[0]

    def text(self) -> str:
        return "\n".join(event.text for event in self.told(TextWritten))


class Open(Protocol):
    def __call__(self, total: float | None = None, patience: float = 0.0, **more: Any) -> RawQueue: ...


@pytest.fixture
def opened() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    for one in opened.queues:
        one.settle()
    assert threading.Thread.start is START


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """What reached `threading.excepthook`."""
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    return seen


def run(target: Callable[..., object], *args: object, **kwargs: object) -> None:
    """Run a worker on a thread of its own to its end."""
    thread = threading.Thread(target=target, args=args, kwargs=kwargs)
    thread.start()
    thread.join(DEADLINE)
    assert not thread.is_alive()


class Stage:
    """Workers that stop at a gate, so that a test says who is where."""

    def __init__(self) -> None:
        self.gates: list[threading.Event] = []
        self.threads: list[threading.Thread] = []

    def start(self, work: Callable[[], object], queue: RawQueue) -> int:
        """Start a worker that waits at its gate; it has the queue among its arguments."""
        gate = threading.Event()

        def worker(_: RawQueue) -> None:
            assert gate.wait(DEADLINE)
            work()

        thread = threading.Thread(target=worker, args=(queue,))
        thread.start()
        self.gates.append(gate)
        self.threads.append(thread)
        return len(self.gates) - 1

    def finish(self, number: int) -> None:
        self.gates[number].set()
        self.threads[number].join(DEADLINE)
        assert not self.threads[number].is_alive()


# the recipe's two workers, in its own words


def first(n: int, q: queue.Queue[Any]) -> None:
    for _ in range(n):
        q.put(1)
    q.put(None)


def second(q: queue.Queue[Any]) -> None:
    for _ in range(25):
        q.put(1)


# --- the recipe's workers ---


def test_it_is_a_queue() -> None:
    assert issubclass(RawQueue, queue.Queue)


def test_the_first_worker_runs_unmodified(opened: Opened) -> None:
    q = opened(100)
    run(first, 100, q)
    assert not q.pending()
    assert q.settle() is None
    start, end = opened.told(TaskStarted)[0], opened.told(TaskEnded)[0]
    assert (start.description, start.total, end.completed) == ("Work", 100, 100)
    assert (start.task, start.attempt) == (end.task, end.attempt)


def test_four_of_the_second_share_one_task_together(opened: Opened) -> None:
    q = opened(100, patience=DEADLINE)  # the first may have ended before the last is started
    threads = [threading.Thread(target=second, args=(q,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert [end.completed for end in opened.told(TaskEnded)] == [100]
    assert opened.told(TaskFailed) == []


def test_four_one_after_the_other_end_well(opened: Opened) -> None:
    q = opened(100)
    for _ in range(4):
        run(second, q)
    assert [end.completed for end in opened.told(TaskEnded)] == [100]
    assert len(opened.told(TaskFailed)) == len(opened.told(TaskReopened)) == 3
    assert q.settle() is None


def test_a_short_gap_between_two_senders_is_no_failure(opened: Opened) -> None:
    q = opened(100, patience=DEADLINE)
    for _ in range(4):
        run(second, q)
        assert q.pending() == (q.completed < 100)
    assert opened.told(TaskFailed) == []
    assert opened.told(TaskReopened) == []
    assert len(opened.told(TaskEnded)) == 1


def test_four_staggered_end_well(opened: Opened) -> None:
    q, stage = opened(100), Stage()
    stage.start(lambda: second(q), q)
    stage.start(lambda: second(q), q)
    stage.finish(0)
    stage.start(lambda: second(q), q)
    stage.finish(1)
    stage.start(lambda: second(q), q)
    assert q.pending()
    stage.finish(2)
    stage.finish(3)
    assert opened.told(TaskFailed) == []
    assert [end.completed for end in opened.told(TaskEnded)] == [100]


def test_four_sentinels_are_fine(opened: Opened) -> None:
    q, stage = opened(), Stage()
    for _ in range(4):
        stage.start(lambda: first(25, q), q)
    for number in range(4):
        assert opened.told(TaskEnded) == []
        stage.finish(number)
    assert [end.completed for end in opened.told(TaskEnded)] == [100]
    assert q.settle() is None


def test_one_of_four_raises_and_the_others_go_on(opened: Opened, hooked: list[type[BaseException]]) -> None:
    q, stage = opened(100), Stage()

    def breaks() -> None:
        q.put(5)
        raise ValueError("disk full")

    stage.start(breaks, q)
    for _ in range(3):
        stage.start(lambda: second(q), q)
    stage.finish(0)
    assert q.pending()
    assert q.error() is None
    assert "ValueError: disk full; 3 others still at work" in opened.text()
    for number in (1, 2, 3):
        stage.finish(number)
    failed = opened.told(TaskFailed)[0]
    assert (failed.completed, failed.error.type, failed.error.text) == (80, "ValueError", "disk full")
    assert hooked == [ValueError]
    error = q.settle()
    assert isinstance(error, ValueError)
    assert "a sender of queue 'Work', at 5 of 100" in error.__notes__[0]


def test_an_error_of_a_sender_is_shown_and_kept_when_the_others_reach_the_total(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q, stage = opened(50), Stage()

    def breaks() -> None:
        raise ValueError("disk full")

    stage.start(breaks, q)
    stage.start(lambda: second(q), q)
    stage.start(lambda: second(q), q)
    for number in range(3):
        stage.finish(number)
    assert len(opened.told(TaskEnded)) == 1
    assert q.settle() is None
    assert [str(error) for error in q.errors] == ["disk full"]
    assert "disk full" in opened.text()
    assert hooked == [ValueError]


# --- how a task ends ---


def test_a_total_is_reached_while_senders_live(opened: Opened) -> None:
    q, stage = opened(25), Stage()
    stage.start(lambda: second(q), q)
    stage.start(lambda: None, q)
    stage.finish(0)
    assert not q.pending()
    assert len(opened.told(TaskEnded)) == 1
    stage.finish(1)
    assert opened.told(TaskFailed) == []


def test_floats_that_add_up_to_the_total_reach_it(opened: Opened) -> None:
    q = opened(1.0)

    def worker(q: queue.Queue[Any]) -> None:
        for _ in range(10):
            q.put(0.1)

    run(worker, q)
    assert len(opened.told(TaskEnded)) == 1


def test_an_empty_job_has_ended_at_once(opened: Opened) -> None:
    assert not opened(0).pending()
    assert len(opened.told(TaskEnded)) == 1


def test_a_total_of_infinity_is_not_known(opened: Opened) -> None:
    q = opened(float("inf"))
    run(lambda q: q.put(("total", float("inf"))), q)
    assert q.total is None
    assert len(opened.told(TaskEnded)) == 1
    assert {event.total for event in opened.told(TaskStarted)} == {None}


@pytest.mark.parametrize("total", [-1, "ten", float("nan"), True])
def test_a_total_that_is_no_count_is_refused(opened: Opened, total: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        opened(total)
    assert threading.Thread.start is START


def test_without_a_total_it_ends_when_all_senders_have_closed_or_ended(opened: Opened) -> None:
    q, stage = opened(), Stage()
    stage.start(lambda: second(q), q)
    stage.start(lambda: first(3, q), q)
    stage.finish(1)
    assert q.pending()
    stage.finish(0)
    assert not q.pending()
    assert opened.told(TaskEnded)[0].completed == 28


def test_a_sentinel_closes_only_the_thread_that_put_it(opened: Opened) -> None:
    q, stage = opened(), Stage()
    stage.start(lambda: second(q), q)
    q.put(None)
    assert opened.told(TaskEnded) == []
    stage.finish(0)
    assert opened.told(TaskEnded)[0].completed == 25


def test_a_sender_that_returns_early_fails_the_task_and_hangs_nobody(opened: Opened) -> None:
    q = opened(100)
    run(second, q)
    assert not q.pending()
    failed = opened.told(TaskFailed)[0]
    assert failed.error.type == "QueueError"
    assert "25 of 100" in failed.error.text
    assert isinstance(q.settle(), QueueError)


def test_a_sender_that_returns_early_fails_the_task_within_the_patience(opened: Opened) -> None:
    q = opened(100, patience=0.02)
    run(second, q)
    assert opened.await_one(TaskFailed).completed == 25
    assert not q.pending()


def test_a_sender_that_came_within_the_patience_has_all_the_time_it_needs(opened: Opened) -> None:
    q, stage = opened(50, patience=DEADLINE), Stage()
    run(second, q)
    deadlines = [q._gap_ends]
    stage.start(lambda: second(q), q)
    deadlines.append(q._gap_ends)
    assert [deadline is None for deadline in deadlines] == [False, True]
    assert q.pending()
    stage.finish(0)
    assert opened.told(TaskFailed) == []


def test_whoever_waits_is_woken_when_the_patience_is_over(opened: Opened) -> None:
    woken = threading.Event()
    q = opened(100, patience=0.02, wake=woken.set)
    run(second, q)
    assert woken.wait(DEADLINE)
    assert not q.pending()


def test_a_sentinel_below_the_total_fails_the_task(opened: Opened) -> None:
    q = opened(100)
    run(first, 40, q)
    assert "40 of 100" in str(q.error())


def test_a_sender_that_raises_is_the_reason(opened: Opened, hooked: list[type[BaseException]]) -> None:
    q = opened(100, patience=DEADLINE)  # which nobody waits for: the reason is known

    def breaks(q: queue.Queue[Any]) -> None:
        q.put(5)
        raise ValueError("disk full")

    run(breaks, q)
    assert opened.told(TaskFailed)[0].error.text == "disk full"
    assert hooked == [ValueError]
    assert isinstance(q.settle(), ValueError)


def test_a_sender_that_raises_after_its_sentinel_is_the_reason(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q = opened(100, patience=DEADLINE)

    def breaks(q: queue.Queue[Any]) -> None:
        try:
            raise ValueError("disk full")
        finally:
            q.put(None)

    run(breaks, q)
    assert opened.told(TaskFailed)[0].error.text == "disk full"
    assert hooked == [ValueError]


def test_a_reason_that_comes_after_the_failure_takes_its_place(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q = opened(100)

    def breaks(q: queue.Queue[Any]) -> None:
        q.put(None)
        assert isinstance(q.error(), QueueError)  # type: ignore[attr-defined]  # it is ours
        raise ValueError("disk full")

    run(breaks, q)
    assert isinstance(q.settle(), ValueError)
    assert "ended with ValueError: disk full" in opened.text()
    assert hooked == [ValueError]


def test_a_thread_that_was_not_handed_the_queue_is_a_sender_from_its_first_put(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q = opened(100)
    came, gate = threading.Event(), threading.Event()

    def breaks() -> None:
        q.put(5)
        came.set()
        assert gate.wait(DEADLINE)
        raise ValueError("disk full")

    thread = threading.Thread(target=breaks)
    thread.start()
    assert came.wait(DEADLINE)
    assert q.pending()
    gate.set()
    thread.join(DEADLINE)
    assert opened.await_one(TaskFailed).error.text == "disk full"
    assert hooked == [ValueError]


def test_a_thread_that_was_there_before_the_queue_ends_as_a_sender_when_it_ends(opened: Opened) -> None:
    given: queue.SimpleQueue[RawQueue] = queue.SimpleQueue()

    def worker() -> None:
        given.get(timeout=DEADLINE).put(5)

    thread = threading.Thread(target=worker)
    thread.start()
    given.put(opened(100))
    thread.join(DEADLINE)
    assert opened.await_one(TaskFailed).completed == 5


def test_sys_exit_in_a_sender_is_told_as_an_error_that_can_be_raised(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q = opened(100)

    def leaves(_: object) -> None:
        raise SystemExit(3)

    run(leaves, q)
    error = q.settle()
    assert isinstance(error, QueueError)
    assert isinstance(error.__cause__, SystemExit)


def test_nobody_ever_puts_anything(opened: Opened) -> None:
    q = opened(100)
    assert opened.told(TaskFailed) == []
    assert not q.pending()
    assert "0 of 100" in str(q.settle())


def test_a_late_put_reopens_a_failed_task(opened: Opened) -> None:
    q = opened(30)
    run(second, q)
    assert isinstance(q.error(), QueueError)
    run(lambda: q.put(5))
    assert q.settle() is None
    kinds = [type(event) for event in opened.told(object)]
    edges = [kind for kind in kinds if kind in (TaskFailed, TaskReopened, TaskEnded)]
    assert edges == [TaskFailed, TaskReopened, TaskEnded]
    assert opened.told(TaskEnded)[0].completed == 30


def test_a_sender_that_starts_late_reopens_a_failed_task_before_it_puts(opened: Opened) -> None:
    q, stage = opened(50), Stage()
    run(second, q)
    stage.start(lambda: second(q), q)
    assert q.pending()
    assert q.error() is None
    stage.finish(0)
    assert q.settle() is None


def test_a_put_after_the_end_is_counted_and_shown(opened: Opened) -> None:
    q = opened(25)
    run(second, q)
    run(second, q)
    assert q.completed == 50
    assert opened.text().count("more came after its end") == 1
    assert "26 of 25" in opened.text()
    assert not q.pending()
    assert q.settle() is None


def test_a_put_after_the_run_does_no_harm(opened: Opened) -> None:
    q = opened(25)
    q.settle()
    sent = len(opened.told(object))
    second(q)
    q.put(("log", "late"))
    assert q.completed == 25
    assert len(opened.told(object)) == sent


def test_closing_decides_about_a_sender_that_does_not_end(opened: Opened) -> None:
    q, stage = opened(100), Stage()
    stage.start(lambda: second(q), q)
    q.put(3)
    q.close()
    assert not q.pending()
    assert "closed with 2 senders alive at 3 of 100" in str(q.error())
    stage.finish(0)
    assert q.completed == 28
    assert opened.told(TaskReopened) == []
    assert not q.pending()


def test_closing_ends_a_task_without_a_total_well(opened: Opened) -> None:
    q = opened()
    q.put(3)
    q.close()
    assert opened.told(TaskEnded)[0].completed == 3
    assert q.settle() is None


def test_the_thread_that_waits_for_the_end_is_no_sender_any_more(opened: Opened) -> None:
    q = opened()
    q.put(3)
    assert opened.told(TaskEnded) == []
    assert not q.pending()
    assert opened.told(TaskEnded)[0].completed == 3


def test_asking_never_waits_for_a_put_under_way(opened: Opened) -> None:
    q = opened(100)
    inside, gate = threading.Event(), threading.Event()

    def holds() -> None:
        with q.mutex:
            inside.set()
            assert gate.wait(DEADLINE)

    thread = threading.Thread(target=holds)
    thread.start()
    assert inside.wait(DEADLINE)
    assert q.pending()
    q.request_cancel("Ctrl-C")
    assert q._tally.position() == 0
    gate.set()
    thread.join(DEADLINE)


# --- messages ---


def test_every_message_of_the_contract(opened: Opened) -> None:
    q = opened()

    def worker(q: queue.Queue[Any]) -> None:
        q.put(("total", 10))
        q.put(2)
        q.put(2.5)
        q.put(("progress", 5.5))
        q.put(("metric", "loss", 0.25))
        q.put(("log", "one\ntwo\n"))
        q.put(("done", {"rows": 10}))
        q.put(None)

    run(worker, q)
    assert opened.told(TaskChanged)[0].total == 10
    assert opened.told(TaskEnded)[0].completed == 10
    metric = opened.told(MetricReported)[0]
    assert (metric.name, metric.value) == ("loss", 0.25)
    log = opened.told(TextWritten)[0]
    assert (log.stream, log.text) == ("log", "one\ntwo")
    assert log.worker.startswith("Thread-")
    assert q.result == {"rows": 10}
    assert q.settle() is None


def test_done_without_a_result_keeps_the_one_there_is(opened: Opened) -> None:
    q = opened()
    q.put(("done", 7))
    q.put(("done", None))
    assert q.result == 7


def test_a_total_that_comes_late_may_have_been_reached(opened: Opened) -> None:
    q = opened()
    q.put(10)
    q.put(("total", 10))
    assert len(opened.told(TaskEnded)) == 1


@pytest.mark.parametrize("reason", [ValueError("disk full"), "disk full"])
def test_an_error_that_is_put_fails_the_task(opened: Opened, reason: object) -> None:
    q = opened(100, patience=DEADLINE)

    def worker(q: queue.Queue[Any]) -> None:
        q.put(5)
        q.put(("error", reason))
        assert opened.told(TaskFailed)[0].error.text == "disk full"

    run(worker, q)
    assert str(q.settle()) == "disk full"


def test_an_error_that_is_put_closes_one_sender_of_several(opened: Opened) -> None:
    q, stage = opened(), Stage()
    stage.start(lambda: q.put(("error", ValueError("disk full"))), q)
    stage.start(lambda: first(3, q), q)
    stage.finish(0)
    assert q.pending()
    assert "disk full; 1 other still at work" in opened.text()
    stage.finish(1)
    assert str(q.settle()) == "disk full"


def test_the_same_error_put_and_raised_is_one(opened: Opened, hooked: list[type[BaseException]]) -> None:
    q = opened(100)

    def worker(q: queue.Queue[Any]) -> None:
        error = ValueError("disk full")
        q.put(("error", error))
        raise error

    run(worker, q)
    assert len(q.errors) == 1
    assert hooked == [ValueError]


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("hello", "hello"),
        (("progres", 1), "('progres', 1)"),
        (("progress", "five"), "('progress', 'five')"),
        (("metric", 1, 2), "('metric', 1, 2)"),
        (("metric", "loss"), "('metric', 'loss')"),
        (("error", 7), "('error', 7)"),
        (("total", -1), "('total', -1)"),
        ((), "()"),
        ({"done": 5}, "{'done': 5}"),
        (True, "True"),
        (float("nan"), "nan"),
        ("x" * 10_000, "xxx"),
        (Odd(), "<Odd"),
    ],
)
def test_an_unknown_message_is_named_and_ends_nothing(opened: Opened, message: object, named: str) -> None:
    q = opened(2)
    q.put(1)
    q.put(message)
    text = opened.told(TextWritten)[0]
    assert text.stream == "mainstage"
    assert f"unknown message {named}" in text.text
    assert len(text.text) < 400
    q.put(1)
    assert len(opened.told(TaskEnded)) == 1


def test_one_note_is_sent_between_two_frames_whatever_the_rate(opened: Opened) -> None:
    q = opened(10**9)
    opened.told(TaskStarted)
    for _ in range(1000):
        q.put(1)
    assert opened.channel._inbox.qsize() == 1
    opened.told(TaskStarted)
    assert [event.completed for event in opened.channel.sample(0.0) if isinstance(event, TaskMoved)] == [1000]
    q.put(1)
    q.put(1)
    assert opened.channel._inbox.qsize() == 1


def test_no_position_is_read_of_a_task_that_is_over(opened: Opened) -> None:
    q = opened(5)
    q.put(5)
    opened.told(TaskEnded)
    assert opened.channel.sample(0.0) == []


def test_counts_of_many_threads_are_exact(opened: Opened) -> None:
    q = opened(80_000, patience=DEADLINE)
    threads = [threading.Thread(target=first, args=(10_000, q)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert q.completed == 80_000
    assert len(opened.told(TaskEnded)) == 1


# --- asked to stop ---


def test_progress_raises_cancelled_once_per_request_and_nothing_else_does(opened: Opened) -> None:
    q = opened(100)
    heard: list[str] = []

    def worker(q: queue.Queue[Any]) -> None:
        for message in (("log", "x"), ("metric", "m", 1), ("total", 100), 1, 1, ("progress", 1), None):
            try:
                q.put(message)
            except Cancelled as request:
                heard.append(f"{message}: {request}")

    q.request_cancel("Ctrl-C")
    run(worker, q)
    assert heard == ["1: Ctrl-C"]
    assert q.completed == 3


def test_a_worker_that_stops_when_asked_makes_the_task_cancelled(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q = opened(100)
    run(second, q)
    q.request_cancel("Ctrl-C")
    run(second, q)
    cancelled = opened.told(TaskCancelled)[0]
    assert (cancelled.completed, cancelled.reason) == (26, "Ctrl-C")
    assert hooked == []
    assert q.settle() is None


def test_a_foreign_thread_that_stops_when_asked_leaves_no_traceback(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q = opened(100)
    q.request_cancel("Ctrl-C")
    run(lambda: second(q))
    assert opened.await_one(TaskCancelled).reason == "Ctrl-C"
    assert hooked == []


def test_the_main_thread_is_no_worker_and_is_not_cancelled(opened: Opened) -> None:
    q = opened(100)
    q.request_cancel("Ctrl-C")
    q.put(1)
    assert q.completed == 1


# --- the interface of queue.Queue ---


def test_a_consumer_of_the_programs_own_gets_every_message_in_order(opened: Opened) -> None:
    q = opened()
    messages: list[Any] = [1, 1, 1, ("progress", 2), 1.5, None, ("log", "x"), None, None]
    for message in messages:
        q.put_nowait(message)
    got = [q.get()] + [q.get(timeout=DEADLINE) for _ in range(3)]
    assert q.qsize() == 5
    while not q.empty():
        got.append(q.get_nowait())
        q.task_done()
    assert got == messages
    with pytest.raises(queue.Empty):
        q.get_nowait()
    with pytest.raises(queue.Empty):
        q.get(timeout=0.001)
    with pytest.raises(ValueError, match="non-negative"):
        q.get(timeout=-1)


def test_the_recipes_own_consumer_loop_works_beside_ours(opened: Opened) -> None:
    q = opened(100)
    thread = threading.Thread(target=first, args=(100, q))
    thread.start()
    done = 0
    while done < 100:
        done += q.get()
    thread.join(DEADLINE)
    assert done == q.completed == 100


def test_a_consumer_of_the_programs_own_is_told_what_a_sender_died_of(
    opened: Opened, hooked: list[type[BaseException]]
) -> None:
    q = opened(100)
    gate = threading.Event()

    def breaks(q: queue.Queue[Any]) -> None:
        q.put(1)
        assert gate.wait(DEADLINE)
        raise ValueError("disk full")

    thread = threading.Thread(target=breaks, args=(q,))
    thread.start()
    assert q.get() == 1
    gate.set()
    with pytest.raises(ValueError, match="disk full"):
        q.get()
    thread.join(DEADLINE)
    assert hooked == [ValueError]


def test_a_consumer_that_waits_for_more_than_there_is_is_told_so(opened: Opened) -> None:
    q = opened(1)
    q.put(1)
    assert q.get() == 1
    with pytest.raises(QueueError, match="nothing more comes"):
        q.get()


def test_messages_that_nobody_takes_are_bounded(opened: Opened) -> None:
    q = opened()
    for _ in range(50_000):
        q.put(1)
    assert len(q._backlog._runs) == 1
    for number in range(10_001):
        q.put(("progress", number))
    assert len(q._backlog._runs) == 0
    with pytest.raises(QueueError, match="before the first get"):
        q.get()


def test_nothing_waits_for_anybody(opened: Opened) -> None:
    q = opened()
    for number in range(10):
        q.put(number, block=False)
    assert (q.qsize(), q.empty(), q.full(), q.maxsize) == (0, True, False, 0)
    q.join()
    q.task_done()


def test_a_queue_that_was_shut_down_takes_and_gives_nothing(opened: Opened) -> None:
    q = opened(10)
    q.put(1)
    assert q.is_shutdown is False
    q.shutdown()
    assert vars(q)["is_shutdown"] is True
    with pytest.raises(ShutDown):
        q.put(1)
    assert q.get() == 1
    with pytest.raises(ShutDown):
        q.get()
    other = opened(10)
    other.put(1)
    other.shutdown(immediate=True)
    with pytest.raises(ShutDown):
        other.get_nowait()
    assert "1 of 10" in str(other.error())


def test_it_stays_in_its_process(opened: Opened) -> None:
    q = opened()
    for away in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="queue 'Work' of a run stays in its process"):
            away(q)
