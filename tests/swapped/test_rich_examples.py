"""Five programs of Rich's examples, their imports of Rich's displays changed into ours."""

from __future__ import annotations

import http.server
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.swapped.peers import peer
from tests.system.terminals import ROOT, Pty

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

IMPORT = re.compile(r"^from rich\.(progress|live) import", re.MULTILINE)
SIZE = 60_000_000
"""Bytes of the file that is copied."""


class Example(NamedTuple):
    """A program; what stands on the screen while it runs, on one at the same time; and in the end, in this order."""

    name: str
    live: Sequence[str]
    last: Sequence[str]
    speed: float = 1
    arguments: Sequence[str] = ()


EXAMPLES = (
    Example(
        "dynamic_progress",
        ["Installing app two", "Progress for app two", "1 out of 3 apps installed"],
        ["App one installed!", "App two installed!", "App three installed!", "3 apps installed, done!"],
        speed=5,
    ),
    Example(
        "jobs", ["Job #1 is complete", "overall", "job #2"], ["Job #5 is complete", "All done!", "✓ overall"], speed=3
    ),
    Example("cp_progress", [], ["✓ big.bin: 60.0M in"], arguments=["big.bin", "copy.bin"]),
    Example("live_progress", ["Overall Progress", "Cooking", "Baking", "Mixing"], ["Overall Progress"], speed=20),
    Example(
        "downloader",
        ["small.iso", "large.iso", "Requesting", "kB/s"],
        ["Downloaded ./small.iso", "small.iso", "100.0%", "300.0/300.0 kB"],
        arguments=["{server}/small.iso", "{server}/large.iso"],
    ),
)


class Slow(http.server.BaseHTTPRequestHandler):
    """Gives files of 0.3 and 3 MB, in about two seconds."""

    def do_GET(self) -> None:
        size = 300_000 if "small" in self.path else 3_000_000
        self.send_response(200)
        self.send_header("Content-length", str(size))
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x" * (size // 100))
            time.sleep(0.02)  # noqa: TID251  # a file that comes slowly

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_shows_what_it_shows_with_rich_and_its_rows_once(
    example: Example, server: str, tmp_path: Path
) -> None:
    text = (peer("rich", "examples") / f"{example.name}.py").read_text(encoding="utf-8")
    changed, count = IMPORT.subn("from mainstage.rich import", text)
    assert count
    program = tmp_path / f"{example.name}.py"
    program.write_text(changed, encoding="utf-8")
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(SIZE)
    words = [word.format(server=server) for word in example.arguments]
    runner = str(ROOT / "tests/swapped/example.py")
    argv = ["env", "-C", str(tmp_path), sys.executable, runner, str(example.speed), str(program), *words]
    with Pty(argv, columns=100, rows=30) as pty:
        if example.live:
            pty.until(lambda: all(word in pty.screen.text for word in example.live), what=f"{example.live}")
        assert pty.wait(50) == 0
        shown = pty.screen.text
    at = 0
    for word in example.last:
        assert word in shown[at:], shown
        at = shown.index(word, at) + len(word)
    assert shown.count(example.last[-1]) == 1, shown
    assert "Traceback" not in shown
    if "copy.bin" in words:
        assert (tmp_path / "copy.bin").stat().st_size == SIZE


def test_the_page_names_each_example() -> None:
    page = (ROOT / "docs/from-rich.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)\.py` \|", page, re.MULTILINE)) == {example.name for example in EXAMPLES}
