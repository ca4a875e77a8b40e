"""What a task raises, returns, is given or puts may be of any class: no thread of ours ends by looking at it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import odd_values as odd
from tests.backends.ports import FakeAdapter

import mainstage
from mainstage import aio, futures
from mainstage.channels.inbox import ThreadChannel
from mainstage.core import pickling
from mainstage.core.clock import SystemClock
from mainstage.errors import Unpicklable, WorkerLost, add_note, describe_error, explain, notes_of
from mainstage.pool.engines import worker as engine_worker
from mainstage.pool.engines.workers import EngineWorkers
from mainstage.pool.timer import Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstage.pool.engines.adapter import Piece

SOON = 30.0
NAMES = [*odd.ODD, "fine", *odd.ODD]


@pytest.fixture(autouse=True)
def no_thread_dies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where a thread of any kind ends by an exception."""
    died: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: died.append(f"{args.thread}: {args.exc_type}"))
    yield
    assert died == []


def of_map(executor: str) -> list[Any]:
    options: Any = {"executor": executor, "max_workers": 2, "view": "silent", "on_error": "collect"}
    return list(mainstage.map(odd.raises, NAMES, **options))


def of_submit(executor: str) -> list[Any]:
    options: Any = {"executor": executor, "max_workers": 2, "view": "silent", "on_error": "collect"}
    with mainstage.Run("odd", **options) as run:
        calls = [run.submit(odd.raises, name) for name in NAMES]
        return [outcome_of(call) for call in calls]


def outcome_of(call: Any) -> Any:
    error = call.exception(SOON)
    return call.result() if error is None else error


def of_pool(pool: Any) -> list[Any]:
    with pool(2) as executor:
        return [outcome_of(call) for call in [executor.submit(odd.raises, name) for name in NAMES]]


async def of_aio() -> list[Any]:
    return [item async for item in aio.map(odd.raises_soon, NAMES, on_error="collect")]


FACES: dict[str, Callable[[], list[Any]]] = {
    "map, threads": lambda: of_map("thread"),
    "map, processes": lambda: of_map("process"),
    "submit, threads": lambda: of_submit("thread"),
    "submit, processes": lambda: of_submit("process"),
    "pool of threads": lambda: of_pool(futures.ThreadPoolExecutor),
    "pool of processes": lambda: of_pool(futures.ProcessPoolExecutor),
    "asyncio": lambda: asyncio.run(of_aio()),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("face", FACES)
def test_an_exception_of_any_class_is_the_outcome_of_its_task_and_of_no_other(face: str) -> None:
    outcomes = FACES[face]()
    assert len(outcomes) == len(NAMES)
    for name, outcome in zip(NAMES, outcomes, strict=True):
        if name == "fine":
            assert outcome == "fine"
        elif "process" in face and ("elsewhere" in name or type(outcome) is Unpicklable):
            assert type(outcome) is Unpicklable
            assert "cannot be sent between processes" in str(outcome)
        else:
            assert type(outcome) is type(make(name)), name


def make(name: str) -> BaseException:
    error: BaseException = odd.ODD[name]()
    return error


def test_those_that_can_travel_arrive_as_they_were() -> None:
    for name in ("frozen", "slotted", "odd notes", "odd note", "no class", "no truth", "no text"):
        error, report = pickling.unpack_error(pickling.pack_error(make(name)))
        assert type(error) is type(make(name)), name
        assert report.text or name in ("no class", "no truth")


@pytest.mark.parametrize("name", [name for name in odd.ODD if "elsewhere" not in name])
def test_describing_never_raises(name: str) -> None:
    error = make(name)
    assert describe_error(error).traceback
    assert explain(error)
    add_note(error, "a note of ours")
    assert ("a note of ours" in notes_of(error)) == (name != "odd notes")
    group = BaseExceptionGroup("several", [error, BaseExceptionGroup("inner", [error])])
    assert describe_error(group).text


@pytest.mark.timeout(60)
def test_a_result_of_any_class_costs_its_own_task() -> None:
    with mainstage.Run("odd", executor="process", max_workers=2, view="silent", on_error="collect") as run:
        calls = [run.submit(odd.returns, kind) for kind in ("exit", "refusing", "interrupt", "fine")]
        errors = [call.exception(SOON) for call in calls]
        mapped = list(run.map(odd.returns, ["refusing", "fine", "exit"]))
    assert [type(error) for error in errors] == [Unpicklable] * 3 + [type(None)]
    assert [type(value) for value in mapped] == [Unpicklable, str, Unpicklable]


@pytest.mark.timeout(60)
def test_an_argument_of_any_class_costs_its_own_task() -> None:
    with mainstage.Run("odd", executor="process", max_workers=2, view="silent", on_error="collect") as run:
        queue = run.queue()  # while one is open, arguments are looked through for it
        assert type(run.submit(odd.takes, odd.NoLook()).exception(SOON)) is Unpicklable
        assert run.submit(odd.takes, 5).result(SOON) == "taken"
        mapped: list[Any] = list(run.map(odd.takes, [odd.NoLook(), 5]))
        assert (type(mapped[0]), mapped[1]) == (Unpicklable, "taken")
        run.close(queue)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("levels", [400, 900, 950, 980, 990, 999, 2000, 100_000])
def test_a_deep_result_arrives_or_is_refused(levels: int) -> None:
    for executor in ("thread", "process"):
        options: Any = {"executor": executor, "max_workers": 1, "view": "silent", "on_error": "collect"}
        outcomes: list[Any] = list(mainstage.map(odd.deep, [levels, 3], **options))
        value, fine = outcomes
        assert odd.depth(fine) == 3
        if executor == "thread" or type(value) is list:
            assert odd.depth(value) == levels
        else:
            assert type(value) is Unpicklable
            assert levels > 300


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["exit", "interrupt", "number"])
def test_a_message_that_cannot_be_made_here_is_shown_and_the_next_ones_count(kind: str) -> None:
    with mainstage.Run("odd", executor="process", max_workers=1, view="silent", on_error="collect") as run:
        queue = run.queue()
        assert run.submit(odd.puts, queue, kind).result(SOON) == kind
        assert queue.completed == 1 + (kind == "number" and queue.completed > 1)
        assert run.submit(odd.returns, "fine").result(SOON) == "fine"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("what", ["pipe", "zeros", "journal", "words"])
