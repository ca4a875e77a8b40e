"""Rich's own tests of its progress displays, with `mainstage.rich` in their imports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.swapped.peers import peer
from tests.swapped.suite import ROOT, outcomes

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ("test_progress.py", "test_live.py", "test_status.py")
SWAPPED = {"rich.progress": "mainstage.rich", "rich.live": "mainstage.rich", "rich.status": "mainstage.rich"}
FEWEST = 45
"""How many of them pass with Rich, at the least: of 14.3 they are 39 of progress, 11 of live, 2 of status."""
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


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return those that pass with Rich itself: its release may be another than the tests'."""
    found = outcomes(peer("rich", "tests"), MODULES, {}, tmp_path_factory.mktemp("plain"), within_run=False)
    passed = {name for name, word in found.items() if word == "passed"}
    assert len(passed) >= FEWEST
    return passed


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_all_of_them_pass(passing: set[str], tmp_path: Path) -> None:
    found = outcomes(peer("rich", "tests"), MODULES, SWAPPED, tmp_path, within_run=False)
    assert {name: found.get(name) for name in passing if found.get(name) != "passed"} == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_as_tasks_of_a_run_all_pass_but_those_that_compare_bytes(passing: set[str], tmp_path: Path) -> None:
    found = outcomes(peer("rich", "tests"), MODULES, SWAPPED, tmp_path, within_run=True)
    assert {name for name in passing if found.get(name) != "passed"} == BYTES


def test_the_page_names_each_test_that_does_not_pass_as_tasks() -> None:
    page = (ROOT / "docs/from-rich.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page.partition("All pass but seven")[2]))
    assert named == {name.partition("::")[2] for name in BYTES}
