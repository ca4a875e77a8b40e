from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstage.testing import ManualClock
from mainstage.ui.eta.speed import CLOSEST, AggregateEta, Speed

LOTS = 1e9


def likely(speed: Speed, left: float, now: float) -> float:
    eta = speed.eta(speed.completed + left, now)
    assert eta is not None
    return eta.likely


def driven(clock: ManualClock, speed: Speed, *, rate: float, seconds: float, step: float = 0.1) -> None:
    """Let a task go on at `rate` items a second, read every `step` seconds."""
    completed = speed.completed
    for number in range(1, round(seconds / step) + 1):
        clock.advance(step)
        speed.feed(completed + rate * step * number, clock.now())


@pytest.mark.parametrize("step", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("seconds", [3.0, 60.0, 600.0])
def test_a_steady_task_has_its_own_speed_however_often_it_is_read(step: float, seconds: float) -> None:
    clock = ManualClock(1000.0)
    speed = Speed(clock.now())
    driven(clock, speed, rate=50.0, seconds=seconds, step=step)
    assert speed.speed(clock.now()) == pytest.approx(50.0, rel=0.02)
    assert likely(speed, 500, clock.now()) == pytest.approx(10.0, rel=0.04)


def test_before_anything_moved_there_is_no_speed_and_no_eta() -> None:
    speed = Speed(5.0)
    assert speed.speed(5.0) == speed.speed(9.0) == 0.0
    assert speed.eta(10, 5.0) is None
    assert speed.eta(10, 9.0) is None


def test_what_is_done_has_nothing_left() -> None:
    speed = Speed(0.0)
    speed.feed(10, 1.0)
    assert speed.eta(10, 1.0) == speed.eta(7, 1.0) == (0.0, 0.0, 0.0)


def test_what_was_there_already_is_no_speed_of_ours() -> None:
    speed = Speed(0.0, initial=900)
    speed.feed(910, 1.0)
    assert speed.speed(1.0) == pytest.approx(10.0)
    assert 4.0 < likely(speed, 90, 1.0) < 10.0  # one reading: the story of it is young


def test_a_step_back_begins_anew() -> None:
    speed = Speed(0.0)
    speed.feed(LOTS, 1.0)
    speed.feed(0, 2.0)
    assert speed.speed(2.5) == 0.0
    speed.feed(10, 3.0)
    assert speed.speed(3.0) == pytest.approx(10.0)


def test_a_rebased_position_is_neither_a_step_back_nor_work() -> None:
    speed = Speed(0.0)
    speed.feed(10, 1.0)
    speed.rebase(4)
    speed.feed(14, 2.0)
    assert 5.0 < likely(speed, 100, 2.0) < 11.0


def test_readings_too_close_to_tell_lose_nothing() -> None:
    speed = Speed(0.0)
    for number in range(1, 1001):
        speed.feed(number, number * 0.001)
    assert speed.speed(1.0) == pytest.approx(1000.0, rel=0.01)
    assert CLOSEST > 0.001


def test_the_speed_shown_falls_while_nothing_moves_and_the_eta_stays_calm() -> None:
    clock = ManualClock()
    speed = Speed(clock.now())
    driven(clock, speed, rate=100.0, seconds=60.0)
    before = likely(speed, 6000, clock.now())
    shown = [speed.speed(clock.now() + pause) for pause in (0.0, 5.0, 10.0, 30.0)]
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] < 10.0
    after = likely(speed, 6000, clock.now() + 5.0)
    assert before == pytest.approx(60.0, rel=0.02)
    assert 57.0 <= after < 80.0


def test_a_burst_moves_the_eta_a_little() -> None:
    clock = ManualClock()
    speed = Speed(clock.now())
    driven(clock, speed, rate=100.0, seconds=60.0)
    clock.advance(0.1)
    speed.feed(speed.completed + 1000, clock.now())
    assert 35.0 < likely(speed, 6000, clock.now()) < 61.0


def test_a_lasting_change_wins() -> None:
    clock = ManualClock()
    speed = Speed(clock.now())
    driven(clock, speed, rate=100.0, seconds=300.0)
    driven(clock, speed, rate=10.0, seconds=30.0)
    assert speed.speed(clock.now()) == pytest.approx(10.0, rel=0.6)
    driven(clock, speed, rate=10.0, seconds=150.0)
    assert speed.speed(clock.now()) == pytest.approx(10.0, rel=0.01)
    assert likely(speed, 100, clock.now()) == pytest.approx(10.0, rel=0.15)


def test_an_eta_of_centuries_is_none() -> None:
    speed = Speed(0.0)
    speed.feed(1, 1.0)
    assert speed.eta(1e12, 1.0) is None


@given(st.lists(st.tuples(st.floats(0, 1e300), st.floats(-1e300, 1e300)), max_size=20), st.floats(-1e300, 1e300))
def test_no_reading_breaks_it(readings: list[tuple[float, float]], now: float) -> None:
    speed = Speed(0.0)
    for completed, at in readings:
        speed.feed(completed, at)
    assert speed.speed(now) >= 0.0
    eta = speed.eta(1e300, now)
    assert eta is None or 0.0 <= eta.low <= eta.likely <= eta.high


def crowd(*, ended: int, left: int, running: int = 0, progress: float = 0.0, **times: float) -> AggregateEta:
    return AggregateEta(
        ended, left, running, progress, times.get("age", 0.0), times.get("typical", 0.0), times["seconds"]
    )


def test_minute_long_tasks_on_four_workers_give_an_eta_that_falls_evenly() -> None:
    etas = []
    for now in range(60, 240, 5):  # twenty tasks of 60 s each: 300 s in all
        rounds, inside = divmod(now, 60)
        one = crowd(ended=4 * rounds, left=20 - 4 * rounds, running=4, age=4.0 * inside, typical=60.0, seconds=now)
        etas.append(one.eta())
    whole = [eta.likely for eta in etas if eta is not None]
    assert len(whole) == len(etas)
    assert whole == pytest.approx([300.0 - now for now in range(60, 240, 5)], rel=0.02)
    assert max(one - other for one, other in itertools.pairwise(whole)) < 8.0


def test_running_tasks_count_by_what_they_tell_before_any_has_ended() -> None:
    assert crowd(ended=0, left=8, running=4, progress=2.0, seconds=10.0).eta() == pytest.approx((24.0, 30.0, 37.5))


def test_overdue_tasks_do_not_count_as_done() -> None:
    one = crowd(ended=4, left=4, running=4, age=4000.0, typical=60.0, seconds=1060.0)
    eta = one.eta()
    assert eta is not None
    assert eta.likely == pytest.approx(0.2 / (7.8 / 1060.0))


def test_nothing_to_go_by_gives_no_eta() -> None:
    assert crowd(ended=0, left=8, running=4, seconds=10.0).eta() is None
    assert crowd(ended=0, left=8, running=4, progress=1.0, seconds=0.0).eta() is None