def test_a_worker_whose_messages_are_garbled_is_lost_and_no_other(what: str) -> None:
    with mainstage.Run("odd", executor="process", max_workers=2, view="silent", on_error="collect") as run:
        for _ in range(2):
            error = run.submit(odd.scribbles, what).exception(SOON)
            assert type(error) is WorkerLost
            assert "while it worked on" in str(error)
            if what in ("pipe", "zeros"):
                assert "no message of ours" in str(error)
        assert list(run.map(odd.raises, ["fine"] * 50)) == ["fine"] * 50


@pytest.mark.timeout(60)
@pytest.mark.parametrize("executor", ["thread", "process"])
def test_a_callback_that_raises_to_the_top_keeps_nobody_waiting(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # it is told there, as by the standard library
    with mainstage.Run("odd", executor=executor, max_workers=1, view="silent", on_error="collect") as run:
        with run.hold():
            call = run.submit(odd.raises, "fine")
            call.add_done_callback(lambda _: (_ for _ in ()).throw(SystemExit(3)))
        assert call.result(SOON) == "fine"
        assert run.submit(odd.raises, "fine too").result(SOON) == "fine too"


def test_an_alarm_that_raises_costs_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[type] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_type))
    timer, rang = Timer(), threading.Event()

    def fail() -> None:
        raise SystemExit

    timer.after(0, fail)
    timer.after(0, rang.set)
    assert rang.wait(SOON)
    assert told == [SystemExit]
    timer.close()


class EngineAdapter(FakeAdapter):
    """An engine on which each piece is done at once, here, and comes back as it would from afar."""

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        for piece in pieces:
            station = engine_worker.station(piece.head, self.hear, "fake/1")
            piece.done(station.work(piece.head, piece.function, piece.data, piece.large), None)
        return [None] * len(pieces)

    def close(self) -> None:
        engine_worker.leave(self.run)

    def open(self, run: str, hear: Any, gone: Any) -> None:
        super().open(run, hear, gone)
        self.run = run


@pytest.mark.timeout(60)
def test_an_engine_outlives_batches_that_are_garbled_and_mistakes_of_its_own() -> None:
    channel, port = ThreadChannel(SystemClock()), EngineAdapter()
    backend = EngineWorkers(channel, port, captured=False)
    done = threading.Event()

    def fail() -> None:
        raise SystemExit("a mistake")

    port.hear(b"garbage")
    port.hear(pickling.pickle_inline(("fake/1", [(99, 1)]), "a batch"))
    backend.post(fail)
    backend.post(done.set)
    assert done.wait(SOON)
    backend.close(pending=False)
