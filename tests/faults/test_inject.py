"""Each call of ours that the system may refuse is refused once on the owner's side; `make soak` also at later uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.inject import SCENARIOS
from tests.faults.owner_calls import calls, listed

ROOT = Path(__file__).parents[2]
HOW_TO = (
    "python -m tests.faults.owner_calls names them; python -m tests.faults.inject --hits: which scenario makes a call"
)


def test_the_list_has_every_call_of_the_source_and_no_other() -> None:
    known, found = set(listed()), {str(call) for call in calls()}
    assert not found - known, f"not in owner_calls.txt; {HOW_TO}"
    assert not known - found, "no longer in the source"


def test_each_call_has_a_scenario_or_a_reason() -> None:
    strange = [call for call, verdict in listed().items() if verdict not in SCENARIOS and len(verdict) < 12]
    assert not strange, HOW_TO


WITH_CALLS = sorted(set(listed().values()) & set(SCENARIOS))


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("scenario", WITH_CALLS)
def test_no_refusal_changes_a_result_an_error_or_the_exit_status_and_nothing_hangs(scenario: str) -> None:
    command = [sys.executable, "-m", "tests.faults.inject", scenario]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, cwd=ROOT)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
