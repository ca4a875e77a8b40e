from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstage.events import ItemsEnded, SourceForeseen, SourceOpened, TaskEnded, TaskStarted
from mainstage.state.crowd import Durations, Rest, crowd_eta
from mainstage.state.eta import DONE, MARKS, Course, Eta
from mainstage.state.model import RunState
from mainstage.state.plan import Costs
from mainstage.state.reducer import reduce


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


def run(workers: int | None, total: int, *sizes: float) -> RunState:
    state = RunState()
    reduce(state, SourceOpened(0.0, 900, total))
    reduce(state, SourceForeseen(0.0, 900, workers, tuple(enumerate(sizes))))
    return state


def work(state: RunState, worker: int, start: float, *tasks: tuple[int, float]) -> None:
    """Let a worker do tasks, (number, seconds) each, one after the other; the last one runs still if it takes 0.0."""
    for task, seconds in tasks:
        reduce(state, TaskStarted(start, task, 1, f"worker-{worker}", ""))
        if seconds:
            start += seconds
            reduce(state, TaskEnded(start, task, 1, 0.0))


def test_workers_that_are_still_to_come_are_counted_on() -> None:
    alone, among = run(None, 84), run(8, 84)
    for state in (alone, among):
        work(state, 1, 0.0, (0, 2.0), (1, 2.0), (2, 0.0))
        work(state, 2, 2.0, (3, 2.0), (4, 0.0))
    by_two, by_eight = (told(state.eta(4.0)).likely for state in (alone, among))
    assert by_two == pytest.approx(80.0, rel=0.15)
    assert by_eight == pytest.approx(80.0 * 2 / 8 + 6.0, rel=0.25)  # another one every two seconds


def test_workers_that_wait_for_tasks_are_not_the_only_ones_to_do_so() -> None:
    state = run(8, 60)
    work(state, 1, 0.0, (0, 1.0), (2, 1.0), (4, 1.0))
    work(state, 2, 3.5, (5, 0.0))
    assert told(state.eta(4.0)).likely > 25.0


def test_sizes_of_tasks_that_have_not_begun_tell_what_they_take() -> None:
    state = run(1, 12, *[1.0] * 6, *[100.0] * 6)
    work(state, 1, 0.0, *[(task, 2.5) for task in range(6)], (6, 52.0), (7, 0.0))
    assert told(state.eta(67.0)).likely == pytest.approx(5 * 52.0, rel=0.04)  # 2 s for each, and 0.5 s a unit


def test_the_last_big_one_of_all_is_waited_for() -> None:
    state = run(2, 9, *[1.0] * 8, 40.0)
    work(state, 1, 0.0, (0, 1.0), (2, 1.0), (4, 0.0))
    work(state, 2, 0.0, (1, 1.0), (3, 1.0), (5, 0.0))
    assert told(state.eta(2.0)).likely == pytest.approx(42.0, rel=0.02)


def test_sizes_that_make_no_difference_are_taken_for_what_they_are() -> None:
    state = run(1, 60, *[1.0, 3.0, 9.0] * 20)
    work(state, 1, 0.0, *[(task, 2.0) for task in range(30)], (30, 0.0))
    assert told(state.eta(60.0)).likely == pytest.approx(60.0, rel=0.02)


def test_short_items_that_are_only_counted_use_their_sizes_up() -> None:
    state = run(1, 100, *[1.0] * 50, *[10.0] * 50)
    items = tuple((task, float(task), float(task + 1)) for task in range(20))
    reduce(state, ItemsEnded(20.0, 900, "worker-1", items))
    reduce(state, ItemsEnded(65.0, 900, "worker-1", ((50, 50.0, 60.0),), 30, 30.0))
    assert told(state.eta(65.0)).likely == pytest.approx(490.0, rel=0.02)


def test_what_was_told_is_counted_down_for_a_moment_and_then_told_anew() -> None:
    state = run(4, 400)
    work(state, 1, 0.0, *[(task, 1.0) for task in range(10)], (10, 0.0))
    first = told(state.eta(10.0)).likely
    assert told(state.eta(10.25)).likely == pytest.approx(first - 0.25)
    later = told(state.eta(12.0)).likely
    assert later != pytest.approx(first - 2.0, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0.0, 1e9), st.floats(0.0, 1e6)), min_size=1, max_size=20), st.floats(0.0, 1e9))
def test_no_task_is_expected_to_take_less_than_nothing(ended: list[tuple[float, float]], size: float) -> None:
    costs = Costs(1.0)
    for place, (of, seconds) in enumerate(ended):
        costs.add(of, seconds, place + 1.0)
    base, each = costs.parts()
    assert 0.0 <= base + each * size < float("inf")


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
