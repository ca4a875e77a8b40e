"""`track`: exact on every path, stopped within an item, a plain loop where nobody looks."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import compress, count, islice
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worker.conftest import Recorder

from mainstage.core.clock import monotonic
from mainstage.errors import Cancelled
from mainstage.events import TaskCancelled, TaskChanged, TaskEnded, TaskFailed, TaskStarted
from mainstage.tasks import Task, current_task, task, track
from mainstage.tasks import outcome as runner_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mainstage.tasks.track import LoopPart

track_module = import_module("mainstage.tasks.track")  # the package has a function of that name
LENGTHS = [0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 5000]
SHAPES: dict[str, Callable[[int], Iterable[int]]] = {
    "list": lambda n: list(range(n)),
    "range": range,
    "generator": lambda n: (i for i in range(n)),
    "map": lambda n: map(int, range(n)),
    "set": lambda n: set(range(n)),
}


ENDINGS = (TaskEnded, TaskFailed, TaskCancelled)


class Breaks(Exception):
    pass


def ends(recorder: Recorder) -> list[tuple[str, float]]:
    return [(type(event).__name__, event.completed) for event in recorder.events if isinstance(event, ENDINGS)]


class Cursor:
    """Something that can be iterated, and does not know how long it is: its `len` raises anything."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        raise self.error

    def __iter__(self) -> Iterator[int]:
        return iter([1, 2, 3])


LENGTHLESS = [AttributeError("reader"), NotImplementedError(), RuntimeError("no count"), ValueError("forward only")]


@pytest.mark.parametrize("error", LENGTHLESS, ids=repr)
def test_an_input_whose_len_raises_anything_is_one_of_unknown_length(recorder: Recorder, error: Exception) -> None:
    seen: list[int] = []
    recorder.run(lambda: seen.extend(list(track(Cursor(error), "Reading"))))
    assert seen == [1, 2, 3]
    started = [event.total for event in recorder.of(TaskStarted) if isinstance(event, TaskStarted)]
    assert started == [None, None]
    assert bool(track(Cursor(error)))
    with pytest.raises(TypeError, match=r"length of .* not known"):
        len(track(Cursor(error)))


def test_an_input_too_long_for_len_is_one_of_unknown_length(recorder: Recorder) -> None:
    assert next(iter(track(range(10**30)))) == 0
    assert bool(track(range(10**30)))
    recorder.run(lambda: list(islice(track(range(10**30), "Reading"), 3)))
    assert ends(recorder)[0] == ("TaskEnded", 2)


def test_a_total_of_infinity_is_not_known(recorder: Recorder) -> None:
    infinite = float("inf")

    def work() -> None:
        list(islice(track(count(), "endless", total=infinite), 5))
        with task("also", total=infinite) as opened:
            opened.set(total=infinite)
            assert opened.total is None

    assert recorder.run(work).error is None
    totals = [event.total for event in recorder.events if isinstance(event, TaskStarted | TaskChanged)]
    assert totals
    assert set(totals) == {None}


