"""kitty, which wraps rows anew when its window changes and forgets where its cursor was: no row stays in the text."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import DEADLINE, ROW_MARKS, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = str(Path(__file__).parent / "programs" / "written.py")
LINE = r"before \d|text \d+ of \d \.+|✓ nightly: 8 done in [\d.]+ s|THE END"
MISSING = [name for name in ("kitty", "Xvfb") if shutil.which(name) is None]
OPTIONS = {
    "allow_remote_control": "yes",
    "remember_window_size": "no",
    "initial_window_width": "90c",
    "initial_window_height": "24c",
    "confirm_os_window_close": "0",
    "scrollback_lines": "5000",
}

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)}: not installed")


class Kitty:
    """A program in a kitty on a display of its own."""

    def __init__(self, folder: Path, argv: list[str]) -> None:
        reading, writing = os.pipe()
        words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
        self._x = subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading, encoding="ascii") as told:
            number = told.readline().strip()
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        more = {"DISPLAY": f":{number}", "LC_ALL": "C.UTF-8", "XDG_RUNTIME_DIR": str(runtime)}
        self._env = environment({**more, "LIBGL_ALWAYS_SOFTWARE": "1", "KITTY_DISABLE_WAYLAND": "1"})
        self._socket = f"unix:{folder}/socket"
        options = [word for name, value in OPTIONS.items() for word in ("-o", f"{name}={value}")]
        words = ["kitty", "--config", "NONE", "--listen-on", self._socket, *options, *argv]
        self._kitty = subprocess.Popen(words, env=self._env, stderr=subprocess.DEVNULL)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, and wait until the rows stand there."""
        size = ["--unit", "cells", "--width", str(columns), "--height", str(rows)]

        def stand(lines: list[str]) -> bool:
            if self._rows_stand(lines, columns):
                return True
            self._ask("resize-os-window", *size)  # a busy display may have missed it
            return False

        self.until(stand)

    @staticmethod
    def _rows_stand(lines: list[str], columns: int) -> bool:
        rows = [line for line in lines if line.startswith(ROW_MARKS)]
        return len(rows) == 9 and all(columns // 2 < len(line) <= columns for line in rows)

    def until(self, done: Callable[[list[str]], bool]) -> list[str]:
        """Look at screen and history until `done(lines)`, and return them."""
        deadline = time.monotonic() + DEADLINE
        while not done(lines := self._lines()):
            if time.monotonic() > deadline:
                raise AssertionError("waited in vain; the screen:\n" + "\n".join(lines[-40:]))
            time.sleep(0.2)
        return lines

    def _lines(self) -> list[str]:
        try:
            return [line.rstrip() for line in self._ask("get-text", "--extent", "all").split("\n")]
        except subprocess.CalledProcessError:  # it is about to start
            return []

    def _ask(self, *words: str) -> str:
        argv = ["kitty", "@", "--to", self._socket, *words]
        done = subprocess.run(argv, env=self._env, capture_output=True, text=True, check=True, timeout=DEADLINE)
        return done.stdout

    def close(self) -> None:
        for process in (self._kitty, self._x):
            process.terminate()
            process.wait(DEADLINE)


@pytest.fixture
def kitty(tmp_path: Path) -> Iterator[Kitty]:
    made = Kitty(tmp_path, ["sh", "-c", f"{sys.executable} {PROGRAM} {tmp_path}/pid; exec cat"])
    yield made
    made.close()


@pytest.mark.timeout(120)
def test_no_row_stays_in_the_text_when_the_window_changes(kitty: Kitty, tmp_path: Path) -> None:
    kitty.until(lambda lines: kitty._rows_stand(lines, 90))
    for size in ((60, 20), (100, 28), (50, 30), (90, 16)):
        kitty.resize(*size)
    os.kill(int((tmp_path / "pid").read_text(encoding="ascii")), signal.SIGUSR1)
    lines = kitty.until(lambda lines: "THE END" in lines)
    assert [line for line in lines if line and re.fullmatch(LINE, line) is None] == []
    numbers = [int(match[1]) for line in lines if (match := re.match(r"text (\d+) of 0", line))]
    assert numbers == list(range(len(numbers)))
