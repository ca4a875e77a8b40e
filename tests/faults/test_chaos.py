"""Workers are killed at random, all the time: each task has one outcome, and none is wrong."""

from __future__ import annotations

import pytest
from tests.faults.chaos import METHODS, chaos


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("method", METHODS)
def test_every_task_has_one_outcome_though_workers_are_killed_throughout(method: str) -> None:
    seen = chaos(method, seed=1, tasks=1500)
    assert seen.wrong == []
    assert seen.kills > 0
