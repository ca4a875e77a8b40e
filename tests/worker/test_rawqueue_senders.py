"""How a raw queue learns of its senders: threads, pools, submitted calls; and that nothing of it stays behind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

from mainstage.channels.inbox import ThreadChannel
from mainstage.errors import Cancelled, QueueError
from mainstage.tasks import outcome as runner
from mainstage.tasks.queue.raw_queue import RawQueue, end_senders, enter_senders, expect_senders, leave_sender
from mainstage.tasks.task import Task, open_task
from mainstage.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

DEADLINE = 10.0
START, SUBMIT, EXCEPTHOOK = threading.Thread.start, ThreadPoolExecutor.submit, threading.excepthook


@pytest.fixture
def channel() -> ThreadChannel:
    return ThreadChannel(ManualClock())


@pytest.fixture
def q(channel: ThreadChannel) -> Iterator[RawQueue]:
    q = RawQueue(channel, total=100, description="Work", patience=0.0)
    yield q
    q.settle()
    assert threading.Thread.start is START
    assert ThreadPoolExecutor.submit is SUBMIT


class Gate:
    """A worker that says that it has begun, and ends when it is let through."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.open = threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        self.came.set()
        assert self.open.wait(DEADLINE)


class Holder:
    def __init__(self, gate: Gate, q: RawQueue) -> None:
        self.gate = gate
        self.q = q

    def work(self) -> None:
        self.gate()


class Worker(threading.Thread):
    def __init__(self, gate: Gate, q: RawQueue) -> None:
        super().__init__()
        self.gate = gate
        self.q = q

    def run(self) -> None:
        self.gate()


HANDED_OVER: dict[str, Callable[[Gate, RawQueue], threading.Thread]] = {
    "args": lambda gate, q: threading.Thread(target=gate, args=(100, q)),
    "kwargs": lambda gate, q: threading.Thread(target=gate, kwargs={"queue": q}),
    "partial": lambda gate, q: threading.Thread(target=partial(gate, 100, q)),
    "partial's keywords": lambda gate, q: threading.Thread(target=partial(partial(gate, q=q), 100)),
    "a list": lambda gate, q: threading.Thread(target=gate, args=([q],)),
    "a dict": lambda gate, q: threading.Thread(target=gate, args=({"q": q},)),
    "a bound method": lambda gate, q: threading.Thread(target=Holder(gate, q).work),
    "a subclass": Worker,
    "a timer": lambda gate, q: threading.Timer(0, gate, (q,)),
}


@pytest.mark.parametrize("how", HANDED_OVER)
def test_a_thread_that_is_handed_the_queue_is_a_sender_from_its_start(q: RawQueue, how: str) -> None:
    gate = Gate()
    thread = HANDED_OVER[how](gate, q)
    assert q.error() is None
    thread.start()
    assert q.pending()
    gate.open.set()
    thread.join(DEADLINE)
    assert isinstance(q.error(), QueueError)


def test_a_thread_that_is_not_handed_the_queue_is_left_alone(q: RawQueue) -> None:
    gate = Gate()
    thread = threading.Thread(target=gate)
    run = thread.run
    thread.start()
    assert thread.run == run
    gate.open.set()
    thread.join(DEADLINE)
    assert q.error() is None


def test_a_thread_keeps_its_own_run_and_its_result(q: RawQueue) -> None:
    done: list[int] = []
    thread = threading.Thread(target=lambda n, _: done.append(n), args=(7, q))
    thread.start()
    thread.join(DEADLINE)
    assert done == [7]
    assert "run" not in vars(thread)


def test_a_thread_that_cannot_start_is_no_sender(q: RawQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    thread = threading.Thread(target=print, args=(q,))
    with monkeypatch.context() as patch:
        for name in ("_start_new_thread", "_start_joinable_thread"):  # the first up to 3.12, then the other
            patch.setattr(threading, name, refused, raising=False)
        with pytest.raises(RuntimeError, match="can't start"):
            thread.start()
    assert not q.pending()
    assert "run" not in vars(thread)


def test_everything_is_put_back_when_the_last_queue_settles(channel: ThreadChannel) -> None:
    one, other = RawQueue(channel), RawQueue(channel)
    assert threading.Thread.start is not START
    assert threading.excepthook is not EXCEPTHOOK
    one.settle()
    assert threading.Thread.start is not START
    other.settle()
    assert threading.Thread.start is START
    assert threading.excepthook is EXCEPTHOOK
    assert ThreadPoolExecutor.submit is SUBMIT


def test_what_somebody_else_has_replaced_meanwhile_stays(
    channel: ThreadChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", START)
    one = RawQueue(channel, total=1, patience=0.0)
    ours = threading.Thread.start

    def theirs(thread: threading.Thread) -> None:
        seen.append(thread.name)
        ours(thread)

    monkeypatch.setattr(threading.Thread, "start", theirs)
    one.settle()
    assert threading.Thread.start is theirs
    other = RawQueue(channel, total=1, patience=0.0)
    for _ in range(2):
        thread = threading.Thread(target=lambda q: q.put(0), args=(other,), name="x")
        thread.start()
        thread.join(DEADLINE)
        assert not other.pending()
    other.settle()
    assert threading.Thread.start is theirs
    assert seen == ["x", "x"]


# --- foreign pools ---


def test_a_call_on_a_foreign_pool_ends_with_its_future(q: RawQueue) -> None:
    gate = Gate()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(gate, q)
        assert q.pending()
        gate.open.set()
        future.result(DEADLINE)
        assert isinstance(q.error(), QueueError)


def test_a_call_that_waits_in_a_foreign_pool_is_a_sender_already(q: RawQueue) -> None:
    first, second = Gate(), Gate()
    with ThreadPoolExecutor(1) as pool:
        running, waiting = pool.submit(first, q), pool.submit(second, q)
        first.open.set()
        running.result(DEADLINE)
        assert second.came.wait(DEADLINE)
        assert q.pending()
        second.open.set()
        waiting.result(DEADLINE)
        assert not q.pending()


def test_a_call_that_is_cancelled_in_a_foreign_pool_is_no_sender(q: RawQueue) -> None:
    gate = Gate()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate)
        waiting = pool.submit(print, q)
        assert q.pending()
        assert waiting.cancel()
        assert not q.pending()
        gate.open.set()


def test_what_a_call_on_a_foreign_pool_raises_is_the_reason_and_its_futures(q: RawQueue) -> None:
    def breaks(q: RawQueue) -> None:
        q.put(5)
        raise ValueError("disk full")

    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(breaks, q).exception(DEADLINE)
    assert error is q.error()
    assert isinstance(error, ValueError)


def test_a_pool_that_takes_no_more_leaves_no_sender(q: RawQueue) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError):
        pool.submit(print, q)
    assert not q.pending()


