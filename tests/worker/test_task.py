"""`Task`: exact counts, at most one note, edges, and a request to stop that is told once."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from contextvars import copy_context
from fractions import Fraction
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, cast

import pytest

from mainstage.core.clock import monotonic
from mainstage.errors import Cancelled
from mainstage.events import (
    Event,
    MetricReported,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskStarted,
    TextWritten,
)
from mainstage.tasks import current_task, task
from mainstage.tasks import outcome as runner
from mainstage.tasks.position import PerThreadPositionCell, PositionCell, SharedPositionCell
from mainstage.tasks.task import NULL, NullTask, ambient, close_default_task, open_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.conftest import Recorder

    from mainstage.tasks import Task

DEADLINE = 10.0


class Half:
    """A number of somebody's library."""

    def __float__(self) -> float:
        return 0.5


# --- counting ---


def test_advances_of_any_size_add_up(recorder: Recorder) -> None:
    root = recorder.open()
    root.advance()
    root.advance(41)
    root.advance(-2)
    root.advance(0.5)
    assert root.completed == 40.5
    root.set(completed=7)
    root.advance()
    assert root.position() == 8


def test_numbers_of_other_kinds_become_plain_ones(recorder: Recorder) -> None:
    root = recorder.open()
    root.advance(cast("float", Fraction(1, 2)))
    root.advance(cast("float", Half()))
    root.advance(True)
    assert root.position() == 2
    assert type(root.position()) is float


@pytest.mark.parametrize("n", ["3", b"abc", None, [1]])
def test_what_is_no_number_is_refused_by_name_and_counts_nothing(recorder: Recorder, n: Any) -> None:
    root = recorder.open()
    with pytest.raises(TypeError, match=type(n).__name__):
        root.advance(n)
    assert root.position() == 0


