from __future__ import annotations

from itertools import pairwise
from math import isfinite
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstage.events import ItemsEnded, SourceForeseen, SourceOpened, TaskEnded, TaskMoved, TaskStarted
from mainstage.ui.eta.position import DONE, MARKS, Eta, PositionHistory
from mainstage.ui.eta.simulation import Durations, RemainingWork, SurvivalCurve, crowd_eta
from mainstage.ui.eta.sizes import SizeModel
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState


def told(eta: Eta | None) -> Eta:
    assert eta is not None
    assert 0.0 <= eta.low <= eta.likely <= eta.high
    assert isfinite(eta.high)
    return eta


def even(seconds: float, rate: float = 10.0, step: float = 0.5) -> PositionHistory:
    course = PositionHistory(0.0)
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
) -> RemainingWork:
    running = len(ages) + len(known or [])
    return RemainingWork(unstarted, max(1, running), known or [], ages, running, elapsed)


def test_an_even_course_ends_when_it_must() -> None:
    assert told(even(60.0).eta(1200.0, 60.0)).likely == pytest.approx(60.0, rel=0.02)


def test_a_course_that_has_not_moved_tells_nothing() -> None:
    assert PositionHistory(0.0).eta(100.0, 50.0) is None


def test_a_course_that_is_through_has_nothing_left() -> None:
    assert even(10.0).eta(100.0, 10.0) == DONE


def test_a_slow_start_is_forgotten_soon_after_it_is_over() -> None:
    course = even(40.0, rate=1.0)
    for number in range(1, 21):
        course.feed(40.0 + 10.0 * number, 40.0 + number)
    assert told(course.eta(1240.0, 60.0)).likely == pytest.approx(100.0, rel=0.2)


def test_a_speed_that_grows_is_expected_to_grow_on() -> None:
    course = PositionHistory(0.0)
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
    course, completed = PositionHistory(0.0), 0.0
    for number in range(1, 121):
        completed += 5.0 if number // 50 % 2 else 1.0
        course.feed(completed, number / 2)
    pace = 60.0 / completed
    assert told(course.eta(completed + 1200.0, 60.0)).likely == pytest.approx(1200.0 * pace, rel=0.15)


def test_a_speed_that_falls_with_every_item_is_expected_to_fall_on() -> None:
    course = PositionHistory(0.0)
    for number in range(1, 301):
        course.feed(number, number * (1.0 + number / 100.0) / 10.0)
    left = 600 * (1.0 + 6.0) / 10.0 - 300 * (1.0 + 3.0) / 10.0
    eta = told(course.eta(600.0, 300 * (1.0 + 3.0) / 10.0))
    assert eta.likely == pytest.approx(left, rel=0.1)  # at the speed of now it is 210 s, on the mean 120 s


def test_what_was_fast_and_is_slow_is_expected_to_be_slow_for_as_long_as_it_was() -> None:
    course = even(200.0, rate=100.0)
    for number in range(1, 41):
        course.feed(20000.0 + 5.0 * number, 200.0 + 0.5 * number)
    mean = (20000.0 + 200.0) / 220.0
    slow_still, then = 20.0, (9000.0 - 200.0) / mean
    assert told(course.eta(20200.0 + 9000.0, 220.0)).likely == pytest.approx(slow_still + then, rel=0.15)
    assert told(course.eta(20200.0 + 100.0, 220.0)).likely == pytest.approx(10.0, rel=0.35)


def test_after_a_few_lumps_an_even_speed_is_within_the_interval() -> None:
    course, completed = PositionHistory(0.0), 0.0
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


def test_parts_of_the_tasks_take_what_all_of_them_take() -> None:
    law = SurvivalCurve([1.0, 2.0, 80.0], [0.9, 0.09, 0.01])
    for number in (1, 7, 32):
        parts = law.parts(number)
        assert sum(parts) / number == pytest.approx(law.mean)
        assert all(after >= before - 1e-9 for before, after in pairwise(parts))
    assert law.parts(10)[:9] == pytest.approx([1.0] * 9)


