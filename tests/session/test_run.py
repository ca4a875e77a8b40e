"""`Run`: submit, map, errors, retries, timeouts, cancel; each also with an owner that never pumps."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.core import lending
from mainstage.errors import TaskTimeout
from mainstage.pool import mapping
from mainstage.run.display_session import DisplaySession
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 10.0


@pytest.fixture(params=["owner awake", "owner asleep", "no heartbeat", "silent"], autouse=True)
def show(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "owner asleep":
        monkeypatch.setattr(DisplaySession, "owner_asleep", True)
    return str(request.param)


@pytest.fixture
def options(show: str) -> dict[str, Any]:
    if show == "silent":
        return {"view": "silent"}
    return {"view": "live", "display": RecordingDisplay(), "heartbeat": show != "no heartbeat"}


def double(n: int) -> int:
    return 2 * n


def fail(n: int) -> int:
    message = f"no {n}"
    raise ValueError(message)


def test_results_come_from_futures_of_the_standard_library(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", **options) as run:
        futures = [run.submit(double, n) for n in range(20)]
        assert all(isinstance(future, Future) for future in futures)
        assert [future.result() for future in futures] == [2 * n for n in range(20)]


def test_map_keeps_the_order_of_the_input(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", **options) as run:
        assert list(run.map(double, range(500))) == [2 * n for n in range(500)]
        assert sorted(run.map(double, range(500), unordered=True)) == [2 * n for n in range(500)]
        assert list(run.map(pow, [2, 3], [3, 2])) == [8, 9]


def test_an_error_is_the_workers_own_with_notes_of_where(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no 3") as caught, mainstage.Run("Work", **options) as run:
        run.submit(fail, 3).result()
    notes = "\n".join(caught.value.__notes__)
    assert "fail(3)" in notes
    assert "input 3" in notes
    assert "attempt 1" in notes


def test_an_error_that_nobody_asked_for_is_raised_at_the_end_of_the_block(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no 1"), mainstage.Run("Work", **options) as run:
        run.submit(fail, 1)


def left_by_a_cancelled_call(options: dict[str, Any], *, look: bool) -> None:
    """Leave a block by a call that is cancelled since another one failed, which was looked at or not."""
    begun = threading.Barrier(2)

    def stay() -> None:
        begun.wait(DEADLINE)
        mainstage.current_task().sleep(DEADLINE)

    def fall() -> None:
        begun.wait(DEADLINE)
        raise ValueError("no") from KeyError("disk")

    with mainstage.Run("Work", **options | {"max_workers": 2}) as run:
        staying, falling = run.submit(stay), run.submit(fall)
        if look:
            falling.exception()
        staying.result()


def test_a_block_left_by_a_call_that_a_failure_cancelled_raises_the_failure(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no") as caught:
        left_by_a_cancelled_call(options, look=False)
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__context__ is None


def test_a_block_left_by_a_cancelled_call_raises_that_where_the_failure_was_looked_at(options: dict[str, Any]) -> None:
    with pytest.raises(CancelledError):
        left_by_a_cancelled_call(options, look=True)


def test_an_error_that_was_looked_at_is_not_raised_again(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", **options) as run:
        assert isinstance(run.submit(fail, 1).exception(), ValueError)


@pytest.mark.timeout(DEADLINE)
def test_a_run_keeps_no_future_whose_outcome_was_asked_for(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", on_error="collect", **options) as run:
        taken = [run.submit(double, n) for n in range(10)]
        failed, left = run.submit(fail, 1), run.submit(double, 50)
        known = [weakref.ref(future) for future in taken]
        assert [future.result() for future in taken] == [2 * n for n in range(10)]
        assert isinstance(failed.exception(), ValueError)
        run.wait([left])
        del taken, failed
        while any(ref() is not None for ref in known):  # a worker may be just about to let go of the last one
            gc.collect()
        assert run.results == [100]


def test_collect_and_skip_cancel_nothing(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", on_error="collect", **options) as run:
        run.submit(fail, 1)
        assert run.submit(double, 4).result() == 8
        found = list(run.map(lambda n: 1 / n, [1, 0, 2]))
        assert [found[0], found[2]] == [1.0, 0.5]
        assert isinstance(found[1], ZeroDivisionError)
        assert list(run.map(lambda n: 1 / n, [1, 0, 2], on_error="skip")) == [1.0, 0.5]


def test_the_first_failure_of_a_map_cancels_the_rest(options: dict[str, Any]) -> None:
    ran = []

    def work(n: int) -> int:
        ran.append(n)
        return fail(n) if n == 3 else n

    with pytest.raises(ValueError, match="no 3"), mainstage.Run("Work", max_workers=1, **options) as run:
        list(run.map(work, range(100_000)))
    assert len(ran) < 50_000


def test_a_failure_is_retried_and_told_with_its_attempt(options: dict[str, Any]) -> None:
    attempts = []

    def flaky(n: int) -> int:
        attempts.append(n)
        return fail(n) if len(attempts) < 3 else n

    with mainstage.Run("Work", retries=2, **options) as run:
        assert run.submit(flaky, 7).result() == 7
        attempts.clear()
        assert list(run.map(flaky, [5])) == [5]
        with pytest.raises(ValueError, match="no 9") as caught:
            run.options(retries=1).submit(fail, 9).result()
        assert "attempt 2" in "\n".join(caught.value.__notes__)


def test_a_task_over_its_timeout_that_reports_is_stopped(options: dict[str, Any]) -> None:
    stopped = threading.Event()

    def endless() -> None:
        try:
            while True:
                mainstage.current_task().sleep(DEADLINE)
        finally:
            stopped.set()

    with mainstage.Run("Work", **options) as run:
        with pytest.raises(TaskTimeout, match=r"timeout of 0\.05 s"):
            run.options(timeout=0.05).submit(endless).result()
        assert stopped.wait(DEADLINE)
        found = list(run.map(lambda _: endless(), [1], timeout=0.05, on_error="collect"))
        assert isinstance(found[0], TimeoutError)


def test_a_task_over_its_timeout_that_is_stuck_is_abandoned_and_never_retried(options: dict[str, Any]) -> None:
    stuck = threading.Event()
    runs = []

    def hang() -> None:
        runs.append(1)
        stuck.wait(DEADLINE)

    with mainstage.Run("Work", grace=0.05, retries=3, timeout=0.05, max_workers=1, **options) as run:
        with pytest.raises(TaskTimeout) as caught:
            run.submit(hang).result()
        assert "abandoned" in "\n".join(caught.value.__notes__)
        assert run.submit(double, 2).result() == 4
        assert isinstance(next(run.map(lambda _: hang(), [1], on_error="collect")), TaskTimeout)
        assert list(run.map(double, [1, 2])) == [2, 4]
    stuck.set()
    assert len(runs) == 2


def test_a_waiting_future_is_cancelled_and_a_running_one_is_asked_to_stop(options: dict[str, Any]) -> None:
    began = threading.Event()

    def endless() -> None:
        began.set()
        mainstage.current_task().sleep(DEADLINE)

    with mainstage.Run("Work", max_workers=1, **options) as run:
        running = run.submit(endless)
        waiting = run.submit(double, 1)
        assert began.wait(DEADLINE)
        assert not running.cancel()
        assert waiting.cancel()
        assert run.cancel(running)
        with pytest.raises(CancelledError):
            running.result()
        assert waiting.cancelled()


@pytest.mark.timeout(DEADLINE)
def test_a_map_gets_its_turn_while_calls_go_on_coming(options: dict[str, Any]) -> None:
    over = threading.Event()

    def again(run: mainstage.Run) -> None:
        if not over.is_set():
            run.submit(again, run)

    with mainstage.Run("Work", max_workers=1, **options) as run:
        for _ in range(3):
            run.submit(again, run)
        assert list(run.map(double, range(5))) == [0, 2, 4, 6, 8]
        over.set()


@pytest.mark.timeout(DEADLINE)
def test_tasks_that_all_wait_for_calls_of_their_own_run_get_them(options: dict[str, Any]) -> None:
    begun = threading.Barrier(2)

    def outer(run: mainstage.Run, way: str) -> list[int]:
        begun.wait(DEADLINE)
        if way == "map":
            return list(run.map(double, range(3)))
        futures = [run.submit(double, n) for n in range(3)]
        match way:
            case "result":
                return [future.result() for future in futures]
            case "wait":
                return sorted(future.result() for future in run.wait(futures).done)
            case _:
                return sorted(future.result() for future in run.as_completed(futures))

    with mainstage.Run("Work", max_workers=2, **options) as run:
        for way in ("result", "map", "wait", "as_completed"):
            both = [run.submit(outer, run, way) for _ in range(2)]
            assert [future.result() for future in both] == [[0, 2, 4]] * 2
        threads = run.submit(threading.active_count)
        assert threads.result() > 0
        depth = run.options(description="deep")

        def deep(n: int) -> int:
            return n if not n else depth.submit(deep, n - 1).result() + 1

        assert run.submit(deep, 20).result() == 20


@pytest.mark.timeout(DEADLINE)
def test_a_wait_within_a_task_keeps_its_timeout_and_ends_when_its_task_is_asked_to_stop(
    options: dict[str, Any],
) -> None:
    gate, waits = threading.Event(), threading.Event()

    def outer(run: mainstage.Run) -> str:
        inner = run.submit(gate.wait, DEADLINE)
        with pytest.raises(TimeoutError):
            inner.result(0.01)
        waits.set()
        try:
            inner.result()
        except mainstage.Cancelled as error:
            return str(error)
        return "not stopped"

    with mainstage.Run("Work", max_workers=1, **options) as run:
        future = run.submit(outer, run)
        assert waits.wait(DEADLINE)
        assert run.cancel(future)
        assert future.result() == "cancelled"
        gate.set()


def test_leaving_the_block_by_an_exception_stops_the_work(options: dict[str, Any]) -> None:
    began = threading.Event()

    def endless() -> None:
        began.set()
        mainstage.current_task().sleep(DEADLINE)

    def leave() -> None:
        with mainstage.Run("Work", max_workers=1, **options) as run:
            run.submit(endless)
            run.submit(double, 1)
            assert began.wait(DEADLINE)
            raise LookupError

    with pytest.raises(LookupError) as caught:
        leave()
    assert isinstance(caught.value.run, mainstage.Run)  # type: ignore[attr-defined]


def test_the_input_is_pulled_lazily_and_on_the_callers_thread(options: dict[str, Any]) -> None:
    pulled: list[int] = []
    threads = set()

    def source() -> Iterator[int]:
        for n in range(1_000_000):
            pulled.append(n)
            threads.add(threading.get_ident())
            yield n

    with mainstage.Run("Work", max_workers=2, **options) as run:
        results = run.map(double, source(), buffersize=10)
        assert pulled == []
        assert next(results) == 0
        assert len(pulled) <= 11
        results.close()  # type: ignore[attr-defined]
    assert threads == {threading.get_ident()}
    assert len(pulled) < 30


class Late:
    """Work whose first item waits for a later one, or `seconds`, and knows which it was."""

    def __init__(self, later: int, seconds: float) -> None:
        self.later = later
        self.seconds = seconds
        self.came = threading.Event()
        self.was_there: bool | None = None

    def __call__(self, n: int) -> int:
        if n == self.later:
            self.came.set()
        if n == 0:
            self.was_there = self.came.wait(self.seconds)
        return n


def test_workers_are_lent_what_stands_behind_a_long_item(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "AHEAD_S", 0.0)  # a window of two items a worker
    late = Late(300, DEADLINE)
    with mainstage.Run("Work", max_workers=2, **options) as run:
        assert list(run.map(late, iter(range(400)))) == list(range(400))
    assert late.was_there


def test_so_many_results_wait_for_a_long_item_and_no_more(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "AHEAD_S", 0.0)
    monkeypatch.setattr(lending, "MOST", 20)
    for later, lent in ((20, True), (30, False)):
        late = Late(later, DEADLINE if lent else 0.2)
        with mainstage.Run("Work", max_workers=2, **options) as run:
            assert list(run.map(late, range(50))) == list(range(50))
        assert late.was_there is lent


def test_large_results_wait_for_a_long_item_by_their_size(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "AHEAD_S", 0.0)
    monkeypatch.setattr(lending, "MOST_BYTES", 20_000)
    for size, lent in ((100, True), (10_000, False)):
        late = Late(30, DEADLINE if lent else 0.2)
        with mainstage.Run("Work", max_workers=2, **options) as run:
            list(run.map(lambda n, late=late, size=size: bytes(size + late(n)), range(50)))
        assert late.was_there is lent


def test_a_buffersize_holds_for_what_stands_behind_a_long_item_too(options: dict[str, Any]) -> None:
    for later, lent in ((3, True), (4, False)):
        late = Late(later, DEADLINE if lent else 0.2)
        with mainstage.Run("Work", max_workers=2, **options) as run:
            assert list(run.map(late, range(50), buffersize=4)) == list(range(50))
        assert late.was_there is lent


def test_a_result_that_does_not_tell_its_size_counts_as_small() -> None:
    class Hostile:
        def __sizeof__(self) -> int:
            raise LookupError

    known = lending.Lending()
    known.look(Hostile())
    assert known.lent(5) == 5


class Cursor:
    """Can be iterated, and does not know how long it is."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        return iter([1, 2, 3])


