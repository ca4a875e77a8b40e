"""Workers that are generators."""

from __future__ import annotations

import pickle
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from mainstage.errors import Cancelled, QueueError, UnknownMessage
from mainstage.events import (
    MetricReported,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskStarted,
    TextWritten,
)
from mainstage.tasks import current_task, stepwise, task, track

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.worker.conftest import Recorder

variable: ContextVar[str] = ContextVar("variable", default="outside")


@stepwise
def doubled(n: int) -> Generator[object, None, int]:
    """Count to n."""
    for _ in range(n):
        yield 1
    return 2 * n


def undecorated(n: int) -> Generator[int, None, int]:
    yield n
    return n


class Doubler:
    factor = 3

    @stepwise
    def times(self, n: int) -> Generator[object, None, int]:
        yield n
        return self.factor * n


def test_every_message_does_what_it_says(recorder: Recorder) -> None:
    @stepwise
    def work() -> Generator[object, None, str]:
        yield ("total", 10)
        yield None
        yield 2
        yield ("progress", 3)
        yield 0.5
        yield ("log", "hello")
        yield ("metric", "loss", 2)
        return "result"

    assert recorder.run(work).value == "result"
    assert recorder.events[1:] == [
        TaskChanged(0, 1, 1, None, 10),
        TextWritten(0, 1, 1, "w", "log", "hello"),
        MetricReported(0, 1, 1, "loss", 2),
        TaskEnded(0, 1, 1, 5.5),
    ]


def test_done_ends_it_with_its_result(recorder: Recorder) -> None:
    closed = []

    @stepwise
    def work() -> Iterator[object]:
        try:
            yield ("done", [1])
            pytest.fail("it was stepped on")
        finally:
            closed.append(current_task().id)

    assert recorder.run(work).value == [1]
    assert closed == [1]


def test_an_error_fails_it_at_once(recorder: Recorder) -> None:
    error, closed = ValueError("no"), []

    @stepwise
    def work() -> Iterator[object]:
        try:
            yield 3
            yield ("error", error)
            pytest.fail("it was stepped on")
        finally:
            closed.append(True)
            raise KeyError("clean-up")

    assert recorder.run(work).error is error
    assert closed == [True]
    assert any("KeyError" in note for note in error.__notes__)
    assert isinstance(recorder.events[-1], TaskFailed)
    assert recorder.events[-1].completed == 3


def test_an_error_may_be_a_text(recorder: Recorder) -> None:
    @stepwise
    def work() -> Iterator[object]:
        yield ("error", "it broke")

    error = recorder.run(work).error
    assert isinstance(error, QueueError)
    assert str(error) == "it broke"


@pytest.mark.parametrize("message", ["progress", ("nonsense", 1), ("total", "many"), (), {"a": 1}, ("log",)])
def test_an_unknown_message_is_thrown_back_where_it_was_yielded(recorder: Recorder, message: object) -> None:
    @stepwise
    def work() -> Generator[object, None, str]:
        yield 1
        try:
            yield message
        except UnknownMessage as error:
            yield 1
            return str(error)
        return "unnoticed"

    assert repr(message) in recorder.run(work).value
    assert recorder.events[-1] == TaskEnded(0, 1, 1, 2)


@pytest.mark.parametrize("message", [None, 1, ("log", "x"), ("total", 3)])
def test_a_request_is_thrown_in_at_the_next_yield_once(recorder: Recorder, message: object) -> None:
    told = []

    @stepwise
    def work() -> Iterator[object]:
        yield 1
        current_task().request_cancel("enough")
        try:
            yield message
        except Cancelled as cancelled:
            told.append(str(cancelled))
            yield 1
            yield ("log", "cleaned up")
            raise

    assert isinstance(recorder.run(work).error, Cancelled)
    assert told == ["enough"]
    assert isinstance(recorder.events[-1], TaskCancelled)


def test_a_worker_that_swallows_the_request_ends_as_it_likes(recorder: Recorder) -> None:
    @stepwise
    def work() -> Generator[object, None, int]:
        current_task().request_cancel("enough")
        for _ in range(3):
            try:
                yield 1
            except Cancelled:
                continue
        return 7

    assert recorder.run(work).value == 7
    assert recorder.events[-1] == TaskEnded(0, 1, 1, 3)


def test_it_is_stepped_in_one_context_that_nobody_else_sees(recorder: Recorder) -> None:
    seen = []

    @stepwise
    def work() -> Iterator[object]:
        token = variable.set("inside")
        with task("page") as page:
            yield 1
            assert current_task() is page
            seen.append(variable.get())
            yield ("log", "x")
        variable.reset(token)

    def around() -> None:
        root = current_task()
        work()
        assert current_task() is root
        assert variable.get() == "outside"

    assert recorder.run(around).error is None
    assert seen == ["inside"]
    assert [type(event) for event in recorder.events] == [TaskStarted, TaskStarted, TextWritten, TaskEnded, TaskEnded]


def test_an_early_end_closes_it_in_that_context(recorder: Recorder) -> None:
    @stepwise
    def work() -> Iterator[object]:
        token = variable.set("inside")
        try:
            yield ("done", 1)
        finally:
            variable.reset(token)  # raises ValueError in any other context

    assert recorder.run(work).error is None


def test_its_own_loops_may_be_tracked(recorder: Recorder) -> None:
    @stepwise
    def work() -> Iterator[object]:
        for _ in track(range(4)):
            yield None

    recorder.run(work)
    assert recorder.events[-1] == TaskEnded(0, 1, 1, 4)


def test_methods_and_partials_are_stepped_too(recorder: Recorder) -> None:
    assert recorder.run(Doubler().times, 2).value == 6
    assert recorder.run(Doubler.times, Doubler(), 2).value == 6
    assert recorder.run(partial(doubled, n=2)).value == 4
    assert recorder.run(stepwise(partial(undecorated, 5))).value == 5
    assert [e.completed for e in recorder.events if isinstance(e, TaskEnded)] == [2, 2, 2, 5]


def test_without_the_mark_it_is_a_generator(recorder: Recorder) -> None:
    assert list(recorder.run(undecorated, 3).value) == [3]


def test_without_a_run_it_is_a_function() -> None:
    assert doubled(4) == 8
    assert (doubled.__name__, doubled.__doc__) == ("doubled", "Count to n.")  # type: ignore[attr-defined]  # a function's


def test_marking_twice_is_marking_once() -> None:
    assert stepwise(doubled) is doubled  # type: ignore[arg-type]  # as given


def test_what_is_no_generator_function_is_refused_by_name(recorder: Recorder) -> None:
    plain: Any = len
    with pytest.raises(TypeError, match="len"):
        stepwise(plain)("abc")


@pytest.mark.parametrize("worker", [doubled, stepwise(undecorated), Doubler().times, partial(doubled, 3)])
def test_it_can_be_pickled(worker: Any) -> None:
    arguments = () if isinstance(worker, partial) else (3,)
    assert pickle.loads(pickle.dumps(worker))(*arguments) == worker(*arguments)
    assert pickle.loads(pickle.dumps(doubled)) is doubled
