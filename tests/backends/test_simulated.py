"""A run of many simulated workers, in simulated time: all that they tell is shown, and counted once."""

from __future__ import annotations

import pytest
from bench.scale.__main__ import simulate

TEN_TIMES = 1.5
"""Of an interval and a picture, in seconds: the owner's computing takes simulated time too."""


@pytest.mark.parametrize("workers", [3, 100])
def test_an_owner_counts_what_its_workers_do_and_shows_it_in_time(workers: int) -> None:
    tasks, span = 4 * workers, 8.0
    usage = simulate(workers, tasks, span)
    assert usage.anomalies == usage.late == 0
    assert usage.events > 4 * tasks  # starts, ends and positions
    assert usage.batches > 2 * tasks
    assert span <= usage.span < 3 * span
    assert usage.age_p50 < TEN_TIMES
