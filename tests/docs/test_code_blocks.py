"""What the pages show runs: the Python blocks of a page, one after the other, in one interpreter, nothing shown."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRELUDES = {
    "README.md": "def build_report(day): return day\nconvert = str.upper\nday, paths = 'monday', ['a', 'b']\n",
    "docs/tutorial.md": "",
    "docs/howto.md": "",
    "docs/worker.md": "",
    "docs/asyncio.md": "",
    "docs/testing.md": "",
    "docs/processes.md": "",
}
"""What a page's reader has already; pages that show how a thing breaks are not among them."""


def blocks(page: str) -> list[str]:
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def run(code: str, folder: Path, view: str) -> subprocess.CompletedProcess[str]:
    script = folder / "page.py"
    script.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", str(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env=environment({"MAINSTAGE_VIEW": view}),
    )


@pytest.mark.parametrize("view", ["silent", "plain"])
@pytest.mark.parametrize("page", PRELUDES)
def test_the_code_of_a_page_runs(page: str, view: str, tmp_path: Path) -> None:
    found = blocks(page)
    assert found
    done = run(PRELUDES[page] + "\n".join(found), tmp_path, view)
    assert done.returncode == 0, done.stderr
    assert view != "silent" or done.stderr == ""


def test_a_block_that_fails_is_noticed(tmp_path: Path) -> None:
    assert run("assert False", tmp_path, "silent").returncode == 1