@pytest.mark.parametrize("n", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(recorder: Recorder, n: float) -> None:
    root = recorder.open()
    with pytest.raises(ValueError, match="finite"):
        root.advance(n)
    assert root.position() == 0


ONE_CELL = pytest.param(
    SharedPositionCell,
    marks=pytest.mark.skipif(PositionCell is not SharedPositionCell, reason="one number for all threads needs the GIL"),
)


@pytest.mark.parametrize("kind", [ONE_CELL, PerThreadPositionCell])
@pytest.mark.parametrize("n", [1, 2, 0.5, Fraction(1, 4)])
def test_four_threads_on_one_task_lose_nothing(
    switching: None, recorder: Recorder, kind: type[SharedPositionCell], n: float
) -> None:
    cell, start = kind(recorder, 1, 1, None), threading.Barrier(4)

    def work() -> None:
        start.wait(DEADLINE)
        for _ in range(3000):
            cell.advance(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert cell.position() == 12_000 * n


def test_a_jump_sets_the_sum_of_all_threads(recorder: Recorder) -> None:
    cell = PerThreadPositionCell(recorder, 1, 1, None)
    cell.advance(5)
    thread = threading.Thread(target=cell.advance, args=(3,))
    thread.start()
    thread.join()
    assert cell.position() == 8
    cell._jump(100)
    assert cell.position() == 100
    cell.advance(-1)
    assert cell.position() == 99


# --- notes ---


def test_one_note_leaves_between_two_looks(recorder: Recorder) -> None:
    root = recorder.open()
    for n in (1, 1, -5, 0.5):
        root.advance(n)
    assert recorder.notes == [root]
    root.arm()
    assert recorder.notes == [root]
    root.advance(-1)
    assert recorder.notes == [root, root]


def test_one_note_leaves_after_a_request_too(recorder: Recorder) -> None:
    root = recorder.open()
    root.request_cancel("enough")
    with pytest.raises(Cancelled):
        root.advance()
    for _ in range(3):
        root.advance()
    assert recorder.notes == [root]


def test_the_receiver_is_told_only_what_has_changed(recorder: Recorder) -> None:
    root = recorder.open()
    assert root.sample(1.0) == []
    root.advance(3)
    assert root.sample(2.0) == [TaskMoved(2.0, 1, 1, 3)]
    assert root.sample(3.0) == []


def advance_often(cell: SharedPositionCell, times: int) -> None:
    for _ in range(times):
        cell.advance()


def test_no_note_is_lost_between_a_look_and_an_advance(switching: None, recorder: Recorder) -> None:
    root, total = recorder.open(), 20_000
    worker = threading.Thread(target=advance_often, args=(root, total))
    worker.start()
    seen: float = 0
    while seen < total:
        if recorder.notes:
            recorder.notes.pop()
            root.arm()
            seen = root.position()
        elif not worker.is_alive() and not recorder.notes:
            break
    worker.join()
    assert root.position() == total
    assert seen == total or recorder.notes


def test_a_closed_task_sends_no_notes(recorder: Recorder) -> None:
    root = recorder.open()
    root.close()
    root.arm()
    root.advance()
    root.set(completed=5, total=9)
    assert recorder.notes == []
    assert [type(event) for event in recorder.events] == [TaskStarted, TaskEnded]


# --- edges ---


def test_what_a_worker_says_is_sent_as_it_says_it(recorder: Recorder) -> None:
    def work() -> None:
        t = current_task()
        recorder.at = 1.0
        t.log("one\ntwo\n")
        t.metric("loss", 1)
        t.set(total=5, status="warming", fields={"host": "a", "where": b"x"})
        t.set(description="renamed")
        t.set()
        assert (t.description, t.total, t.id, t.attempt, t.cancelled) == ("renamed", 5, 1, 1, False)

    assert recorder.run(work).error is None
    assert recorder.events[1:-1] == [
        TextWritten(1.0, 1, 1, "w", "log", "one\ntwo"),
        MetricReported(1.0, 1, 1, "loss", 1.0),
        TaskChanged(1.0, 1, 1, None, 5, "warming", (("host", "a"), ("where", "b'x'"))),
        TaskChanged(1.0, 1, 1, "renamed"),
    ]


def test_a_nested_task_ends_with_its_block(recorder: Recorder) -> None:
    def work() -> None:
        root = current_task()
        with task("page", total=4, unit="B", fields={"host": "a"}) as page:
            assert current_task() is page
            with task("line"):
                page.advance(3)
        assert current_task() is root

    assert recorder.run(work).error is None
    assert recorder.events[1:] == [
        TaskStarted(0, 2, 1, "w", "page", 4, "B", 1, (("host", "a"),)),
        TaskStarted(0, 3, 1, "w", "line", None, "", 2),
        TaskEnded(0, 3, 1, 0),
        TaskEnded(0, 2, 1, 3),
        TaskEnded(0, 1, 1, 0),
    ]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("no"), TaskFailed),
        (SystemExit(3), TaskFailed),
        (Cancelled("enough"), TaskCancelled),
        (GeneratorExit(), TaskEnded),
    ],
)
def test_a_block_that_raises_says_how_it_ended(recorder: Recorder, error: BaseException, kind: type[Event]) -> None:
    def work() -> None:
        with task("page") as page:
            page.advance(2)
            raise error

    assert recorder.run(work).error is error
    event = recorder.events[2]
    assert isinstance(event, kind)
    assert isinstance(event, TaskEnded | TaskFailed | TaskCancelled)
    assert event.completed == 2


def test_a_task_that_was_left_open_closes_with_its_root(recorder: Recorder) -> None:
    recorder.run(lambda: task("page").advance(2))
    assert recorder.events[2:] == [TaskEnded(0, 2, 1, 2), TaskEnded(0, 1, 1, 0)]


def test_a_block_that_another_context_leaves_is_closed_all_the_same(recorder: Recorder) -> None:
    with_block = task_in_generator(recorder)
    next(with_block)
    copy_context().run(with_block.close)
    assert recorder.of(TaskEnded) == [TaskEnded(0, 2, 1, 0)]
    ambient.set(None)


def task_in_generator(recorder: Recorder) -> Any:
    token = ambient.set(recorder.open())
    with task("page"):
        ambient.reset(token)
        yield


# --- being asked to stop ---


