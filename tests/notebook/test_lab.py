"""A real JupyterLab in Chromium: rows move, survive a reload, and Stop works."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright", reason="playwright is missing: pip install 'mainstage[browser]'")
pytest.importorskip("jupyterlab", reason="jupyterlab is missing: pip install 'mainstage[browser]'")
from tests.notebook.lab import CHROMIUM, jupyterlab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.notebook.lab import Lab

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing: apt-get install chromium"),
]
JOBS = """import time
import mainstage

def job(n):
    with mainstage.task(f"job {n}", total=100) as task:
        for _ in range(100):
            time.sleep(0.05)
            task.advance()
    print("made", n)
    return n"""
BEGIN = """run = mainstage.Run("nightly", max_workers=2)
run.__enter__()
futures = [run.submit(job, n) for n in range(200)]"""
SCREENSHOTS = os.environ.get("TEST_SCREENSHOTS", "")
"""A folder for pictures to be looked at."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with jupyterlab() as lab:
        yield lab


def look(lab: Lab, name: str) -> None:
    if SCREENSHOTS:
        lab.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def test_a_run_moves_after_its_cell_survives_a_reload_and_is_stopped_with_its_results(lab: Lab) -> None:
    lab.open("runs.ipynb", [JOBS, BEGIN, "run", "run.wait(futures)", "run.__exit__(None, None, None)\nprint('left')"])
    lab.run(0)
    lab.run(1)
    lab.wait_for(1, "job 0")
    lab.wait_for_idle()
    assert lab.changes(1, 5)  # no cell runs
    look(lab, "moves")
    lab.save("runs.ipynb", "nightly  ")
    lab.reload()
    lab.wait_for(1, "nightly")
    look(lab, "reloaded")
    lab.run(2)
    lab.wait_for(2, "nightly")
    assert lab.changes(2, 5)
    look(lab, "evaluated")
    lab.run(3)
    lab.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=busy]")
    lab.stop()
    text = lab.wait_for(3, "KeyboardInterrupt")
    assert "mainstage/" not in text
    look(lab, "stopped")
    lab.run(4)
    lab.wait_for(4, "left")
    assert "200 done" not in lab.wait_for(2, "stopped by Ctrl-C")
    look(lab, "left")


def test_the_last_picture_is_readable_where_the_notebook_is_not_trusted(lab: Lab) -> None:
    cell = (
        "def bad(n):\n    time.sleep(0.2)\n    raise ValueError(f'no {n}')\n"
        "with mainstage.Run('untrusted', on_error='skip', max_workers=2) as run:\n    list(run.map(bad, range(4)))"
    )
    lab.open("untrusted.ipynb", [JOBS, cell])
    lab.run(0)
    lab.run(1)
    lab.wait_for(1, "4 failed")
    lab.save("untrusted.ipynb", "4 failed")
    for signatures in (lab.folder / ".DATA").glob("nbsignatures.db*"):  # as if somebody else had made it
        signatures.unlink()
    saved = (lab.folder / "untrusted.ipynb").read_text()
    (lab.folder / "copy.ipynb").write_text(saved.replace("untrusted", "foreign"))
    lab.show("copy.ipynb")
    assert "foreign: 0 done, 4 failed" in lab.wait_for(1, "foreign")
    lab.page.locator("details").first.click()
    assert "in bad" in lab.output(1)
    look(lab, "untrusted")
