"""One item of work: whatever it raises is an outcome, and its task is closed as it ended."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstage.errors import Cancelled
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskRetried, TaskStarted
from mainstage.tasks import current_task, task
from mainstage.tasks import outcome as runner
from mainstage.tasks.outcome import Outcome, describe
from mainstage.tasks.task import NULL

if TYPE_CHECKING:
    from tests.worker.conftest import Recorder


def deep() -> None:
    deep()


def throw(error: BaseException) -> NoReturn:
    raise error


ERRORS = [
    ValueError("no"),
    SystemExit(2),
    KeyboardInterrupt(),
    StopIteration(3),
    GeneratorExit(),
    MemoryError(),
    ExceptionGroup("several", [ValueError("a"), KeyError("b")]),
    BaseExceptionGroup("several", [KeyboardInterrupt()]),
]


def test_it_runs_under_its_task_and_puts_back_what_was_there(recorder: Recorder) -> None:
    root = recorder.open()
    outcome = runner.run(root, lambda a, b: (current_task(), a, b), (1,), {"b": 2})
    assert outcome == Outcome((root, 1, 2), None)
    assert current_task() is NULL


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_it_raises_is_its_outcome_and_fails_its_task(recorder: Recorder, error: BaseException) -> None:
    outcome = recorder.run(throw, error)
    assert outcome.error is error
    failed = recorder.events[-1]
    assert isinstance(failed, TaskFailed)
    assert (failed.error.type, failed.input) == (type(error).__name__, "input")
    assert "throw" in failed.error.traceback
    assert current_task() is NULL


def test_running_out_of_stack_is_an_outcome(recorder: Recorder) -> None:
    assert isinstance(recorder.run(deep).error, RecursionError)
    assert isinstance(recorder.events[-1], TaskFailed)


def test_being_cancelled_is_no_failure(recorder: Recorder) -> None:
    recorder.run(throw, Cancelled("enough"))
    assert recorder.events[-1] == TaskCancelled(0, 1, 1, 0, "enough")


def test_an_attempt_that_is_tried_again_says_so_and_closes_what_it_left_open(recorder: Recorder) -> None:
    root = recorder.open()

    def work() -> None:
        task("page").advance(2)
        current_task().advance()
        raise ValueError("no")

    outcome = runner.run(root, work, (), {})
    runner.retry(root, outcome, 0.5, "a.csv")
    assert recorder.events[2] == TaskCancelled(0, 2, 1, 2, "the task around it is over")
    retried = recorder.events[3]
    assert isinstance(retried, TaskRetried)
    assert (retried.completed, retried.error.text, retried.delay, retried.input) == (1, "no", 0.5, "a.csv")
    runner.finish(root, outcome)
    assert len(recorder.events) == 4


def test_a_success_cannot_be_tried_again(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="finish"):
        runner.retry(recorder.open(), Outcome(1, None), 0.0)


def test_a_task_is_finished_once(recorder: Recorder) -> None:
    root = recorder.open()
    runner.finish(root, Outcome(None, None))
    runner.finish(root, Outcome(None, ValueError("late")))
    assert [type(event) for event in recorder.events] == [TaskStarted, TaskEnded]


# --- what it worked on, in a line ---


class Rude:
    def __repr__(self) -> str:
        raise SystemExit


class Stuck:
    def __repr__(self) -> str:
        return repr(self)


class Wide:
    def __repr__(self) -> str:
        return "x\n" * 1000


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        ("report.csv", "report.csv"),
        (42, "42"),
        (None, "None"),
        (b"ab", "b'ab'"),
        (PurePosixPath("a/b.csv"), "a/b.csv"),
        (("a", 1), "('a', 1)"),
        ("a\nb\x1b[31m\x9b\u202e", "a\\nb\\x1b[31m\\x9b\\u202e"),
        ("caf\udce9", "caf\\udce9"),
        ("名前\u3000.txt", "名前\u3000.txt"),
        ("👨\u200d👩", "👨\u200d👩"),
        (Rude(), "<Rude>"),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_an_input_is_described_in_one_short_line(thing: object, line: str) -> None:
    assert describe(thing) == line


@pytest.mark.parametrize("thing", [Stuck(), Wide(), list(range(10**6)), "\n" * 500, 1 << 100_000], ids=type)
def test_no_input_is_too_large_or_too_strange(thing: object) -> None:
    line = describe(thing)
    assert len(line) <= 80
    assert "\n" not in line


@given(st.text())
def test_a_description_is_one_line_that_a_terminal_takes(text: str) -> None:
    line = describe(text)
    assert len(line) <= 80
    assert len(line.splitlines()) <= 1
    line.encode()