@pytest.mark.parametrize("total", [float("nan"), float("-inf")])
def test_a_total_that_is_no_number_is_refused(run: Recorder, total: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        task("work", total=total)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_each_item_comes_once_and_is_counted(recorder: Recorder, shape: str, length: int) -> None:
    seen: list[int] = []
    recorder.run(lambda: seen.extend(track(SHAPES[shape](length), "Reading")))
    assert seen == list(range(length))
    assert ends(recorder) == [("TaskEnded", length), ("TaskEnded", 0)]


@pytest.mark.parametrize("shape", SHAPES)
@given(length=st.integers(0, 3000), at=st.integers(0, 3000), error=st.booleans(), driving=st.booleans())
def test_the_item_that_a_break_or_an_error_leaves_is_not_counted(
    shape: str,
    length: int,
    at: int,
    error: bool,
    driving: bool,
) -> None:
    recorder = Recorder()

    def work() -> None:
        for i, _ in enumerate(track(SHAPES[shape](length), None if driving else "Reading")):
            if i == at:
                if error:
                    raise Breaks
                break

    recorder.run(work)
    count = min(at, length)
    assert ends(recorder)[0][1] == count
    if driving:
        assert ends(recorder) == [("TaskFailed" if error and at < length else "TaskEnded", count)]


def raising(length: int) -> Iterator[int]:
    yield from range(length)
    raise Breaks


class RaisingIterator:
    def __init__(self, length: int) -> None:
        self.left = length

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if not self.left:
            raise Breaks
        self.left -= 1
        return self.left


def picky(length: int) -> Iterator[int]:
    def check(i: int) -> int:
        if i == length:
            raise Breaks
        return i

    return map(check, range(length + 10))


@pytest.mark.parametrize("source", [raising, RaisingIterator, picky])
@pytest.mark.parametrize("length", [0, 1, 2, 1023, 1024, 1025, 1500, 2048])
@pytest.mark.parametrize("description", [None, "Reading"])
def test_all_items_are_counted_when_the_source_raises(
    recorder: Recorder, source: Callable[[int], Iterator[int]], length: int, description: str | None
) -> None:
    seen = []

    def work() -> None:
        for item in track(source(length), description):
            seen.append(item)  # noqa: PERF402  # a loop is the subject

    assert isinstance(recorder.run(work).error, Breaks)
    assert len(seen) == length
    assert ends(recorder)[0][1] == length


def test_a_generator_closed_early_ends_its_loop(recorder: Recorder) -> None:
    def rows() -> Iterator[int]:
        yield from track(range(10), "Reading")

    def work() -> None:
        iterator = rows()
        assert [next(iterator) for _ in range(4)] == [0, 1, 2, 3]
        iterator.close()  # type: ignore[attr-defined]  # it is a generator
        assert ends(recorder) == [("TaskEnded", 3)]

    assert recorder.run(work).error is None


def test_next_by_hand_counts_what_has_been_asked_past(recorder: Recorder) -> None:
    def work() -> None:
        steps = iter(track(range(3)))
        positions = []
        for _ in range(3):
            next(steps)
            positions.append(current_task().completed)
        assert positions == [0, 1, 2]
        assert next(steps, None) is None
        assert current_task().completed == 3

    assert recorder.run(work).error is None


def test_a_loop_left_standing_ends_with_its_worker(recorder: Recorder) -> None:
    kept = []

    def work() -> None:
        steps = iter(track(range(9), "Reading"))
        next(steps), next(steps)
        kept.append(steps)

    recorder.run(work)
    assert ends(recorder) == [("TaskEnded", 1), ("TaskEnded", 0)]
    assert list(kept[0]) == [2, 3, 4, 5, 6, 7, 8]
    assert len(recorder.events) == 4


def test_the_first_without_a_description_drives_the_task_and_any_other_opens_one(recorder: Recorder) -> None:
    def work() -> None:
        for _ in track([1, 2], "first named"):
            pass
        for _ in track([1, 2, 3]):
            for _ in track("ab"):
                pass

    recorder.run(work)
    started = [(e.description, e.total, e.parent) for e in recorder.events if isinstance(e, TaskStarted)]
    inner = ("track", 2, 1)
    assert started == [("root", None, None), ("first named", 2, 1), inner, inner, inner]
    assert [e.total for e in recorder.events if isinstance(e, TaskChanged)] == [3]
    assert ends(recorder)[-1] == ("TaskEnded", 3)


def test_a_total_that_is_given_stands_and_fields_are_told(recorder: Recorder) -> None:
    recorder.run(lambda: list(track(iter("abc"), "Reading", total=3, unit="rows", fields={"host": "a"})))
    started = recorder.events[1]
    assert isinstance(started, TaskStarted)
    assert (started.total, started.unit, started.fields) == (3, "rows", (("host", "a"),))


def test_it_is_read_while_it_runs_and_left_alone_after(recorder: Recorder) -> None:
    def work() -> None:
        root = current_task()
        for i in track(range(2000)):
            assert root.polled
            assert root.position() == i
            root.advance(0)
        assert not root.polled
        assert recorder.notes == [root]  # its last position is yet to be read
        root.arm()
        root.advance()
        assert recorder.notes == [root, root]
        assert root.position() == 2001

    assert recorder.run(work).error is None
    assert [cell.id for cell in recorder.watched] == [1]


def test_a_position_read_while_the_source_works_counts_the_item_before(recorder: Recorder) -> None:
    seen = []

    def slow() -> Iterator[int]:
        for i in range(3):
            seen.append(current_task().position())
            yield i
        seen.append(current_task().position())

    recorder.run(lambda: list(track(slow())))
    assert seen == [0, 1, 2, 3]


def test_advances_beside_the_loop_add_up(recorder: Recorder) -> None:
    def work() -> None:
        for _ in track(range(5)):
            current_task().advance(10)
        current_task().set(completed=7)
        current_task().advance()

    recorder.run(work)
    assert ends(recorder)[-1] == ("TaskEnded", 8)


def test_its_length_is_that_of_what_it_was_given() -> None:
    assert len(track([1, 2, 3])) == 3
    assert track(iter([1, 2, 3])).__length_hint__() == 3
    assert bool(track([1]))
    assert not track([])
    assert bool(track(iter([])))
    with pytest.raises(TypeError):
        len(track(iter([])))


# --- being asked to stop ---


@pytest.mark.parametrize("at", [0, 1, 5, 1022, 1023, 1024, 1500, 2047])
@pytest.mark.parametrize("description", [None, "Reading"])
def test_a_request_stops_it_at_the_next_step_with_its_count(
    recorder: Recorder, at: int, description: str | None
) -> None:
    def work() -> None:
        for i in track(range(3000), description):
            if i == at:
                current_task().request_cancel("enough")
            assert i <= at

    outcome = recorder.run(work)
    assert isinstance(outcome.error, Cancelled)
    assert next(e for e in recorder.events if isinstance(e, TaskCancelled))[3:] == (at + 1, "enough")


def test_a_request_made_before_it_begins_stops_it_before_the_first_item(recorder: Recorder) -> None:
    def work() -> None:
        current_task().request_cancel("enough")
        for _ in track(range(10), "Reading"):
            pytest.fail("an item came")

    assert isinstance(recorder.run(work).error, Cancelled)
    assert ends(recorder) == [("TaskCancelled", 0), ("TaskCancelled", 0)]


def test_who_is_told_in_the_body_goes_on_without_a_second_request_or_a_lost_item(recorder: Recorder) -> None:
    seen, told = [], 0

    def work() -> None:
        nonlocal told
        for i in track(range(2000)):
            for j in track(range(3), "inner"):
                if (i, j) == (1000, 1):
                    current_task().request_cancel("enough")
                try:
                    current_task().advance(0)
                except Cancelled:
                    told += 1
                seen.append((i, j))

    assert recorder.run(work).error is None
    assert told == 1
    assert seen == [(i, j) for i in range(2000) for j in range(3)]
    assert ends(recorder)[-1] == ("TaskEnded", 2000)


def test_an_outer_loop_goes_on_after_the_inner_one_was_stopped(recorder: Recorder) -> None:
    outer = []

    def work() -> None:
        for i in track(range(5)):
            with suppress(Cancelled):
                for j in track(range(5), "inner"):
                    if (i, j) == (1, 1):
                        current_task().request_cancel("enough")
            outer.append(i)

    assert recorder.run(work).error is None
    assert outer == [0, 1, 2, 3, 4]
    inner = [count for kind, count in ends(recorder)[:-1]]
    assert inner == [5, 2, 5, 5, 5]


def test_a_second_request_stops_it_again(recorder: Recorder) -> None:
    stopped = []

    def work() -> None:
        for round_ in range(2):
            try:
                for i in track(range(9), f"round {round_}"):
                    if i == 3:
                        current_task().request_cancel(str(round_))
            except Cancelled as cancelled:
                stopped.append(str(cancelled))

    assert recorder.run(work).error is None
    assert stopped == ["0", "1"]


MAKERS = [
    pytest.param(track_module._part, id="as here"),
    pytest.param(track_module._part_without_gil, id="without the GIL"),
]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("at", [0, 1, 5, 1022, 1023, 1024, 1500, 2047])
def test_the_count_is_exact_however_the_loop_is_cut(
    monkeypatch: pytest.MonkeyPatch, recorder: Recorder, maker: Callable[..., LoopPart], at: int
) -> None:
    monkeypatch.setattr(track_module, "_part", maker)
    done = 0

    def work() -> None:
        nonlocal done
        for i in track(range(3000)):
            if i == at:
                current_task().request_cancel("enough")
            done += 1

    assert isinstance(recorder.run(work).error, Cancelled)
    assert ends(recorder) == [("TaskCancelled", done)]
    assert done == at + 1


def test_without_the_gil_a_count_outlives_ticks_that_are_taken_away_at_any_moment() -> None:
    """There the loop goes on between the look at the count and the taking; the count is of when it stops."""
    part = track_module._part_without_gil(0, iter(range(10)))
    loop = compress(part.items, part.ticks)
    assert [next(loop), next(loop)] == [0, 1]
    seen = part.counter.__length_hint__()
    assert next(loop) == 2  # what another thread can do meanwhile
    part.flags.clear()
    part.lefts.append(seen)
    assert list(loop) == []
    assert track_module._taken(part) == 3


def ask_after(began: threading.Event, root: Task) -> None:
    began.wait()
    root.request_cancel("enough")


def test_no_request_from_another_thread_is_lost_or_counted_wrong(switching: None, recorder: Recorder) -> None:
    """The count at the end is the number of items that the body finished, whatever the moment of the request."""
    ends = monotonic() + 20  # on busy cores without the GIL each round waits for its turn
    for turn in range(300):
        if turn and monotonic() > ends:
            break
        root, began = recorder.open(), threading.Event()
        done = 0

        def work() -> None:
            nonlocal done
            began.set()  # noqa: B023  # run within the round
            for _ in track(iter(int, 1)):
                done += 1

        asker = threading.Thread(target=ask_after, args=(began, root))
        asker.start()
        outcome = runner_module.run(root, work, (), {})
        asker.join()
        assert isinstance(outcome.error, Cancelled)
        assert root.position() == done
        runner_module.finish(root, outcome)


# --- where nobody looks ---


def test_another_thread_without_a_run_gets_the_plain_loop() -> None:
    kinds: list[type] = []
    thread = threading.Thread(target=lambda: kinds.append(type(iter(track([1, 2])))))
    thread.start()
    thread.join()
    assert kinds == [type(iter([1]))]


def test_on_the_main_thread_it_opens_a_run_for_as_long_as_it_lasts(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mainstage.tasks.reporter import live  # noqa: PLC0415

    titles = []

    @contextmanager
    def implicit(title: str) -> Iterator[None]:
        titles.append(title)
        live.reporter = recorder
        try:
            yield
        finally:
            live.reporter = None

    monkeypatch.setattr(import_module("mainstage.tasks.bar"), "open_run", implicit)
    for i in track(range(10), "Reading"):
        assert live.reporter is recorder
        if i == 4:
            break
    assert live.reporter is None
    assert titles == ["Reading"]
    assert ends(recorder) == [("TaskEnded", 4)]


def test_in_a_live_run_without_a_task_it_is_a_task_of_the_run(run: Recorder) -> None:
    assert list(track("ab", "Reading")) == ["a", "b"]
    assert [type(event) for event in run.events] == [TaskStarted, TaskEnded]


def test_what_is_no_iterable_is_the_callers_error(recorder: Recorder) -> None:
    outcome = recorder.run(lambda: list(track(cast("list[int]", 5))))
    assert isinstance(outcome.error, TypeError)
    assert not recorder.of(TaskChanged)


def test_a_task_around_it_is_driven_in_the_place_of_the_root(recorder: Recorder) -> None:
    def work() -> None:
        with task("page") as page:
            assert isinstance(page, Task)
            for _ in track(range(4)):
                pass
            assert page.completed == 4

    assert recorder.run(work).error is None
    assert [kind for kind, _ in ends(recorder)] == ["TaskEnded", "TaskEnded"]
    assert not recorder.of(TaskFailed)
