"""A hundred runs in each setting leave nothing behind; `make soak` makes two thousand."""

from __future__ import annotations

import pytest
from tests.faults.resources import DEAR, SETTINGS, leftovers


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_hundred_runs_leave_nothing(setting: str) -> None:
    assert leftovers(setting, 15 if setting in DEAR else 100) == ""
