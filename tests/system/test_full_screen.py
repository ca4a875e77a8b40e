"""Programs that have the terminal for themselves: nothing of ours is drawn over them, and the rows come back."""

from __future__ import annotations

import importlib.util
import re
import sys
import termios
from pathlib import Path

import pytest
from tests.system.terminals import ROW_MARKS, Pty, Tmux

PROGRAM = str(Path(__file__).parent / "programs" / "full_screen.py")
FRAME = b"\x1b[?2026h"
EXEC = [sys.executable, "-m", "mainstage", "exec"]


def full(program: Pty) -> list[str]:
    return [line for line in program.screen.lines() if line.startswith("FULL SCREEN")]


def rows(program: Pty) -> list[str]:
    return [line for line in program.screen.lines() if line.startswith(ROW_MARKS)]


@pytest.mark.parametrize("how", ["raw", "curses", "thread", "child"])
def test_nothing_is_drawn_while_a_program_reads_keys_by_itself(how: str) -> None:
    with Pty([sys.executable, PROGRAM, how], columns=60, rows=16) as program:
        before = termios.tcgetattr(program._master)
        program.until(lambda: bool(rows(program)), what="rows")
        program.expect("FULL SCREEN 1")
        program.read_for(0.5)  # a child is seen with the next frame
        drawn = program.output.count(FRAME)
        program.read_for(0.6)
        assert program.output.count(FRAME) == drawn
        program.send(b"q")
        program.expect("BACK AGAIN")
        program.until(lambda: bool(rows(program)), what="rows")
        assert program.wait() == 0, program.screen.text
        assert termios.tcgetattr(program._master) == before
        text = program.screen.text
        assert "▸" not in text
        assert "✓ full: 2 done" in text


def test_a_program_that_moves_the_cursor_has_the_terminal_until_it_is_still() -> None:
    with Pty([sys.executable, PROGRAM, "moves"], columns=60, rows=16) as program:
        program.until(lambda: bool(rows(program)), what="rows")
        program.expect("time 1")
        assert not rows(program)
        program.expect("time 6")
        assert not rows(program)
        program.expect("BACK AGAIN")
        program.until(lambda: bool(rows(program)), what="rows")
        assert program.wait() == 0, program.screen.text
        assert re.findall("line 2.*", program.screen.text) == ["line 2, time 7"]


@pytest.mark.tmux
@pytest.mark.parametrize("how", ["raw", "child"])
def test_a_full_screen_has_all_of_a_real_terminal_and_leaves_the_text_as_it_was(how: str, tmp_path: Path) -> None:
    with Tmux([sys.executable, PROGRAM, how], tmp_path, columns=60, rows=16) as tmux:
        tmux.until(lambda lines: any(line.startswith(ROW_MARKS) for line in lines))
        tmux.until(lambda lines: lines == [f"FULL SCREEN {line}" for line in range(1, 17)] or "FULL" in lines[0])
        tmux.send("q")
        tmux.until(lambda lines: any(line.startswith(ROW_MARKS) for line in lines))
        assert tmux.wait() == 0
        everything = tmux.everything()
        assert not any("FULL" in line or line.startswith(ROW_MARKS) for line in everything)
        assert everything.count("BACK AGAIN") == 1


APPLICATION = """
import asyncio
from prompt_toolkit.application import Application
from prompt_toolkit.layout import Layout, Window, FormattedTextControl
from prompt_toolkit.key_binding import KeyBindings
keys = KeyBindings()
keys.add("q")(lambda event: event.app.exit(result="quit"))
text = "\\n".join(f"FULL SCREEN {line}" for line in range(1, 17))
app = Application(layout=Layout(Window(FormattedTextControl(text))), full_screen=True, key_bindings=keys)
async def main():
    beside = asyncio.create_task(asyncio.sleep(3))
    print(await app.run_async())
asyncio.run(main())
"""


@pytest.mark.tmux
@pytest.mark.skipif(importlib.util.find_spec("prompt_toolkit") is None, reason="prompt_toolkit is not installed")
@pytest.mark.parametrize("words", [[sys.executable], EXEC], ids=["plain", "exec"])
def test_an_application_looks_as_it_does_without_us(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text(APPLICATION, encoding="utf-8")
    with Tmux([*words, str(tmp_path / "application.py")], tmp_path, columns=60, rows=16) as tmux:
        tmux.until(lambda lines: lines == [f"FULL SCREEN {line}" for line in range(1, 17)])
        tmux.send("q")
        assert tmux.wait() == 0
        assert tmux.everything()[0] == "quit"
