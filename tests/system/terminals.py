"""Real terminals for tests: a program on a pty with its screen as text, and a program in tmux, which reflows.

Everything here has a deadline. A test waits for what it waits for: text on the screen, the end of the program, or a
tmux channel (`wait-for`) that the program signals.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import struct
import subprocess
import sys
import termios
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from mainstage.ui.display.recording import Screen
from mainstage.ui.views.palette import Glyphs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

ROW_MARKS = ("▸", *Glyphs().spinner)
"""What the row of a running task begins with."""
QUESTION = b"\x1b[6n"
DEADLINE = 30.0
"""Seconds that any single wait may take."""
ROOT = Path(__file__).parents[2]
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a program under test: this source, no buffering, a known terminal."""
    known = {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1", "TERM": "xterm-256color"}
    inherited = {name: value for name, value in os.environ.items() if name != "MAINSTAGE_PEERS"}  # the suite's own
    return {**inherited, **known, **(extra or {})}


class Pty:
    """A program whose controlling terminal is a pty; what it writes is shown by `screen` and kept in `output`.

    Reading is quick, whatever is written: the emulator takes it when somebody looks at the screen, so that a busy
    machine makes no terminal of it that stands still.
    A context manager: leaving it kills the program's process group.
    """

    def __init__(
        self, argv: Sequence[str], *, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        self._screen = Screen(columns, rows)
        self._screen._screen.write_process_input = self._answer
        self.answers = True
        """Whether it says where its cursor is, as terminals do."""
        self._unseen: list[bytes] = []
        self.output = bytearray()
        self.chunks: list[bytes] = []
        """What each read returned, in order: the program's writes, unless it was faster than the reader."""
        self._master, slave = pty.openpty()
        _set_size(self._master, columns, rows)
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(env),
            start_new_session=True,
        )
        os.close(slave)

    @property
    def screen(self) -> Screen:
        """What the terminal shows now, and what has scrolled off it."""
        for data in self._unseen:
            self._screen.feed(data)
        self._unseen.clear()
        return self._screen

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
        self.process.wait(DEADLINE)
        os.close(self._master)

    def expect(self, text: str, *, seconds: float = DEADLINE) -> None:
        """Read until `text` is on the screen or in its history."""
        self.until(lambda: text in self.screen.text, seconds=seconds, what=f"{text!r} on the screen")

    def until(self, done: Callable[[], bool], *, seconds: float = DEADLINE, what: str = "the condition") -> None:
        """Read until `done()`; fail with the screen if that takes too long or the program has ended."""
        deadline = time.monotonic() + seconds
        while not done():
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                if done():
                    return
                raise AssertionError(f"waited in vain for {what}; the screen:\n{self.screen.text}")

    def read_for(self, seconds: float) -> None:
        """Read for as long, for tests of what does not happen."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._read(left):
            pass

    def read_until_still(self, seconds: float) -> None:
        """Read until nothing came for as long."""
        while self._read(seconds):
            pass

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; the kernel tells the program (SIGWINCH)."""
        self.screen.resize(columns, rows)
        _set_size(self._master, columns, rows)

    def wait(self, seconds: float = DEADLINE) -> int:
        """Read until the program has ended and return its status, negative for a signal."""
        deadline = time.monotonic() + seconds
        while self._read(max(0.0, deadline - time.monotonic())):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def _read(self, seconds: float) -> bool:
        """Feed what comes within `seconds` to the screen; False: nothing came, or the last writer is gone."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False  # EIO: nobody holds the other end any more
        self.output += data
        self.chunks.append(data)
        self._unseen.append(data)
        if QUESTION in data:
            _ = self.screen
        return bool(data)

    def _answer(self, data: str) -> None:
        if self.answers:
            os.write(self._master, data.encode())


def _set_size(fd: int, columns: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Tmux:
    """A program in a tmux of its own. Inside, `tmux wait-for -S NAME` signals the channel NAME to `wait_for`.

    A context manager: leaving it ends the tmux server and everything in it.
    """

    CONFIG = "set -g status off\nset -g history-limit 100000\nset -g escape-time 0\n"

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start `argv`; `folder` takes the configuration and the exit status."""
        self._name = f"mainstage-{uuid.uuid4().hex[:12]}"
        self._status = folder / f"{self._name}.status"
        config = folder / "tmux.conf"
        config.write_text(self.CONFIG, encoding="utf-8")
        script = f"{shlex.join(argv)}; echo $? > {shlex.quote(str(self._status))}; tmux wait-for -S ended; exec cat"
        self._run("-f", str(config), "new-session", "-d", "-x", str(columns), "-y", str(rows), script, env=env)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        subprocess.run(["tmux", "-L", self._name, "kill-server"], check=False, capture_output=True, timeout=DEADLINE)

    def wait_for(self, channel: str, *, seconds: float = DEADLINE) -> None:
        """Wait until the program has signalled `channel`."""
        try:
            self._run("wait-for", channel, seconds=seconds)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"waited in vain for {channel!r}; the screen:\n" + "\n".join(self.screen())) from late

    def signal(self, channel: str) -> None:
        """Signal `channel` to the program, which waits with `tmux wait-for NAME`."""
        self._run("wait-for", "-S", channel)

    def wait(self, *, seconds: float = DEADLINE) -> int:
        """Wait until the program has ended and return its exit status, as a shell has it."""
        self.wait_for("ended", seconds=seconds)
        return int(self._status.read_text(encoding="utf-8"))

    def until(self, done: Callable[[list[str]], bool], *, seconds: float = DEADLINE) -> list[str]:
        """Look at the screen until `done(lines)`, and return it."""
        deadline = time.monotonic() + seconds
        while not done(lines := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError("waited in vain; the screen:\n" + "\n".join(lines))
            time.sleep(0.02)
        return lines

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window; tmux lays its lines out anew."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def send(self, *keys: str) -> None:
        """Type, in tmux's names of keys (`C-c`, `Enter`)."""
        self._run("send-keys", *keys)

    def screen(self) -> list[str]:
        """Return the rows of the screen, without the spaces at their ends."""
        return self._capture()

    def everything(self, *, joined: bool = False) -> list[str]:
        """Return history and screen, without the empty rows at the end; `joined`: wrapped rows as one line."""
        lines = self._capture("-S", "-", *(["-J"] if joined else []))
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def cursor_shown(self) -> bool:
        """Return whether the cursor is visible."""
        return self._run("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def _capture(self, *options: str) -> list[str]:
        return [line.rstrip() for line in self._run("capture-pane", "-p", *options).split("\n")[:-1]]

    def _run(self, *words: str, seconds: float = DEADLINE, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *words],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={key: value for key, value in environment(env).items() if key not in ("TMUX", "TMUX_PANE")},
        )
        return done.stdout
