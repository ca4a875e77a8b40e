"""The timer: calls in order of time, takes calls back, ends."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from mainstage.core.retry_policy import FIRST_DELAY, LONGEST_DELAY, Policy, delay_before
from mainstage.pool.timer import Timer

DEADLINE = 10.0


def test_calls_come_in_order_of_time_not_of_asking() -> None:
    timer, calls = Timer(), SimpleQueue[str]()
    timer.after(0.04, lambda: calls.put("late"))
    timer.after(0.01, lambda: calls.put("early"))
    assert [calls.get(timeout=DEADLINE), calls.get(timeout=DEADLINE)] == ["early", "late"]
    timer.close()


def test_a_call_that_was_taken_back_does_not_happen() -> None:
    timer, calls = Timer(), SimpleQueue[str]()
    timer.after(0.01, lambda: calls.put("no")).cancel()
    timer.after(0.02, lambda: calls.put("yes"))
    assert calls.get(timeout=DEADLINE) == "yes"
    assert calls.empty()
    timer.close()


def test_an_unused_timer_has_no_thread_and_a_closed_one_ends_it() -> None:
    before = threading.active_count()
    timer = Timer()
    assert threading.active_count() == before
    timer.after(1000, lambda: None)
    thread = timer._thread
    assert thread is not None
    timer.close()
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_back_off_grows_to_a_ceiling_and_is_spread_from_zero() -> None:
    for attempt in (2, 5, 50, 5000):
        delays = [delay_before(attempt) for _ in range(200)]
        assert min(delays) >= 0
        assert max(delays) <= LONGEST_DELAY
    assert max(delay_before(2) for _ in range(200)) <= 2 * FIRST_DELAY


def test_only_exceptions_are_retried_and_only_so_often() -> None:
    policy = Policy(retries=2)
    assert policy.again(ValueError(), 1)
    assert policy.again(ValueError(), 2)
    assert not policy.again(ValueError(), 3)
    assert not policy.again(SystemExit(), 1)