def test_the_mean_of_few_is_taken_for_a_skewed_guess() -> None:
    few, many = durations(1.0, 1.0, 1.0, 17.0), durations(*[1.0, 1.0, 1.0, 17.0] * 50)
    left = [told(crowd_eta(one, rest(400, [], [(0.0, 5.0)]))).likely for one in (few, many)]
    assert left[0] == pytest.approx(0.8 * 2000.0, rel=0.05)
    assert left[1] == pytest.approx(2000.0, rel=0.02)


def test_what_tells_its_rest_counts_for_what_follows_as_if_it_had_ended() -> None:
    ended = durations(*[10.0] * 4)
    short, long = (told(crowd_eta(ended, rest(80, [], [(1.0, seconds)] * 4))).likely for seconds in (9.0, 29.0))
    assert short == pytest.approx(209.0, rel=0.02)
    assert long == pytest.approx(80 * 20.0 / 4 + 29.0, rel=0.1)


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


def test_tasks_that_become_of_a_shorter_kind_are_believed() -> None:
    before, after = [2.0, 3.0, 4.0] * 20, [0.6, 0.8, 1.0] * 8
    mixed, new = (told(crowd_eta(durations(*one), rest(100, [0.1] * 4))).likely for one in ([*before, *after], after))
    assert mixed == pytest.approx(new, rel=0.1)


def test_tasks_that_become_of_a_longer_kind_are_believed_a_quarter() -> None:
    before, after = [0.6, 0.8, 1.0] * 20, [2.0, 3.0, 4.0] * 8
    both = [*before, *after]
    in_turn = [both[place * 37 % len(both)] for place in range(len(both))]
    one, step, new = (
        told(crowd_eta(durations(*seconds), rest(100, [0.1] * 4))).likely for seconds in (in_turn, both, after)
    )
    assert step == pytest.approx(one**0.75 * new**0.25, rel=0.1)


@pytest.mark.parametrize("seed", range(10))
def test_tasks_of_two_kinds_mixed_are_one_law(seed: int) -> None:
    drawn = Random(seed).choices([0.5, 4.0], [3, 1], k=100)
    changed = durations(*drawn).changed()
    assert changed is None or changed[0] < 0.5


def test_many_short_tasks_at_once_are_no_change() -> None:
    ended = durations(*[3.0] * 40)
    for _ in range(20):
        ended.add(0.001, 50)
    assert ended.changed() is None


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


def test_a_run_that_is_one_bar_tells_what_the_bar_tells() -> None:
    state = RunState()
    reduce(state, SourceOpened(0.0, 900, 1))
    reduce(state, TaskStarted(0.0, 1, 1, "worker-1", "", 1000.0))
    for number, completed in enumerate((60.0, 70.0, 200.0, 210.0, 380.0), 1):
        reduce(state, TaskMoved(10.0 * number, 1, 1, completed))
    eta = told(state.eta(50.0))
    assert eta == told(state.tasks[1].eta(50.0))
    assert eta.low < 0.8 * eta.likely < eta.high


def test_workers_that_are_still_to_come_are_counted_on() -> None:
    alone, among = run(None, 84), run(8, 84)
    for state in (alone, among):
        work(state, 1, 0.0, (0, 2.0), (1, 2.0), (2, 0.0))
        work(state, 2, 2.0, (3, 2.0), (4, 0.0))
    by_two, by_eight = (told(state.eta(4.0)).likely for state in (alone, among))
    assert by_two == pytest.approx(80.0, rel=0.15)
    assert by_eight == pytest.approx(80.0 * 2 / 8 + 6.0, rel=0.25)  # another one every two seconds


def seen(total: int, at: float, *came: float) -> RunState:
    """Return a run on up to three workers that came one by one, with tasks of a second each."""
    state = run(3, total)
    for number, since in enumerate(came):
        work(state, number, since, *[(50 * number + task, 1.0) for task in range(int(at - since))])
        work(state, number, at, (50 * number + 49, 0.0))
    return state


def test_the_next_worker_comes_when_those_that_are_there_say() -> None:
    by_two, by_one = seen(201, 41.0, 0.0, 40.0), seen(101, 4.0, 0.0)
    assert told(by_two.eta(41.0)).likely == pytest.approx((201.0 - 42.0 + 39.0) / 3, rel=0.03)  # the third one at 80.0
    assert told(by_one.eta(4.0)).likely == pytest.approx((101.0 - 4.0 + 4.0 + 12.0) / 3, rel=0.05)  # at 8.0 and 16.0