REPORTS: dict[str, Callable[[Task], object]] = {
    "advance": lambda t: t.advance(),
    "advance by nothing": lambda t: t.advance(0),
    "set completed": lambda t: t.set(completed=3),
    "sleep": lambda t: t.sleep(60),
    "check": lambda t: t.check_cancelled(),
    "read": lambda t: t.wrap_file(io.BytesIO(b"abc")).read(),
}


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("in_nested", [False, True])
@pytest.mark.parametrize("opened_after", [False, True])
def test_a_request_is_told_once_by_the_next_report_of_progress(
    recorder: Recorder, report: str, in_nested: bool, opened_after: bool
) -> None:
    def work() -> None:
        root = current_task()
        if opened_after:
            root.request_cancel("enough")
        t = task("page") if in_nested else root
        t.advance(0) if not opened_after else None
        if not opened_after:
            root.request_cancel("enough")
        t.log("still here")
        t.metric("x", 1)
        t.set(total=3, description="page", status="stopping")
        assert t.cancelled
        with pytest.raises(Cancelled, match="enough"):
            REPORTS[report](t)
        for again in ("advance", "set completed", "check", "read"):
            REPORTS[again](t)
            REPORTS[again](root)
        t.sleep(0)
        with task("clean-up") as cleaning:
            cleaning.advance()

    assert recorder.run(work).error is None


def test_a_second_request_is_told_again(recorder: Recorder) -> None:
    root = recorder.open()
    for reason in ("first", "second"):
        root.request_cancel(reason)
        with pytest.raises(Cancelled, match=reason):
            root.advance()
        root.advance()


def test_a_request_that_a_nested_task_did_not_live_to_tell_is_told_by_its_parent(recorder: Recorder) -> None:
    def work() -> None:
        with task("page"):
            current_task().request_cancel("enough")
        with pytest.raises(Cancelled):
            current_task().advance()

    assert recorder.run(work).error is None


