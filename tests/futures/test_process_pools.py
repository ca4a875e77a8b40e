"""`ProcessPoolExecutor` as a drop-in, with what newer Pythons have; and `buffersize` for threads too."""

from __future__ import annotations

import concurrent.futures
import gc
import inspect
import itertools
import os
import signal
import threading
from concurrent.futures import CancelledError, Executor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.backends import process_work as work

from mainstage import futures
from mainstage.core.clock import monotonic
from mainstage.errors import WorkerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 30.0
NEWER = {"buffersize"}
"""Parameters of Python 3.14 that ours has on all."""


@pytest.fixture
def pool() -> Iterator[futures.ProcessPoolExecutor]:
    with futures.ProcessPoolExecutor(1) as pool:
        yield pool


def until(done: Callable[[], bool]) -> None:
    ends = monotonic() + SOON
    while not done():
        assert monotonic() < ends
        threading.Event().wait(0.01)


@pytest.mark.parametrize("name", ["__init__", "map", "shutdown"])
def test_the_signatures_are_the_standard_librarys(name: str) -> None:
    ours = inspect.signature(getattr(futures.ProcessPoolExecutor, name)).parameters
    theirs = inspect.signature(getattr(Executor if name == "map" else concurrent.futures.ProcessPoolExecutor, name))
    assert [p for p in ours if p not in NEWER] == [p for p in theirs.parameters if p not in NEWER]


@pytest.mark.parametrize("kind", [futures.ThreadPoolExecutor, futures.ProcessPoolExecutor])
def test_a_buffer_bounds_how_far_a_map_is_ahead(kind: type[Executor]) -> None:
    pulled = []

    def numbers() -> Iterator[int]:
        for n in itertools.count():
            pulled.append(n)
            yield n

    with kind(2) as pool:  # type: ignore[call-arg]  # of the two that take it
        results = pool.map(work.square, numbers(), buffersize=3)  # type: ignore[call-arg]  # of Python 3.14
        assert len(pulled) == 3
        assert list(itertools.islice(results, 10)) == [n * n for n in range(10)]
        assert len(pulled) == 13
        results.close()  # type: ignore[attr-defined]  # a generator


@pytest.mark.parametrize("kind", [futures.ThreadPoolExecutor, futures.ProcessPoolExecutor])
@pytest.mark.parametrize(("buffersize", "error"), [(0, ValueError), (2.5, TypeError)])
def test_a_buffer_that_makes_no_sense_is_refused(
    kind: type[Executor], buffersize: float, error: type[Exception]
) -> None:
    with kind(1) as pool, pytest.raises(error, match="buffersize must be"):  # type: ignore[call-arg]  # as above
        pool.map(work.square, [1], buffersize=buffersize)  # type: ignore[call-arg]  # as above


def test_chunks_go_through_a_buffer_too(pool: futures.ProcessPoolExecutor) -> None:
    assert list(pool.map(work.square, range(10), chunksize=3, buffersize=2)) == [n * n for n in range(10)]


def test_terminated_workers_can_clean_up_and_nothing_begins_any_more(
    pool: futures.ProcessPoolExecutor, tmp_path: Path
) -> None:
    running = pool.submit(work.clean_up_at_sigterm, str(tmp_path))
    until((tmp_path / "ready").exists)
    waiting = [pool.submit(Path.touch, tmp_path / f"began {n}") for n in range(3)]
    pool.terminate_workers()
    error = running.exception(SOON)
    assert isinstance(error, WorkerLost | CancelledError)
    for future in waiting:
        with pytest.raises(CancelledError):
            future.result(SOON)
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(work.square, 1)
    assert (tmp_path / "cleaned up").exists()
    assert not list(tmp_path.glob("began *"))


def test_killed_workers_are_gone_whatever_they_do(tmp_path: Path) -> None:
    with futures.ProcessPoolExecutor(1) as pool:
        future = pool.submit(work.ignore_sigterm, str(tmp_path))
        until((tmp_path / "ready").exists)
        waiting = [pool.submit(Path.touch, tmp_path / f"began {n}") for n in range(3)]
        pool.kill_workers()
        error = future.exception(SOON)
        for one in waiting:
            with pytest.raises(CancelledError):
                one.result(SOON)
    assert isinstance(error, WorkerLost)
    assert error.exitcode == -signal.SIGKILL
    assert not list(tmp_path.glob("began *"))
    with pytest.raises(ProcessLookupError):
        os.kill(error.pid, 0)


@pytest.mark.parametrize("dropped", [False, True])
def test_what_was_submitted_is_done_though_its_pool_is_shut_down_or_forgotten(dropped: bool) -> None:
    pool = futures.ProcessPoolExecutor(1, max_tasks_per_child=1, mp_context=get_context("forkserver"))
    submitted = [pool.submit(work.square, n) for n in range(4)]
    thread = pool._pool.dispatcher._thread
    assert thread is not None
    if not dropped:
        pool.shutdown(wait=False)
    del pool
    gc.collect()
    assert [future.result(SOON) for future in submitted] == [0, 1, 4, 9]
    until(lambda: not thread.is_alive())
