"""Programs of tqdm's own examples folder, with the import changed and nothing else, on a terminal."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from tests.swapped.peers import peer
from tests.system.terminals import ROW_MARKS, Pty

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = {
    "async_coroutines": [
        "✓ inner: 1,000,000 in",
        "✓ outer: 1,000,000 in",
        "✓ coroutine: 1,000,002 in",
        "✓ as_completed: 100",
    ],
    "coroutine_pipe": ["pythonista", "python", "✓ tqdm: 6 in"],
    "parallel_bars": ["✓ 1: 16 in", "✓ 2 @ 15: 16 in", "✓ #8", "✓ #8"],
    "redirect_print": ["Fee,", "fi,", "fo,", "✓ tqdm: 3 in", "Done!"],
    "wrapping_generators": ["✓ builtin enumerate: 1,000,000 in", "✓ builtin map: 1,000,000 in"],
}
"""What stands on the screen at the end, each once, or as often as it is named here."""


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", SHOWN)
def test_an_example_with_its_import_changed_shows_all_that_it_did(name: str, tmp_path: Path) -> None:
    text = (peer("tqdm", "examples") / f"{name}.py").read_text(encoding="utf-8")
    changed, times = re.subn(r"^from tqdm", "from mainstage.tqdm", text, flags=re.MULTILINE)
    assert times in (1, 2)
    program = tmp_path / f"{name}.py"
    program.write_text(changed, encoding="utf-8")
    with Pty([sys.executable, str(program)], rows=50) as pty:
        assert pty.wait(150) == 0
        lines = [line.rstrip() for line in pty.screen.text.split("\n")]
    assert not any(line.startswith(ROW_MARKS) for line in lines)
    for said in SHOWN[name]:
        found = [line for line in lines if line.startswith(said) and (said[0] == "✓" or line == said)]
        assert len(found) == SHOWN[name].count(said), lines