def test_each_thread_that_works_on_a_task_is_told_once(recorder: Recorder) -> None:
    root, told = recorder.open(), SimpleQueue[str]()
    asked = threading.Event()

    def work(name: str) -> None:
        asked.wait(DEADLINE)
        for _ in range(3):
            try:
                root.advance()
            except Cancelled:
                told.put(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    root.request_cancel("enough")
    asked.set()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(told.get_nowait() for _ in range(told.qsize())) == ["a", "b", "c"]
    assert root.position() == 9


def test_sleep_wakes_when_asked_to_stop(recorder: Recorder) -> None:
    root, outcome = recorder.open(), SimpleQueue[str]()
    asleep = threading.Event()

    def work() -> None:
        asleep.set()
        try:
            root.sleep(1e12)
        except Cancelled as cancelled:
            outcome.put(str(cancelled))

    thread = threading.Thread(target=work)
    thread.start()
    asleep.wait(DEADLINE)
    root.request_cancel("enough")
    assert outcome.get(timeout=DEADLINE) == "enough"
    thread.join(DEADLINE)


def test_a_thread_that_was_given_up_on_is_still_told(recorder: Recorder) -> None:
    root = recorder.open()
    root.advance()
    root.request_cancel("over its timeout")
    root.close(Cancelled("over its timeout"))
    with pytest.raises(Cancelled):
        root.advance()


def test_no_request_is_lost_however_threads_change_places(switching: None, recorder: Recorder) -> None:
    """The worker advances, the owner arms and looks, a third thread asks: each request is told, once."""
    rounds, root, told = 3000, recorder.open(), SimpleQueue[str]()
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                root.advance()
            except Cancelled as cancelled:
                told.put(str(cancelled))

    def own() -> None:
        while not over.is_set():
            root.arm()
            root.position()

    threads = [threading.Thread(target=work), threading.Thread(target=own)]
    for thread in threads:
        thread.start()
    try:
        ends = monotonic() + 20  # on busy cores three threads wait for their turns in each round
        for round_ in range(rounds):
            if round_ and monotonic() > ends:
                break
            root.request_cancel(str(round_))
            assert told.get(timeout=DEADLINE) == str(round_)
    finally:
        over.set()
        for thread in threads:
            thread.join(DEADLINE)
    assert told.empty()


# --- files ---


def test_a_file_counts_what_is_read_in_whatever_way(recorder: Recorder) -> None:
    lines = [b"a\n", b"bcd\n", b"ef\n"]
    data = b"".join(lines)
    ways: list[Callable[[Any], object]] = [
        lambda f: f.read(),
        lambda f: [f.read(2), f.read(None)],
        lambda f: f.read1(100),
        lambda f: f.readlines(),
        list,
        lambda f: [f.readline(), f.readline(2), f.readline(), f.readline()],
        lambda f: f.readinto(bytearray(100)),
        lambda f: f.readinto1(bytearray(100)),
    ]
    for way in ways:
        root = recorder.open()
        with root.wrap_file(io.BytesIO(data)) as file:
            assert file.tell() == 0
            way(file)
            assert root.position() == len(data)
        assert file.closed


def test_a_text_file_counts_characters(recorder: Recorder) -> None:
    root = recorder.open()
    assert root.wrap_file(io.StringIO("äöü\n")).read() == "äöü\n"
    assert root.position() == 4


# --- where there is no run, or no context ---


def test_without_a_run_every_report_does_nothing() -> None:
    with task("nothing", total=3, fields={"host": "a"}) as t:
        assert t is NULL is current_task()
        t.advance()
        t.set(completed=3, total=9, fields={"colour": "red"})
        t.log("x")
        t.metric("x", 1)
        t.check_cancelled()
        t.request_cancel("x")
        t.close()
        assert (t.completed, t.total, t.description, t.cancelled, t.position()) == (0, None, "", False, 0)
        file = io.BytesIO()
        assert t.wrap_file(file) is file


def test_a_silent_task_has_every_method_of_its_own() -> None:
    """One that it inherited would look for a run."""
    made = {
        name for name in vars(SharedPositionCell) | vars(type(current_task()).__mro__[1]) if not name.startswith("_")
    }
    internal = {
        "arm",
        "resolve",
        "sample",
        "reporter",
    }
    assert made - internal <= set(vars(NullTask))


def test_in_a_live_run_a_task_without_a_parent_stands_by_itself(run: Recorder) -> None:
    with task("page") as page:
        page.advance()
    assert run.events == [TaskStarted(0, 1, 1, "MainThread", "page"), TaskEnded(0, 1, 1, 1)]


def test_a_thread_of_its_own_reports_under_its_name_until_it_ends(run: Recorder) -> None:
    def work() -> None:
        current_task().advance(2)
        current_task().log("x")
        assert current_task() is current_task()

    thread = threading.Thread(target=work, name="helper")
    thread.start()
    thread.join()
    assert run.events == [
        TaskStarted(0, 1, 1, "helper", "helper"),
        TextWritten(0, 1, 1, "helper", "log", "x"),
        TaskEnded(0, 1, 1, 2),
    ]


def test_a_thread_that_asks_and_reports_nothing_is_not_shown(run: Recorder) -> None:
    thread = threading.Thread(target=current_task)
    thread.start()
    thread.join()
    assert run.events == []


def test_the_main_program_is_shown_once_it_reports_more_than_lines(run: Recorder) -> None:
    current_task().log("hello")
    assert run.events == [TextWritten(0, None, 0, "MainThread", "log", "hello")]
    current_task().metric("x", 1)
    current_task().set(total=3)
    current_task().advance(2)
    close_default_task()
    kinds = [type(event) for event in run.events]
    assert kinds == [TextWritten, TaskStarted, MetricReported, TaskChanged, TaskEnded]


def test_a_thread_that_copied_the_workers_context_reports_to_its_task(recorder: Recorder) -> None:
    def work() -> None:
        thread = threading.Thread(target=copy_context().run, args=(lambda: current_task().advance(4),))
        thread.start()
        thread.join()
        assert current_task().completed == 4

    assert recorder.run(work).error is None


def test_the_number_and_attempt_are_the_backends(recorder: Recorder) -> None:
    opened = open_task(recorder, 7, 3, "again", worker="w-1", total=2, unit="B", fields=(("a", 1),))
    assert recorder.events == [TaskStarted(0, 7, 3, "w-1", "again", 2, "B", None, (("a", 1),))]
    runner.finish(opened, runner.Outcome(None, None))
    assert recorder.events[1:] == [TaskEnded(0, 7, 3, 0)]


def test_the_worker_side_loads_nothing_heavy() -> None:
    heavy = "rich", "msgspec", "logging", "concurrent.futures", "inspect", "dataclasses", "asyncio", "tqdm"
    code = f"import sys, mainstage.tasks, mainstage.tasks.outcome; print([m for m in {heavy!r} if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"
