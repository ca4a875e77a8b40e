"""The threads under the thread backend: started as needed, ended on close, replaced when abandoned."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from mainstage.pool.thread_pool import ThreadPool, Worker

DEADLINE = 10.0


def test_threads_start_as_they_are_needed_and_no_more_than_allowed() -> None:
    pool = ThreadPool(2)
    gate, began = threading.Event(), SimpleQueue[str]()

    def unit(worker: Worker) -> None:
        began.put(worker.name)
        gate.wait(DEADLINE)

    assert pool.threads() == []
    for _ in range(5):
        pool.put(unit)
    names = {began.get(timeout=DEADLINE), began.get(timeout=DEADLINE)}
    assert len(names) == 2
    assert len(pool.threads()) == 2
    assert began.empty()
    gate.set()
    pool.close()
    assert pool.join(DEADLINE)
    assert began.qsize() == 3


def test_an_idle_thread_is_used_again_before_another_starts() -> None:
    pool = ThreadPool(4)
    done = SimpleQueue[str]()
    for _ in range(20):
        pool.put(lambda worker: done.put(worker.name))
        done.get(timeout=DEADLINE)
        while pool._idle.empty():  # it is about to say that it is idle
            pass
    assert len(pool.threads()) == 1
    pool.close()
    assert pool.join(DEADLINE)


def test_an_abandoned_thread_is_replaced_and_ends_when_it_comes_back() -> None:
    pool = ThreadPool(1)
    stuck, began, done = threading.Event(), SimpleQueue[Worker](), SimpleQueue[str]()

    def hang(worker: Worker) -> None:
        began.put(worker)
        stuck.wait(DEADLINE)

    pool.put(hang)
    lost = began.get(timeout=DEADLINE)
    pool.put(lambda worker: done.put(worker.name))
    assert done.empty()
    pool.abandon(lost)
    assert done.get(timeout=DEADLINE) != lost.name
    stuck.set()
    lost.join(DEADLINE)
    assert not lost.is_alive()
    pool.close()
    assert pool.join(DEADLINE)


def test_hold_lets_nothing_begin_until_it_is_released() -> None:
    pool = ThreadPool(1)
    done = SimpleQueue[int]()
    pool.hold(on=True)
    pool.put(lambda _: done.put(1))
    assert pool.threads()[0].is_alive()
    assert done.empty()
    pool.hold(on=False)
    assert done.get(timeout=DEADLINE) == 1
    pool.close()
    assert pool.join(DEADLINE)


def test_a_unit_that_yields_does_not_count_as_waiting() -> None:
    pool = ThreadPool(1)
    gate, began = threading.Event(), threading.Event()

    def unit(_: Worker) -> None:
        began.set()
        gate.wait(DEADLINE)

    pool.put(unit)
    assert began.wait(DEADLINE)
    pool.put(lambda _: None, yields=True)
    assert pool.alone()
    pool.put(lambda _: None)
    pool.put(lambda _: None)
    assert not pool.alone()
    gate.set()
    pool.close()
    assert pool.join(DEADLINE)


def test_what_yields_makes_way_while_work_is_held() -> None:
    pool = ThreadPool(1)
    pool.hold(on=True)
    assert not pool.alone()
    pool.hold(on=False)
    assert pool.alone()
    pool.close()


def test_work_is_held_until_everybody_who_holds_it_has_let_go() -> None:
    pool = ThreadPool(1)
    done = SimpleQueue[int]()
    pool.hold(on=False)  # of nobody's
    pool.hold(on=True)
    pool.hold(on=True)
    pool.put(lambda _: done.put(1))
    pool.hold(on=False)
    assert not pool.alone()
    assert pool.held
    pool.hold(on=False)
    assert done.get(timeout=DEADLINE) == 1
    assert pool.alone()
    pool.close()
    assert pool.join(DEADLINE)


@pytest.mark.timeout(DEADLINE)
def test_a_thread_takes_the_place_of_one_that_waits_and_ends_when_that_goes_on() -> None:
    pool = ThreadPool(1)
    gate, done, inner = threading.Event(), SimpleQueue[str](), SimpleQueue[str]()

    def waits(worker: Worker) -> None:
        pool.put(lambda other: inner.put(other.name))
        with pool.blocked():
            assert inner.get(timeout=DEADLINE) != worker.name
        assert pool.here()
        done.put("goes on")
        gate.wait(DEADLINE)

    pool.put(waits)
    assert done.get(timeout=DEADLINE) == "goes on"
    while len(pool.threads()) > 1:  # the other is just about to end
        pass
    pool.put(lambda _: done.put("next"))
    assert done.empty()
    gate.set()
    assert done.get(timeout=DEADLINE) == "next"
    assert len(pool.threads()) == 1
    assert not pool.here()
    pool.close()
    assert pool.join(DEADLINE)


@pytest.mark.parametrize("count", [0, -1])
def test_a_pool_without_threads_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="max_workers must be greater than 0"):
        ThreadPool(count)
