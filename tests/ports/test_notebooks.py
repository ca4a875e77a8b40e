"""Notebooks in the shape of tqdm.notebook's and Rich's, and their ports: the same results, and what is saved of them.

`# %%` begins a cell. They are executed by nbclient, as nbconvert and papermill do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.system.terminals import ROOT

FOLDER = Path(__file__).parent / "notebooks"
pytestmark = pytest.mark.timeout(120)


class Saved(NamedTuple):
    """A notebook that was executed: what its cells print, and what the bar has left."""

    printed: list[str]
    bars: list[str]
    """The `text/plain` of each display, as a diff and a terminal see it."""
    widgets: bool
    """Whether the notebook carries the state of widgets."""


def saved(name: str, monkeypatch: pytest.MonkeyPatch) -> Saved:
    for module in ("nbclient", "nbformat", "ipykernel", "ipywidgets", "tqdm"):
        pytest.importorskip(module, reason=f"{module} is missing: pip install 'mainstage[notebook]'")
    import nbclient  # noqa: PLC0415  # it may be missing
    import nbformat  # noqa: PLC0415

    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    cells = (FOLDER / f"{name}.py").read_text(encoding="utf-8").split("# %%\n")[1:]
    make: Any = nbformat.v4
    notebook = make.new_notebook(cells=[make.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    text = "".join(output["text"] for output in outputs if output.get("name") == "stdout")
    bars = [o["data"].get("text/plain", "") for o in outputs if o["output_type"] == "display_data"]
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    return Saved([line.rpartition("│ ")[2] for line in lines], bars, "widgets" in notebook.metadata)


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        ("01_tqdm_notebook_loop", r"Reading:   0%", r"✓ Reading: 40 in \d"),
        ("02_tqdm_notebook_threads", r"Fetching:   0%", r"✓ Fetching: 30 done in \d"),
        ("03_rich_notebook_downloads", r"^(Output\(\))?$", r"✓ downloads: 3 done in \d"),
    ],
)
def test_the_port_prints_the_same_and_its_saved_form_says_what_was_done(
    name: str, theirs: str, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = saved(f"{name}_before", monkeypatch), saved(f"{name}_after", monkeypatch)
    assert sorted(line for line in after.printed if line) == sorted(line for line in before.printed if line)
    assert all(re.match(theirs, bar) for bar in before.bars), before.bars
    assert before.widgets
    assert len(after.bars) == 1
    assert re.match(ours, after.bars[0])
    assert not after.widgets


def test_there_are_three_pairs() -> None:
    names = {file.stem.rpartition("_")[0] for file in FOLDER.glob("*.py")}
    assert len(names) == 3
    assert len(list(FOLDER.glob("*.py"))) == 6
