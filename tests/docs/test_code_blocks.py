"""Each program of README.md and docs/*.md runs when it is pasted alone, on a terminal, and shows what it is meant to.

A block of Python is a program; a line of a `console` block that begins with `$ ` is a command of bash, run in a folder
that has `docs` and `examples` in it. Comments of Markdown just before a block say what a test has to know:

`<!-- shown: A | B -->`   texts that are on the screen at some time while it runs
`<!-- needs: NAME -->`    a module, or a program of the shell; where that is missing the block is skipped by name
`<!-- status: 1 -->`      the exit status, where it is not 0
`<!-- not run: WHY -->`   a block that cannot be run here
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.system.terminals import ROOT, Pty

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"((?:^<!--[^\n]*-->\n)*)^( *)```(python|console|sh)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"<!-- (shown|needs|status|not run): (.*?) -->")
FASTER = Path(__file__).parent / "faster"
MOST_SECONDS = 40.0
"""What a program of the pages may take here, twice as fast as a reader sees it, on a busy machine."""


class Block(NamedTuple):
    """A block of code, and what the comments before it say."""

    page: str
    line: int
    language: str
    code: str
    notes: dict[str, str]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page.name, text.count("\n", 0, found.start(3)) + 1, found[3], found[4], dict(NOTE.findall(found[1])))
        for found in BLOCK.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUN = [block for block in BLOCKS if "not run" not in block.notes]


def need(name: str) -> None:
    """Skip the test where neither a module nor a program of this name is installed."""
    if importlib.util.find_spec(name) is None and shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")


def command_of(block: Block, folder: Path) -> list[str]:
    """Return what runs the block, as if it had been pasted."""
    if block.language == "python":
        script = folder / "pasted.py"
        script.write_text(block.code, encoding="utf-8")
        return [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", str(script)]
    commands = [line.removeprefix("$ ") for line in block.code.splitlines() if line.startswith("$ ")]
    return ["bash", "-e", "-o", "pipefail", "-c", "\n".join(commands)]


def environment_of(block: Block) -> dict[str, str]:
    env = {"PYTHONPATH": f"{ROOT / 'src'}:{FASTER}", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    for name in ("CI", "GITHUB_ACTIONS"):
        env[name] = ""
    return env | ({"FASTER_ASYNCIO": "1"} if "asyncio" in block.code else {})


def run(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run it on a terminal; fail unless it ends as it should and all that is to be shown was."""
    if "needs" in block.notes:
        need(block.notes["needs"])
    for name in ("docs", "examples"):
        (folder / name).symlink_to(ROOT / name)
    monkeypatch.chdir(folder)
    unseen = set(filter(None, block.notes.get("shown", "").split(" | ")))
    with Pty(command_of(block, folder), columns=100, rows=30, env=environment_of(block)) as pty:

        def seen() -> bool:
            screen = pty.screen.text
            unseen.difference_update([text for text in unseen if text in screen])
            return not unseen

        try:
            pty.until(seen, seconds=MOST_SECONDS)
        except AssertionError as late:
            raise AssertionError(f"not shown: {sorted(unseen)}") from late
        assert pty.wait(MOST_SECONDS) == int(block.notes.get("status", 0)), pty.screen.text
        assert not pty.screen.cursor_hidden


@pytest.mark.timeout(120)
@pytest.mark.parametrize("block", RUN, ids=str)
def test_a_block_runs_alone_and_shows_what_it_should(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(block, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("code", "notes"),
    [
        ("assert False", {}),
        ("undefined", {}),
        ("print('this')", {"shown": "this | that"}),
        ("raise SystemExit(3)", {"status": "2"}),
    ],
)
def test_a_block_that_fails_or_does_not_show_what_it_should_is_noticed(
    code: str, notes: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError):
        run(Block("page.md", 1, "python", code, notes), tmp_path, monkeypatch)


def test_what_the_comments_say_is_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "<!-- shown: a | b -->\n<!-- needs: jq -->\n```console\n$ ls\nfile\n```\n\n```python\n1\n```\n"
    page.write_text(text, encoding="utf-8")
    assert blocks_of(page) == [
        Block("page.md", 3, "console", "$ ls\nfile\n", {"shown": "a | b", "needs": "jq"}),
        Block("page.md", 8, "python", "1\n", {}),
    ]


def test_every_block_that_is_not_run_says_why() -> None:
    assert len(RUN) > 40
    assert all(len(block.notes["not run"]) > 5 for block in BLOCKS if block not in RUN)
