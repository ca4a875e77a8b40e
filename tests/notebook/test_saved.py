"""What a notebook holds once a machine has executed it: nbclient is what nbconvert and papermill run on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.notebook.kernels import ROOT

nbformat = pytest.importorskip("nbformat", reason="nbformat is missing: pip install nbformat")
nbclient = pytest.importorskip("nbclient", reason="nbclient is missing: pip install nbclient")

if TYPE_CHECKING:
    from collections.abc import Sequence

SETUP = """
import time
import mainstage

def job(n, pause=0.05):
    with mainstage.task(f"job {n}", total=10) as task:
        for _ in range(10):
            time.sleep(pause)
            task.advance()
        print("made", n)
    return n
"""


def executed(*cells: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the notebook of `cells`, executed, valid as it would be saved."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (SETUP, *cells)])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    return notebook


def shown(outputs: Sequence[Any]) -> list[Any]:
    return [output["data"] for output in outputs if output["output_type"] == "display_data"]


def printed(outputs: Sequence[Any]) -> str:
    text = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_one_display_a_run_says_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed(
        "list(mainstage.map(job, range(4), max_workers=2))",
        "for _ in mainstage.track(range(20), 'Reading'):\n    time.sleep(0.05)",
        "with mainstage.Run('first', max_workers=2) as run:\n    list(run.map(job, range(4)))\n"
        "with mainstage.Run('second', max_workers=2) as run:\n    list(run.map(job, range(4)))",
        monkeypatch=monkeypatch,
    )
    for cell, starts in zip(
        notebook.cells[1:], (["✓ 4 done"], ["✓ Reading: 20"], ["✓ first: 4", "✓ second: 4"]), strict=True
    ):
        found = shown(cell.outputs)
        assert [data["text/plain"][: len(start)] for data, start in zip(found, starts, strict=True)] == starts
        assert all("<pre" in data["text/html"] and "\x1b" not in data["text/plain"] for data in found)


def test_a_run_over_four_cells_ends_in_the_first_with_each_cells_prints_in_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notebook = executed(
        "run = mainstage.Run('long', max_workers=2)\nrun.__enter__()\n"
        "futures = [run.submit(job, n) for n in range(6)]\nprint('one')",
        "print('two')\ntime.sleep(0.7)",
        "time.sleep(0.3)\nprint('three')",
        "run.__exit__(None, None, None)\nprint('four')",
        monkeypatch=monkeypatch,
    )
    first, second, third, fourth = [cell.outputs for cell in notebook.cells[1:]]
    assert [printed(one) for one in (first, second, third, fourth)] == ["one\n", "two\n", "three\n", "four\n"]
    (data,) = shown(first)
    assert data["text/plain"].splitlines()[-1].startswith("✓ long: 6 done in")
    assert sorted(data["text/plain"].splitlines()[:-1]) == [f"job {n} │ made {n}" for n in range(6)]
    assert not shown(second) + shown(third) + shown(fourth)


def test_a_run_that_ends_between_two_cells_is_told_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed(
        "from mainstage.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\n"
        "futures = [pool.submit(job, n, 0.08) for n in range(2)]\ntime.sleep(0.6)",
        "pool.shutdown()",
        monkeypatch=monkeypatch,
    )
    (data,) = shown(notebook.cells[1].outputs)
    assert data["text/plain"].splitlines()[-1].startswith("✓ 2 done in")


def test_what_is_saved_of_a_run_that_goes_on_says_how_far_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed(
        "run = mainstage.Run('endless', max_workers=2)\nrun.__enter__()\n"
        "futures = [run.submit(job, n, 0.5) for n in range(8)]\ntime.sleep(1)",
        monkeypatch=monkeypatch,
    )
    (data,) = shown(notebook.cells[1].outputs)
    assert "endless" in data["text/plain"]
    assert "<pre" in data["text/html"]
    assert "\x1b" not in data["text/plain"]


def test_every_layout_is_the_same_text_in_html_and_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    layouts = ["bars", "lanes", "tree", "steps", "grid", "nodes"]
    cells = [
        f"run = mainstage.Run('{layout}', layout='{layout}', max_workers=2)\nrun.__enter__()\n"
        "futures = [run.submit(job, n) for n in range(2)]\ntime.sleep(0.7)\nwith_run = run"
        for layout in layouts
    ]
    leave = "run.__exit__(None, None, None)"
    notebook = executed(*[part for cell in cells for part in (cell, leave)], monkeypatch=monkeypatch)
    for cell in notebook.cells[1::2]:
        (data,) = shown(cell.outputs)
        page = data["text/html"].replace("</pre><pre", "</pre>\n<pre")
        text = re.sub(r"<[^>]*>", "", page).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert text == data["text/plain"]
