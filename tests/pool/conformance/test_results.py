"""What comes out of a pool, and in which order, is the same whoever works."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest
from tests.pool.conformance.conftest import DEADLINE
from tests.pool.conformance.work import double, size_of, zeros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pool.conformance.conftest import Pool

pytestmark = pytest.mark.timeout(2 * DEADLINE, func_only=True)  # a cluster may take long to start
LARGE = 8 << 20


def test_futures_are_real_ones_and_come_as_they_complete(pool: Pool) -> None:
    with pool.run() as run:
        futures = [run.submit(double, n) for n in range(20)]
        assert all(isinstance(future, Future) for future in futures)
        assert sorted(future.result() for future in run.as_completed(futures)) == [2 * n for n in range(20)]
        assert [future.result() for future in futures] == [2 * n for n in range(20)]
        one = run.submit(double, 50)
        assert run.wait([one]).done == {one}


def test_a_map_keeps_the_order_and_an_unordered_one_gives_all_of_it(pool: Pool) -> None:
    with pool.run() as run:
        assert list(run.map(double, range(200))) == [2 * n for n in range(200)]
        assert sorted(run.map(double, range(200), unordered=True)) == [2 * n for n in range(200)]


def test_tiny_items_lose_nothing(pool: Pool) -> None:
    many = pool.traits.many
    with pool.run() as run:
        assert sum(run.map(double, range(many))) == many * (many - 1)


def test_an_error_of_the_input_comes_after_the_items_before_it(pool: Pool) -> None:
    def numbers() -> Iterator[int]:
        yield from range(5)
        raise OSError("no more")

    taken: list[int] = []
    with pool.run(on_error="collect") as run, pytest.raises(OSError, match="no more"):
        taken.extend(run.map(double, numbers()))
    assert taken == [0, 2, 4, 6, 8]


def test_an_endless_input_is_pulled_lazily_and_can_be_left(pool: Pool) -> None:
    pulled = 0

    def numbers() -> Iterator[int]:
        nonlocal pulled
        while True:
            yield pulled
            pulled += 1

    with pool.run() as run:
        for taken, value in enumerate(run.map(double, numbers(), buffersize=4), 1):
            assert value == 2 * (taken - 1)
            assert pulled <= taken + 4
            if taken == 20:
                break


def test_results_that_nobody_took_stay_readable(pool: Pool) -> None:
    with pool.run() as run:
        run.submit(double, 1)
        run.submit(double, 2).result()
        run.submit(double, 3)
    assert run.results == [2, 6]


def test_large_arguments_and_results_arrive(pool: Pool) -> None:
    with pool.run() as run:
        assert run.submit(size_of, bytes(LARGE)).result() == LARGE
        assert [len(data) for data in run.map(zeros, [LARGE, LARGE])] == [LARGE, LARGE]


def test_work_submitted_from_the_loop_of_a_map_does_not_wait_for_its_end(pool: Pool) -> None:
    with pool.run() as run:
        assert [run.submit(double, n).result() for n in run.map(double, range(10))] == [4 * n for n in range(10)]
