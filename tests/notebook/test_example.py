"""The notebook of examples/ runs, and shows what its saved form shows."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("nbclient", reason="nbclient is missing: pip install 'mainstage[notebook]'")
pytest.importorskip("ipykernel", reason="ipykernel is missing: pip install 'mainstage[notebook]'")
import nbformat
from tests.notebook.example import FILE, displays, executed

pytestmark = pytest.mark.timeout(120)


def without_times(text: str) -> str:
    """Return `text` with every number as 0, its lines in order: text of tasks comes as they end."""
    return "\n".join(sorted(re.sub(r"[\d.,:]+", "0", text).splitlines()))


def test_the_example_notebook_shows_what_is_saved_of_it() -> None:
    read: Any = nbformat.read
    saved = read(FILE, as_version=4)
    shown = displays(saved)
    assert any("✓ nightly" in text for cell in shown for text in cell)
    again = displays(executed())
    assert [[without_times(text) for text in cell] for cell in again] == [
        [without_times(text) for text in cell] for cell in shown
    ]
    assert "widgets" not in saved.metadata
    assert not re.search(r"/(home|root|work|Users)/", FILE.read_text(encoding="utf-8"))
