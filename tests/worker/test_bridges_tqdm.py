from __future__ import annotations

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import tqdm
import tqdm.asyncio
import tqdm.auto
import tqdm.contrib.concurrent
import tqdm.notebook
from tests.worker.captured import captured
from tqdm.std import tqdm as Bar  # noqa: N812  # several are at hand

from mainstage import current_task
from mainstage.errors import Cancelled
from mainstage.events import TaskChanged, TaskEnded, TaskStarted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.worker.captured import Stage


@pytest.fixture(autouse=True)
def no_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread would outlive the test."""
    monkeypatch.setattr(Bar, "monitor_interval", 0)


def ended(stage: Stage, description: str) -> float:
    (number,) = [e.task for e in stage.events() if isinstance(e, TaskStarted) and e.description == description]
    (count,) = [e.completed for e in stage.events() if isinstance(e, TaskEnded) and e.task == number]
    return count


def iterate() -> None:
    for _ in Bar(range(1000), desc="iterate"):
        pass


def by_hand() -> None:
    with Bar(total=10, desc="by hand", unit="B") as bar:
        for _ in range(4):
            bar.update(3)


def leave_early() -> None:
    for item in tqdm.auto.tqdm(range(100), desc="leave early"):
        if item == 41:
            break


def unknown_total() -> None:
    for _ in Bar(iter(range(17)), desc="unknown total"):
        pass


def trange() -> None:
    for _ in tqdm.trange(3, desc="trange", leave=False):
        pass


def asynchronous() -> None:
    async def items() -> AsyncIterator[int]:
        for item in range(12):
            yield item

    async def work() -> None:
        async for _ in tqdm.asyncio.tqdm(items(), desc="asynchronous", total=12):
            pass

    asyncio.run(work())


def gathered() -> None:
    async def one(value: int) -> int:
        return value

    async def work() -> list[int]:
        return list(await tqdm.asyncio.tqdm.gather(*(one(v) for v in range(6)), desc="gathered"))

    assert asyncio.run(work()) == list(range(6))


def thread_map() -> None:
    found = tqdm.contrib.concurrent.thread_map(abs, range(-30, 0), max_workers=4, desc="thread_map")
    assert sum(found) == 465


class HubBar(tqdm.auto.tqdm):  # type: ignore[type-arg]
    """As huggingface_hub's: a subclass with arguments of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("name", None)
        super().__init__(*args, **kwargs)

    def __delattr__(self, name: str) -> None:
        try:
            super().__delattr__(name)
        except AttributeError:
            if name != "_lock":
                raise


def subclass() -> None:
    with HubBar(name="hub", total=100, desc="subclass", unit="B", unit_scale=True, disable=None, initial=5) as bar:
        bar.update(95)


def in_threads() -> None:
    def work(number: int) -> None:
        for _ in Bar(range(200), desc=f"thread {number}", position=number):
            pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("work", "description", "count"),
    [
        (iterate, "iterate", 1000),
        (by_hand, "by hand", 12),
        (leave_early, "leave early", 41),
        (unknown_total, "unknown total", 17),
        (trange, "trange", 3),
        (asynchronous, "asynchronous", 12),
        (gathered, "gathered", 6),
        (thread_map, "thread_map", 30),
        (subclass, "subclass", 100),
        (in_threads, "thread 3", 200),
    ],
)
def test_a_bar_is_a_task_whose_end_is_exact(work: Callable[[], None], description: str, count: int) -> None:
    with captured() as stage:
        sys.stderr.isatty = lambda: True  # type: ignore[method-assign]
        stage.run(work)
    assert ended(stage, description) == count
    assert stage.passed() == ""
    assert stage.texts() == []


def test_a_bar_is_nested_in_the_task_that_opened_it_and_says_what_it_knows() -> None:
    def work() -> None:
        with Bar(total=10, desc="first", unit="B", postfix={"loss": 1.5}) as bar:
            bar.set_description("second")
            bar.set_postfix(loss=0.5)
            bar.total = 20
            bar.refresh()

    with captured() as stage:
        stage.run(work)
    start = next(e for e in stage.events() if isinstance(e, TaskStarted) and e.parent is not None)
    assert (start.parent, start.description, start.total, start.unit) == (7, "first", 10, "B")
    changes = [(e.description, e.status, e.total) for e in stage.events() if isinstance(e, TaskChanged)]
    assert ("first", "loss=1.5", 10) in changes
    assert changes[-1] == ("second", "loss=0.5", 20)


def test_a_bar_on_a_file_of_its_own_draws_there() -> None:
    out = io.StringIO()
    with captured() as stage:
        stage.run(lambda: list(Bar(range(5), file=out)))
    assert "5/5" in out.getvalue()
    assert [e for e in stage.events() if isinstance(e, TaskStarted)][1:] == []


