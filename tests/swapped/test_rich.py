"""Rich's own tests of its progress displays, with `mainstage.rich` in their imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.swapped.peers import peer
from tests.swapped.suite import outcomes

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ("test_progress.py", "test_live.py", "test_status.py")
SWAPPED = {"rich.progress": "mainstage.rich", "rich.live": "mainstage.rich", "rich.status": "mainstage.rich"}
FEWEST = 52
"""How many tests these are: 39 of progress, 11 of live, 2 of status."""
BYTES = {
    "test_progress::test_columns",
    "test_progress::test_expand_bar",
    "test_progress::test_progress_max_refresh",
    "test_progress::test_progress_track",
    "test_progress::test_progress_with_none_total_renders_a_pulsing_bar",
    "test_progress::test_render",
    "test_progress::test_track",
}
"""They compare what Rich writes to a stream, and a task of a run writes nothing there; docs/from-rich.md names them."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_all_of_them_pass(tmp_path: Path) -> None:
    found = outcomes(peer("rich", "tests"), MODULES, SWAPPED, tmp_path, within_run=False)
    assert {name: word for name, word in found.items() if word != "passed"} == {}
    assert len(found) >= FEWEST


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_as_tasks_of_a_run_all_pass_but_those_that_compare_bytes(tmp_path: Path) -> None:
    found = outcomes(peer("rich", "tests"), MODULES, SWAPPED, tmp_path, within_run=True)
    assert {name for name, word in found.items() if word != "passed"} == BYTES
