"""tqdm's own tests, with `mainstage.tqdm` in its place: once as they are, once with every bar a task of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.swapped.suites import TQDM, run_tqdm, tqdm_source

LIST = Path(__file__).with_name("tqdm.txt")
PAGE = Path(__file__).parents[2] / "docs" / "from-tqdm.md"
MOST = 10
"""Names that may stand on the list of the first run."""


def expected(how: str) -> dict[str, str]:
    """Return the tests that are known to fail, and why."""
    lines = [line.split(" ", 1) for line in LIST.read_text().splitlines() if not line.startswith("#")]
    return dict(entry.split(" | ") for kind, entry in lines if kind == how)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("how", ["text", "tasks"])
def test_the_tests_of_tqdm_pass_but_for_those_on_the_list(how: str) -> None:
    if tqdm_source() is None:
        pytest.skip(f"the source distribution of tqdm {TQDM} is not to be had")
    known, outcomes = expected(how), run_tqdm(how)
    assert len(outcomes.passed | outcomes.failed) > 100
    assert outcomes.failed == known.keys() - outcomes.skipped


def test_the_list_is_short_and_stands_in_the_docs() -> None:
    text = expected("text")
    page = PAGE.read_text()
    assert len(text) <= MOST
    assert [name for name in text if name.partition("[")[0] not in page] == []
    others = {name for name, why in expected("tasks").items() if "reads the line" not in why}
    assert [name for name in others if name.partition("[")[0] not in page] == []