def test_a_worker_that_comes_too_late_is_not_waited_for() -> None:
    assert told(seen(101, 41.0, 0.0, 40.0).eta(41.0)).likely == pytest.approx((101.0 - 42.0) / 2, rel=0.05)


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
    state = run(2, 45, *[1.0, 4.0] * 22, 40.0)
    work(state, 1, 0.0, *[(2 * task, 1.0) for task in range(20)], (40, 0.0))
    work(state, 2, 0.0, *[(2 * task + 1, 4.0) for task in range(20)], (41, 0.0))
    assert told(state.eta(80.0)).likely == pytest.approx(45.0, rel=0.15)


def test_what_the_smallest_took_says_little_of_the_largest() -> None:
    costs = SizeModel(1.0)
    costs.add(0.05, 1.0, 1.0)
    few = costs.told(1.0)
    assert few.base + few.each == pytest.approx(20.0**0.5, rel=0.25)  # 1.0 if sizes do not count, 20.0 if all is size
    for size in (0.05, 0.1, 0.5, 0.2, 1.0, 2.0) * 5:
        costs.add(size, 0.5 + 10.0 * size, 1.0)
    many = costs.told(1.0)
    assert many.base + many.each == pytest.approx(10.5, rel=0.1)
    assert few.spread > 1.0 > 4 * many.spread


def test_of_many_tasks_the_later_ones_are_learned_from_too() -> None:
    costs = SizeModel(2.0)
    for place in range(5000):
        costs.add(1.0 + place % 2 * 2.0, 1.0 if place < 600 else 3.0, place + 1.0)
    base, each, _ = costs.told(2.0)
    assert base + 2.0 * each == pytest.approx(3.0, rel=0.05)


def test_no_sizes_at_all_are_one_size() -> None:
    costs = SizeModel(0.0)
    for _ in range(10):
        costs.add(0.0, 3.0, 1.0)
    assert costs.told(0.0)[:2] == pytest.approx((3.0, 0.0), rel=1e-3)


def test_sizes_that_make_no_difference_are_taken_for_what_they_are() -> None:
    state = run(1, 60, *[1.0, 3.0, 9.0] * 20)
    work(state, 1, 0.0, *[(task, 2.0) for task in range(30)], (30, 0.0))
    assert told(state.eta(60.0)).likely == pytest.approx(60.0, rel=0.02)


def test_short_items_that_are_only_counted_use_their_sizes_up() -> None:
    state = run(1, 100, *[1.0] * 50, *[10.0] * 50)
    items = tuple((task, float(task), float(task + 1)) for task in range(20))
    reduce(state, ItemsEnded(20.0, 900, "worker-1", items))
    reduce(state, ItemsEnded(65.0, 900, "worker-1", ((50, 50.0, 60.0),), 30, 30.0))
    assert told(state.eta(65.0)).likely == pytest.approx(490.0, rel=0.15)


def test_what_was_told_is_counted_down_for_a_moment_and_then_told_anew() -> None:
    state = run(4, 400)
    work(state, 1, 0.0, *[(task, 1.0) for task in range(10)], (10, 0.0))
    first = told(state.eta(10.0)).likely
    assert told(state.eta(10.25)).likely == pytest.approx(first - 0.25)
    later = told(state.eta(12.0)).likely
    assert later != pytest.approx(first - 2.0, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0.0, 1e9), st.floats(0.0, 1e6)), min_size=1, max_size=20), st.floats(0.0, 1e9))
def test_no_task_is_expected_to_take_less_than_nothing(ended: list[tuple[float, float]], size: float) -> None:
    costs = SizeModel(1.0)
    for place, (of, seconds) in enumerate(ended):
        costs.add(of, seconds, place + 1.0)
    base, each, spread = costs.told(size)
    assert 0.0 <= base + each * size < float("inf")
    assert 0.0 < spread < float("inf")


positive = st.floats(0.0, 1e7)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e12), st.floats(0, 1e6)), max_size=80), st.floats(0, 1e13), positive)
def test_no_course_gives_anything_but_an_interval_or_nothing(
    steps: list[tuple[float, float]], total: float, later: float
) -> None:
    course, at, completed = PositionHistory(0.0), 0.0, 0.0
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
