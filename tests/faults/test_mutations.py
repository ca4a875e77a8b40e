"""The list of guarded lines, and whether it speaks of the source as it is."""

import pytest
from tests.faults.mutations import MUTATIONS, ROOT, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: f"{one.file}: {one.line.strip()}".split("\n")[0])
def test_a_guarded_line_is_there_once(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.line) == 1