@pytest.mark.parametrize("owned", [("stdout", "stderr"), ()], ids=["captured", "bars alone"])
def test_a_bar_in_output_that_the_program_redirects_is_text(owned: tuple[str, ...]) -> None:
    buffer = io.StringIO()
    with captured(owned=owned, bars=("stdout", "stderr")) as stage:
        with contextlib.redirect_stderr(buffer):
            assert list(Bar(range(3), desc="kept")) == [0, 1, 2]
        assert list(Bar(range(3), desc="shown")) == [0, 1, 2]
    assert "kept: 100%" in buffer.getvalue()
    assert [e.description for e in stage.events() if isinstance(e, TaskStarted)] == ["shown"]


def test_a_bar_is_text_while_the_descriptor_of_its_stream_leads_elsewhere(tmp_path: Path) -> None:
    with (tmp_path / "was").open("w+") as out, (tmp_path / "is").open("w+") as other:
        with captured(stderr=out) as stage:
            assert list(Bar(range(3), desc="before")) == [0, 1, 2]
            os.dup2(other.fileno(), out.fileno())
            assert list(Bar(range(3), desc="meanwhile")) == [0, 1, 2]
        assert [e.description for e in stage.events() if isinstance(e, TaskStarted)] == ["before"]


@pytest.mark.parametrize("inner", [lambda _: sys.stderr.buffer, lambda stage: stage.stderr.buffer])
def test_a_bar_on_the_same_stream_with_another_encoding_is_a_task(inner: Callable[[Stage], Any]) -> None:
    with captured() as stage:
        wrapper = io.TextIOWrapper(inner(stage), encoding="latin-1")
        stage.run(lambda: list(Bar(range(5), desc="wrapped", file=wrapper)))
        wrapper.detach()
    assert ended(stage, "wrapped") == 5


def test_a_bar_opened_before_is_left_alone() -> None:
    out = io.StringIO()
    bar = Bar(total=5, file=out)
    with captured() as stage:
        bar.update(5)
        bar.close()
    assert "5/5" in out.getvalue()
    assert stage.events() == []


def test_a_bar_that_outlives_the_run_ends_with_it_and_draws_no_more() -> None:
    with captured() as stage:
        bar = Bar(total=5, desc="late")
        bar.update(2)
        assert stage.capture is not None
        stage.capture.stop()
        bar.update(3)
        bar.close()
        assert stage.passed() == ""
    assert ended(stage, "late") == 2


def test_everything_is_put_back() -> None:
    before = dict(vars(Bar))
    with captured():
        assert vars(Bar)["close"] is not before["close"]
    after = dict(vars(Bar))
    for name in ("__init__", "display", "refresh", "close", "status_printer"):
        assert after[name] is before[name]
    out = io.StringIO()
    assert list(Bar(range(3), file=out)) == [0, 1, 2]
    assert "3/3" in out.getvalue()


def test_tqdm_write_is_a_line_of_the_task() -> None:
    def work() -> None:
        with Bar(total=2) as bar:
            bar.write("between")

    with captured() as stage:
        stage.run(work)
    assert stage.lines(7) == ["between"]


def test_a_bar_on_a_stream_that_is_not_owned_draws_there() -> None:
    with captured(owned=()) as stage:
        stage.run(lambda: list(Bar(range(5))))
        assert "5/5" in stage.passed()


def test_a_request_to_stop_is_told_by_a_bar_and_leaves_its_lock_free() -> None:
    def work() -> None:
        for item in Bar(range(1000), mininterval=0, miniters=1):
            if item == 3:
                current_task().request_cancel("enough")

    with captured() as stage, pytest.raises(Cancelled, match="enough"):
        stage.run(work)
    done: list[bool] = []

    def look() -> None:
        for lock in Bar.get_lock().locks:  # type: ignore[no-untyped-call]
            done.append(lock.acquire(False))
            if done[-1]:
                lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert done == [True, True]


def test_notebook_bars_need_no_widgets_in_a_terminal() -> None:
    with captured() as stage:
        stage.run(lambda: list(tqdm.notebook.tqdm(range(8), desc="notebook")))
    assert ended(stage, "notebook") == 8
    assert stage.passed() == ""


LATER = """
import sys
from tests.worker.captured import captured
assert "tqdm" not in sys.modules
with captured() as stage:
    import tqdm
    assert type(tqdm.std.__loader__).__name__ == "SourceFileLoader", tqdm.std.__loader__
    assert tqdm.std.__spec__.loader is tqdm.std.__loader__
    stage.run(lambda: list(tqdm.tqdm(range(8), desc="later")))
from mainstage.events import TaskEnded
sys.exit([event.completed for event in stage.events() if isinstance(event, TaskEnded)] != [8, 0])
"""


def test_a_tqdm_that_is_imported_during_the_run_is_found() -> None:
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
