"""Processes of ours are killed at random, all the time: each task has one outcome, and none is wrong."""

from __future__ import annotations

import pytest
from tests.faults.chaos import chaos


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("method", "seed"), [("fork", 1), ("forkserver", 1), ("forkserver", 2), ("spawn", 1), ("spawn", 2)]
)
def test_every_task_has_one_outcome_though_processes_are_killed_throughout(method: str, seed: int) -> None:
    seen = chaos(method, seed, tasks=5000)
    assert seen.wrong == []
    assert seen.kills > 0
    assert (seen.helpers > 0) == (method != "fork")
