from __future__ import annotations

import concurrent.futures
import contextvars
import functools
import threading
import traceback
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mainstage import current_task
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskQueued, TaskStarted
from mainstage.futures import ThreadPoolExecutor as OurThreadPoolExecutor
from mainstage.run.external import ExternalExecutors
from mainstage.tasks.integrations.executors import PoolBridge, describe_external_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.worker.conftest import Recorder

WAIT = 20


@pytest.fixture
def pools(recorder: Recorder) -> Iterator[PoolBridge]:
    """A bridge that watches the standard pools for the length of the test."""
    bridge = PoolBridge(recorder, ExternalExecutors(recorder, lambda: None).watch)
    bridge.start()
    yield bridge
    bridge.stop()


def square(number: int) -> int:
    return number * number


def fail(number: int) -> None:
    raise ValueError(number)


def test_each_call_in_a_thread_pool_is_a_task_of_its_name(pools: PoolBridge, recorder: Recorder) -> None:
    with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
        assert list(pool.map(square, [2, 3])) == [4, 9]
        assert isinstance(pool.submit(fail, 5).exception(), ValueError)
    assert [event.description for event in recorder.events if isinstance(event, TaskQueued)] == [
        "square(2)",
        "square(3)",
        "fail(5)",
    ]
    assert {event.worker for event in recorder.events if isinstance(event, TaskStarted)} == {"pool_0"}
    assert len(recorder.of(TaskEnded)) == 2
    assert [event.error.text for event in recorder.events if isinstance(event, TaskFailed)] == ["5"]


def test_a_call_reports_as_a_worker_of_ours_does(pools: PoolBridge, recorder: Recorder) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: current_task().advance(7)).result()
    (ended,) = [event for event in recorder.events if isinstance(event, TaskEnded)]
    assert ended.completed == 7


def test_a_call_that_was_cancelled_while_it_waited_never_began(pools: PoolBridge, recorder: Recorder) -> None:
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(go.wait, WAIT)
        by_itself, with_the_pool = pool.submit(square, 1), pool.submit(square, 2)
        assert by_itself.cancel()
        pool.shutdown(wait=False, cancel_futures=True)
        go.set()
    assert with_the_pool.cancelled()
    cancelled = [event for event in recorder.events if isinstance(event, TaskCancelled)]
    assert [(event.task, event.attempt) for event in cancelled] == [(2, 0), (3, 0)]
    assert len(recorder.of(TaskStarted)) == 1


def test_a_traceback_of_a_call_has_no_frame_of_ours(pools: PoolBridge) -> None:
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(fail, 1).exception()
    assert error is not None
    *theirs, last = traceback.extract_tb(error.__traceback__)
    assert last.name == "fail"
    assert {Path(frame.filename).parts[-3:] for frame in theirs} == {("concurrent", "futures", "thread.py")}


def test_a_pool_that_shows_itself_and_a_call_that_is_shown_are_left_alone(
    pools: PoolBridge, recorder: Recorder
) -> None:
    adoption = ExternalExecutors(recorder, lambda: None)
    with OurThreadPoolExecutor(1) as ours, ThreadPoolExecutor(1) as pool:
        adoption.attach(pool)
        pool.submit(square, 2).result()
        adoption.detach()
        queued = len(recorder.of(TaskQueued))
        kind = type("Call", (), {"__module__": "mainstage.aio.threads", "__call__": lambda _, number: number})
        pool.submit(functools.partial(contextvars.copy_context().run, kind(), 4)).result()
        vars(ours)["_shown"] = {}
        concurrent.futures.ThreadPoolExecutor.submit(ours, square, 3).result()
    assert queued == len(recorder.of(TaskQueued)) == 1


def test_a_process_pool_is_seen_from_outside(pools: PoolBridge, recorder: Recorder) -> None:
    with ProcessPoolExecutor(1) as pool:
        assert list(pool.map(square, [2, 3, 4], chunksize=2)) == [4, 9, 16]
        assert isinstance(pool.submit(fail, 6).exception(), ValueError)
    names = [event.description for event in recorder.events if isinstance(event, TaskStarted)]
    assert names == ["square(2) and 1 more", "square(4)", "fail(6)"]
    assert len(recorder.of(TaskEnded)) == 2
    assert len(recorder.of(TaskFailed)) == 1


def test_afterwards_the_pools_are_as_they_were(recorder: Recorder) -> None:
    item: Any = concurrent.futures.thread._WorkItem
    before = [ThreadPoolExecutor.submit, ProcessPoolExecutor.submit, item.run, item.__init__]
    bridge = PoolBridge(recorder, ExternalExecutors(recorder, lambda: None).watch)
    bridge.start()
    with ThreadPoolExecutor(1) as pool:
        go = threading.Event()
        late = pool.submit(go.wait, WAIT)
        bridge.stop()
        go.set()
        assert late.result()
        pool.submit(square, 1).result()
    assert [ThreadPoolExecutor.submit, ProcessPoolExecutor.submit, item.run, item.__init__] == before
    assert len(recorder.of(TaskQueued)) == len(recorder.of(TaskEnded)) == 1


@pytest.mark.parametrize(
    ("call", "args", "name"),
    [
        (square, (3,), "square(3)"),
        (functools.partial(square, 3), (), "square(3)"),
        (functools.partial(functools.partial(max, 1), 2), (3,), "max(1, 2)"),
        (functools.partial(contextvars.copy_context().run, square, 3), (), "square(3)"),
        (Future().set_result, (1,), "set_result(1)"),
    ],
)
def test_a_call_is_named_after_what_is_wrapped_in_it(call: Callable[..., Any], args: tuple[Any], name: str) -> None:
    assert describe_external_call(call, args) == name