def test_a_thread_of_a_foreign_pool_that_puts_by_itself_is_a_sender_until_it_ends(q: RawQueue) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: q.put(5)).result(DEADLINE)
        assert q.pending()
    assert "5 of 100" in str(q.error())


def test_the_total_decides_about_a_thread_of_a_foreign_pool(q: RawQueue) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: q.put(100)).result(DEADLINE)
        assert not q.pending()
        assert q.settle() is None


# --- submitted calls, as a backend runs them ---


class Lane:
    """A thread of a backend: it runs one call after the other, and lives on."""

    def __init__(self, channel: ThreadChannel) -> None:
        self.channel = channel
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while (call := self._calls.get(timeout=DEADLINE)) is not None:
            call()
            self._done.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.put(None)
        self._thread.join(DEADLINE)

    def run(self, fn: Callable[..., object], *args: Any, asked: str | None = None) -> Task:
        """Run a call to its end; `asked`: it has been asked to stop."""
        task = open_task(self.channel, self.channel.new_id(), 1, "call", worker="lane-1")
        if asked is not None:
            task.request_cancel(asked)

        def call() -> None:
            queues = enter_senders(args, {}, task)
            outcome = runner.run(task, fn, args, {})
            runner.finish(task, outcome)
            for queue in queues:
                leave_sender(queue, outcome.error)

        self._calls.put(call)
        self._done.get(timeout=DEADLINE)
        return task


def test_a_submitted_call_is_a_sender_although_its_thread_lives_on(channel: ThreadChannel, q: RawQueue) -> None:
    alive: list[bool] = []

    def worker(q: RawQueue) -> None:
        q.put(25)
        alive.append(q.error() is None)

    with Lane(channel) as lane:
        for _ in range(3):
            lane.run(worker, q)
            assert not q.pending()
        lane.run(worker, q)
        assert q.settle() is None
    assert alive == [True] * 4


def test_what_a_submitted_call_raises_is_the_reason(channel: ThreadChannel, q: RawQueue) -> None:
    def breaks(_: RawQueue) -> None:
        raise ValueError("disk full")

    with Lane(channel) as lane:
        lane.run(breaks, q)
        assert isinstance(q.error(), ValueError)


def test_a_submitted_call_that_was_not_handed_the_queue_ends_with_its_task(channel: ThreadChannel, q: RawQueue) -> None:
    with Lane(channel) as lane:
        lane.run(lambda: q.put(25))
        assert not q.pending()
        lane.run(lambda: q.put(25))
        assert q.error() is None
        assert not q.pending()
        assert "50 of 100" in str(q.error())


def test_two_calls_on_one_thread_are_two_senders(channel: ThreadChannel, q: RawQueue) -> None:
    seen: list[BaseException | None] = []

    def worker() -> None:
        q.put(25)
        q.put(("total", 100))
        seen.append(q.error())

    with Lane(channel) as lane:
        lane.run(worker)
        lane.run(worker)
    assert seen == [None, None]


def test_a_call_within_a_call_does_not_end_it(q: RawQueue) -> None:
    enter_senders((q,), {})
    for queue in enter_senders((q,), {}):
        leave_sender(queue, None)
    assert q.error() is None
    assert q.pending()
    leave_sender(q, None)
    assert not q.pending()


def test_a_call_whose_thread_is_stuck_ends_with_its_task(channel: ThreadChannel, q: RawQueue) -> None:
    gate = Gate()
    task = open_task(channel, channel.new_id(), 1, "call", worker="lane-1")

    def call() -> None:
        enter_senders((q,), {}, task)
        gate()

    thread = threading.Thread(target=call)
    thread.start()
    assert gate.came.wait(DEADLINE)
    assert q.pending()
    task.close(TimeoutError())
    assert not q.pending()
    gate.open.set()
    thread.join(DEADLINE)


def test_a_call_that_waits_can_be_expected(q: RawQueue) -> None:
    expected = expect_senders((1, q), {})
    assert q.pending()
    end_senders(expected)
    assert not q.pending()


def test_a_submitted_call_hears_its_own_request_to_stop_once(channel: ThreadChannel, q: RawQueue) -> None:
    heard: list[str] = []

    def worker(q: RawQueue) -> None:
        for _ in range(3):
            try:
                q.put(1)
            except Cancelled as request:
                heard.append(str(request))

    q.request_cancel("the queue's")
    with Lane(channel) as lane:
        lane.run(worker, q, asked="the task's")
    assert heard == ["the task's"]
    assert q.completed == 3


def test_no_open_queue_costs_a_call_nothing(channel: ThreadChannel) -> None:
    q = RawQueue(channel)
    q.settle()
    assert enter_senders((q,), {"q": q}) == []
