from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstage.state.eta import DONE, MARKS, Course, Durations, Eta, Rest, crowd_eta


def told(eta: Eta | None) -> Eta:
    assert eta is not None
    assert 0.0 <= eta.low <= eta.likely <= eta.high
    assert isfinite(eta.high)
    return eta


def even(seconds: float, rate: float = 10.0, step: float = 0.5) -> Course:
    course = Course(0.0)
    for number in range(1, round(seconds / step) + 1):
        course.feed(rate * step * number, step * number)
    return course


def durations(*seconds: float) -> Durations:
    made = Durations()
    for one in seconds:
        made.add(one)
    return made


def rest(
    unstarted: int, ages: list[float], known: list[tuple[float, float]] | None = None, elapsed: float = 0.0
) -> Rest:
    running = len(ages) + len(known or [])
    return Rest(unstarted, max(1, running), known or [], ages, running, elapsed)


def test_an_even_course_ends_when_it_must() -> None:
    assert told(even(60.0).eta(1200.0, 60.0)).likely == pytest.approx(60.0, rel=0.02)


def test_a_course_that_has_not_moved_tells_nothing() -> None:
    assert Course(0.0).eta(100.0, 50.0) is None


def test_a_course_that_is_through_has_nothing_left() -> None:
    assert even(10.0).eta(100.0, 10.0) == DONE


def test_a_slow_start_is_forgotten_soon_after_it_is_over() -> None:
    course = even(40.0, rate=1.0)
    for number in range(1, 21):
        course.feed(40.0 + 10.0 * number, 40.0 + number)
    assert told(course.eta(1240.0, 60.0)).likely == pytest.approx(100.0, rel=0.2)


def test_a_speed_that_grows_is_expected_to_grow_on() -> None:
    course = Course(0.0)
    for number in range(1, 121):
        course.feed((number / 2) ** 2, number / 2)
    even_pace = (14400.0 - 3600.0) / 120.0  # at the speed of now: 120 a second
    assert told(course.eta(14400.0, 60.0)).likely < 0.8 * even_pace
    assert told(course.eta(14400.0, 60.0)).likely == pytest.approx(60.0, rel=0.2)


def test_a_lone_pause_that_is_over_changes_nothing() -> None:
    course = even(60.0)
    for number in range(1, 41):
        course.feed(600.0 + 5.0 * number, 120.0 + 0.5 * number)
    assert told(course.eta(1400.0, 140.0)).likely == pytest.approx(60.0, rel=0.1)


def test_a_pause_widens_the_interval_the_longer_it_lasts() -> None:
    course = even(60.0)
    etas = [told(course.eta(1200.0, 60.0 + pause)) for pause in (0.0, 30.0, 60.0, 120.0)]
    widths = [eta.high - eta.low for eta in etas]
    assert widths == sorted(widths)
    assert widths[3] > 2 * widths[1] > 0.0
    assert etas[3].likely > etas[0].likely


def test_a_speed_that_jumps_to_and_fro_is_taken_on_the_mean() -> None:
    course, completed = Course(0.0), 0.0
    for number in range(1, 121):
        completed += 5.0 if number // 50 % 2 else 1.0
        course.feed(completed, number / 2)
    pace = 60.0 / completed
    assert told(course.eta(completed + 1200.0, 60.0)).likely == pytest.approx(1200.0 * pace, rel=0.15)


def test_what_was_fast_and_is_slow_is_expected_to_be_slow_for_as_long_as_it_was() -> None:
    course = even(200.0, rate=100.0)
    for number in range(1, 41):
        course.feed(20000.0 + 5.0 * number, 200.0 + 0.5 * number)
    mean = (20000.0 + 200.0) / 220.0
    slow_still, then = 20.0, (9000.0 - 200.0) / mean
    assert told(course.eta(20200.0 + 9000.0, 220.0)).likely == pytest.approx(slow_still + then, rel=0.15)
    assert told(course.eta(20200.0 + 100.0, 220.0)).likely == pytest.approx(10.0, rel=0.35)


def test_after_a_few_lumps_an_even_speed_is_within_the_interval() -> None:
    course, completed = Course(0.0), 0.0
    for number, lump in enumerate([20, 25, 15, 30, 60, 90, 70], 1):
        completed += lump
        course.feed(completed, 4.0 * number)
    eta = told(course.eta(completed * 27 / 7, 28.0))
    assert eta.low < 20 * 4.0 <= eta.high + 1e-6


def test_memory_of_a_course_is_bounded() -> None:
    course = even(5000.0, step=0.25)
    assert len(course._marks) <= 2 * MARKS


def test_tasks_that_all_take_the_same_end_round_after_round() -> None:
    eta = told(crowd_eta(durations(*[30.0] * 8), rest(8, [10.0] * 4, elapsed=70.0)))
    assert eta.likely == pytest.approx(80.0, rel=0.06)


def test_what_runs_and_tells_its_rest_is_taken_at_its_word() -> None:
    eta = told(crowd_eta(durations(1.0, 1.0, 1.0), rest(0, [], [(5.0, 42.0), (5.0, 3.0)])))
    assert eta.likely == pytest.approx(42.0)


def test_more_workers_end_sooner() -> None:
    ended = durations(*[10.0] * 20)
    few, many = (told(crowd_eta(ended, rest(40, [5.0] * workers))).likely for workers in (2, 8))
    assert few > 3 * many


def test_when_none_has_ended_and_none_tells_there_is_no_eta() -> None:
    assert crowd_eta(durations(), rest(8, [10.0] * 4)) is None


def test_big_tasks_after_many_small_ones_are_expected_to_go_on() -> None:
    small = durations(*[0.3] * 400)
    eta = told(crowd_eta(small, rest(4, [], [(5.0, 25.0)] * 4)))
    assert eta.likely == pytest.approx(55.0, rel=0.1)


def test_one_straggler_says_nothing_of_what_follows() -> None:
    eta = told(crowd_eta(durations(*[1.0] * 100), rest(100, [40.0, 0.5, 0.5, 0.5], elapsed=65.0)))
    assert eta.likely < 80.0


positive = st.floats(0.0, 1e7)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e12), st.floats(0, 1e6)), max_size=80), st.floats(0, 1e13), positive)
def test_no_course_gives_anything_but_an_interval_or_nothing(
    steps: list[tuple[float, float]], total: float, later: float
) -> None:
    course, at, completed = Course(0.0), 0.0, 0.0
    for step, seconds in steps:
        at += seconds
        completed += step
        course.feed(completed, at)
    eta = course.eta(total, at + later)
    if eta is not None:
        told(eta)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(positive, max_size=30),
    st.integers(0, 300),
    st.lists(positive, max_size=6),
    st.lists(st.tuples(positive, positive), max_size=6),
    positive,
)
def test_no_crowd_gives_anything_but_an_interval_or_nothing(
    ended: list[float], unstarted: int, ages: list[float], known: list[tuple[float, float]], elapsed: float
) -> None:
    eta = crowd_eta(durations(*ended), rest(unstarted, ages, known, elapsed))
    if eta is not None:
        told(eta)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.floats(0.5, 100.0))
def test_more_tasks_never_end_sooner(some: int, more: int, seconds: float) -> None:
    ended = durations(*[seconds] * 10)
    first, second = (told(crowd_eta(ended, rest(number, [0.0] * 4))).likely for number in (some, some + more))
    assert second >= first * 0.999
