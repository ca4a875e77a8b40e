"""Where no kernel is nothing of all this is loaded, and the view that is named for notebooks is that of the place."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.system.terminals import environment

PROGRAM = """
import sys
import mainstage

for view in ("auto", "notebook"):
    with mainstage.Run("nightly", view=view) as run:
        assert list(run.map(abs, range(3))) == [0, 1, 2]
print([name for name in sys.modules if name.startswith(("IPython", "ipykernel", "marimo")) or name in LOADED])
"""
NAMES = ("ui.display.notebook", "ui.display.html", "ui.views.kept_lines", "run.cells")
LOADED = [f"mainstage.{name}" for name in NAMES]


def test_nothing_is_loaded_for_notebooks_in_a_script() -> None:
    program = PROGRAM.replace("LOADED", repr(LOADED))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
    assert "nightly: 3 done" in done.stderr


@pytest.mark.parametrize("module", ["IPython", "marimo"])
def test_an_import_alone_makes_no_notebook(module: str) -> None:
    pytest.importorskip(module, reason=f"{module} is missing")
    program = f"import {module}\n{PROGRAM}".replace("LOADED", repr(LOADED))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert "mainstage" not in done.stdout
