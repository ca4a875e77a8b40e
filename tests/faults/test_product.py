"""Nothing hangs, nothing is lost: every exit cause in every state of the workers, as real programs in a terminal."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.faults import product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Case = tuple[str, str, str]

CASES = product.lean()
pytestmark = pytest.mark.timeout(300)  # a test may wait for others, each of which has deadlines of its own


@pytest.fixture(scope="module")
def attempts(request: pytest.FixtureRequest) -> Iterator[Callable[[Case], Future[product.Seen]]]:
    """Run the cases that are asked for, some at a time: they mostly wait."""
    asked = [item.callspec.params["case"] for item in request.session.items if "attempts" in item.fixturenames]  # type: ignore[attr-defined]
    with ThreadPoolExecutor(product.AT_ONCE) as pool:
        futures = {case: pool.submit(product.attempt, *case) for case in asked}
        yield lambda case: futures[case]
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_it_ends_as_promised(case: Case, attempts: Callable[[Case], Future[product.Seen]]) -> None:
    seen = attempts(case).result()
    assert not seen.wrong, f"{seen.wrong} after {seen.seconds:.2f} s; the screen:\n{seen.screen}"


def test_the_product_is_not_smaller_than_promised() -> None:
    assert len(CASES) >= 150
    assert {backend for backend, _, _ in CASES} == set(product.BACKENDS)
