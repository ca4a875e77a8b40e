"""A run in a cell of marimo, executed by marimo's own export: its output is the picture, its text stands below."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.notebook.kernels import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("marimo", reason="marimo is missing: pip install 'mainstage[browser]'")
pytestmark = pytest.mark.timeout(120)
PROGRAM = """import marimo

app = marimo.App()


@app.cell
def _():
    import time
    import mainstage

    def job(n):
        time.sleep(0.3)
        print("made", n)
        if n == 3:
            raise ValueError("<three>")
        return n

    with mainstage.Run("nightly", max_workers=2, on_error="skip") as run:
        print(sum(run.map(job, range(6))))
    return


if __name__ == "__main__":
    app.run()
"""


def test_a_cell_of_marimo_shows_the_run_and_its_text(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "marimo", "export", "html", "program.py", "-o", "page.html"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    said = json.loads(f'"{found[1]}"') if (found := re.search(r'"text/html": "((?:[^"\\]|\\.)*)"', page)) else ""
    text = re.sub(r"<[^>]*>", "", said)
    assert "nightly: 5 done, 1 failed in" in text
    assert "<details" in said
    assert "&lt;three&gt;" in said
    assert all(f"made {n}" in page for n in range(6))
