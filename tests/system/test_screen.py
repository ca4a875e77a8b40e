"""GNU screen, which joins lines when it gets wider: rows and text through resizes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import DEADLINE, ROW_MARKS, Pty

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(__file__).parent / "programs" / "written.py")
LINE = r"(before \d|text \d+ of (\d) \.+|✓ nightly: 8 done in [\d.]+ s|THE END)"

pytestmark = pytest.mark.skipif(shutil.which("screen") is None, reason="GNU screen is not installed")


class GnuScreen:
    """A program in a GNU screen of its own, which is on a terminal of ours."""

    def __init__(self, folder: Path, words: str) -> None:
        self._name = uuid.uuid4().hex[:12]
        self._folder = folder
        (folder / "rc").write_text("startup_message off\nvbell off\ndefscrollback 5000\ndefutf8 on\n", encoding="utf-8")
        sockets = folder / "sockets"
        sockets.mkdir(mode=0o700)
        self._env = {"SCREENDIR": str(sockets), "LC_ALL": "C.UTF-8"}
        argv = ["screen", "-U", "-c", str(folder / "rc"), "-S", self._name, "sh", "-c", f"{words}; exec cat"]
        self.outside = Pty(argv, columns=90, rows=24, env=self._env)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, and wait until the rows stand there, and text has come after it."""
        self.outside.resize(columns, rows)
        self.outside.until(partial(self._rows_stand, columns), what=f"rows of {columns} columns")
        seen = self.outside.screen.lines()
        self.outside.until(lambda: self._text(seen) != self._text(self.outside.screen.lines()), what="more text")

    def _rows_stand(self, columns: int) -> bool:
        rows = [line for line in self.outside.screen.lines() if line.startswith(ROW_MARKS)]
        return len(rows) == 9 and all(columns // 2 < len(line) <= columns for line in rows)

    @staticmethod
    def _text(lines: list[str]) -> list[str]:
        return [line for line in lines if line.startswith("text")]

    def everything(self) -> list[str]:
        """Return history and screen."""
        copy = self._folder / "copy"
        self._command("hardcopy", "-h", str(copy))
        self.outside.until(lambda: copy.exists() and "THE END" in copy.read_text(encoding="utf-8"), what="the copy")
        return [line.rstrip() for line in copy.read_text(encoding="utf-8").split("\n") if line.strip()]

    def quit(self) -> None:
        self._command("quit")
        self.outside.wait()
        self.outside.__exit__(None, None, None)

    def _command(self, *words: str) -> None:
        argv = ["screen", "-S", self._name, "-X", *words]
        subprocess.run(argv, env={**os.environ, **self._env}, check=True, capture_output=True, timeout=DEADLINE)


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[GnuScreen]:
    made = GnuScreen(tmp_path, f"{sys.executable} {PROGRAM} {tmp_path}/pid")
    yield made
    made.quit()


def test_no_line_is_joined_with_another_when_the_window_gets_wider(inside: GnuScreen, tmp_path: Path) -> None:
    inside.outside.until(partial(inside._rows_stand, 90), what="rows")
    inside.resize(60, 20)
    inside.resize(100, 28)
    os.kill(int((tmp_path / "pid").read_text(encoding="ascii")), signal.SIGUSR1)
    inside.outside.expect("THE END")
    lines = inside.everything()
    found = [re.fullmatch(LINE.replace("✓", "."), line) for line in lines]
    assert None not in found, [line for line, whole in zip(lines, found, strict=True) if whole is None]
    assert {match[2] for match in found if match} >= set("01234567")