def test_an_input_whose_len_raises_is_one_of_unknown_length(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", **options) as run:
        assert list(run.map(str, Cursor())) == ["1", "2", "3"]
        assert list(run.map(pow, range(10**30), Cursor())) == [0, 1, 8]


def test_an_error_of_the_input_is_raised_after_the_items_before_it(options: dict[str, Any]) -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError

    found: list[int] = []
    with mainstage.Run("Work", **options) as run, pytest.raises(LookupError):
        found.extend(run.map(double, source()))  # extend keeps what came before
    assert found in ([2, 4], [])


def test_results_that_nobody_took_stay_readable(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", **options) as run:
        taken = run.submit(double, 1)
        left = run.submit(double, 2)
        taken.result()
        run.wait([left])
        assert 4 in run.results


def test_work_submitted_from_the_loop_of_a_map_does_not_wait_for_its_end(options: dict[str, Any]) -> None:
    with mainstage.Run("Work", max_workers=1, **options) as run:
        found = [run.submit(double, n).result() for n in run.map(double, range(5))]
    assert found == [0, 4, 8, 12, 16]


def test_a_run_inside_a_run_is_a_branch_of_it(options: dict[str, Any]) -> None:
    with mainstage.Run("outer", **options) as outer:
        with mainstage.Run("inner") as inner:
            assert inner._live().show is outer._live().show
            assert list(inner.map(double, [1])) == [2]
        assert list(mainstage.map(double, [2])) == [4]
        assert outer.submit(double, 3).result() == 6


@pytest.mark.parametrize(
    "error",
    [SystemExit(3), KeyboardInterrupt(), StopIteration(1), GeneratorExit(), ExceptionGroup("g", [ValueError()])],
)
def test_whatever_a_worker_raises_is_one_failed_task(error: BaseException, options: dict[str, Any]) -> None:
    def work() -> None:
        raise error

    with mainstage.Run("Work", on_error="collect", **options) as run:
        assert run.submit(work).exception() is error
        found: list[object] = list(run.map(lambda _: work(), [1]))
        assert found == [error]
        assert run.submit(double, 1).result() == 2


class Hopeless:
    """A view that fails whatever it is asked for."""

    interval = 0.1
    shown = ()

    def above(self, *_: object) -> list[str]:
        raise ZeroDivisionError("no lines")

    def rows(self, *_: object) -> list[str]:
        raise ZeroDivisionError("no rows")

    def due(self, *_: object, dirty: bool) -> float | None:
        return 0.0 if dirty else None


def test_when_the_view_that_takes_over_fails_too_it_is_said_and_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mainstage.ui.setup.PlainView", lambda **_: Hopeless())
    with mainstage.Run("work", view="plain", max_workers=2) as run:
        assert list(run.map(abs, [-1, 2])) == [1, 2]
        assert run.submit(abs, -3).result() == 3
    assert capsys.readouterr().err.count("nothing more is shown") == 1
