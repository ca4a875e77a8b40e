"""Keys in real terminals: each one, and that the terminal is as it was, however the run ends."""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import ROW_MARKS, Pty, Tmux

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = str(Path(__file__).parent / "programs" / "keyed.py")
JOB = str(Path(__file__).parent / "programs" / "job.py")
ROWS = (*ROW_MARKS, "»")


def keyed(folder: Path, way: str = "all", *, rows: int = 16) -> Pty:
    return Pty([sys.executable, PROGRAM, str(folder), way], columns=70, rows=rows)


def shell(script: str, *, columns: int = 70, rows: int = 16) -> Pty:
    """Return an interactive shell, which minds its jobs, with `script` typed."""
    pty = Pty(["bash", "--norc", "--noprofile", "-i"], columns=columns, rows=rows, env={"PS1": "READY> "})
    pty.expect("READY>")
    pty.send(script.encode() + b"\n")
    return pty


def modes(pty: Pty) -> list[object]:
    return termios.tcgetattr(pty._master)


def rows_of(pty: Pty) -> list[str]:
    return [line for line in pty.screen.lines() if line.startswith(ROWS)]


def echoes(pty: Pty) -> bool:
    return bool(termios.tcgetattr(pty._master)[3] & termios.ECHO)


def is_canonical(pty: Pty) -> bool:
    return bool(termios.tcgetattr(pty._master)[3] & termios.ICANON)


def until_keys_are_taken(pty: Pty) -> None:
    pty.until(lambda: bool(rows_of(pty)), what="rows")
    assert not echoes(pty)


# --- each key, in tmux ---


def press(tmux: Tmux, keys: str, shows: Callable[[list[str]], bool]) -> None:
    """Press `keys` and wait for what the screen shows then."""
    tmux.send(*keys.split())
    tmux.until(shows)


def scribble(tmux: Tmux, text: str) -> None:
    """Write `text` into the last row, behind everybody's back."""
    tty = tmux._run("display-message", "-p", "#{pane_tty}").strip()
    height = len(tmux.screen())
    Path(tty).write_text(f"\x1b7\x1b[{height};3H{text}\x1b8", encoding="ascii")


def echoes_in(tmux: Tmux) -> bool:
    """Return whether the pane's terminal echoes what is typed, and hands it on by the line."""
    tty = os.open(tmux._run("display-message", "-p", "#{pane_tty}").strip(), os.O_RDONLY | os.O_NOCTTY)
    try:
        local = int(termios.tcgetattr(tty)[3])
        return bool(local & termios.ECHO and local & termios.ICANON)
    finally:
        os.close(tty)


def has(*texts: str) -> Callable[[list[str]], bool]:
    return lambda lines: all(any(text in line for line in lines) for text in texts)


def lacks(*texts: str) -> Callable[[list[str]], bool]:
    return lambda lines: not any(text in line for line in lines for text in texts)


def walk_the_list(tmux: Tmux, *, small: bool) -> None:
    """Scroll, select, and come back to the first task."""
    if small:
        press(tmux, "Down", has("1 above"))
        press(tmux, "k", lacks("above"))
        press(tmux, "End", has("above", "✗ broken"))
        press(tmux, "Home", has("▸ alpha"))
        press(tmux, "Tab", has("» alpha"))
    else:
        press(tmux, "Down", has("» alpha"))
        press(tmux, "End", has("» broken"))
        press(tmux, "Home", has("» alpha"))
    press(tmux, "j", has("» beta"))
    press(tmux, "BTab", has("» alpha"))
    press(tmux, "NPage", lacks("» alpha"))
    press(tmux, "PPage", has("» alpha"))


@pytest.mark.tmux
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 5)])
def test_each_key_does_what_the_page_says(tmp_path: Path, columns: int, rows: int) -> None:
    small = rows < 12
    with Tmux([sys.executable, PROGRAM, str(tmp_path), "all"], tmp_path, columns=columns, rows=rows) as tmux:
        tmux.until(has("▸ alpha", "▸ keyed"))
        assert not echoes_in(tmux)
        press(tmux, "?", has("up down j k" if small else "open or fold a failure's traceback"))
        press(tmux, "End", has("?: this list" if small else "this list"))
        press(tmux, "?", has("▸ alpha"))
        tmux.until(lambda lines: has("+ 2 more")(lines) if small else has("▸ gamma")(lines))
        walk_the_list(tmux, small=small)
        press(tmux, "Escape", lacks("»"))
        press(tmux, "Enter", has("» broken", "while work" if small else "ValueError: a broken thing"))
        press(tmux, "Space", lacks("while work"))
        press(tmux, "Escape", lacks("»"))
        press(tmux, "/", has("/_"))
        press(tmux, "G A", has("▸ gamma", "/GA_"))
        assert lacks("alpha", "beta")(tmux.screen())
        press(tmux, "BSpace BSpace b e Enter", has("▸ beta"))
        press(tmux, "Escape", has("▸ alpha"))
        press(tmux, "p", has("held, p: go on"))
        (tmp_path / "alpha").touch()
        tmux.until(lacks("alpha"))
        assert lacks("delta")(tmux.screen())
        press(tmux, "p", lacks("held"))
        tmux.until(has("▸ beta") if small else has("▸ delta"))
        press(tmux, "Tab x", has("cancel? y: yes  beta"[: columns - 2]))
        press(tmux, "n", lacks("cancel?"))
        press(tmux, "x y", lacks("beta"))
        press(tmux, "/ x Enter", has("/x"))
        scribble(tmux, "GARBAGE")
        tmux.until(has("GARBAGE"))
        press(tmux, "C-l", lacks("GARBAGE"))
        press(tmux, "/ Escape", has("▸ keyed", "▸ gamma"))
        press(tmux, "l", has("…d-" if small else "thread-3 "))
        press(tmux, "1", lacks("…d-", "thread-3 "))
        press(tmux, "5", has("■", "▸ 3 running"))
        press(tmux, "2", has("…d-" if small else "thread-3 "))
        press(tmux, "Up 4", lacks("■", "…d-", "thread-3 "))
        for name in ("gamma", "delta", "epsilon", "zeta", "eta"):
            (tmp_path / name).touch()
        assert tmux.wait() == 0
        told = next(line for line in tmux.everything(joined=True) if line.startswith("DONE "))
        assert set(told.split()) == {"DONE", "alpha", "gamma", "delta", "epsilon", "zeta", "eta"}
        assert tmux.cursor_shown()
        assert echoes_in(tmux)


@pytest.mark.tmux
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 5)])
@pytest.mark.parametrize("how", ["q", "C-c", "crash"])
def test_a_shell_has_its_terminal_back_while_the_run_is_stopped_and_after_it(
    tmp_path: Path, how: str, columns: int, rows: int
) -> None:
    command = f"{sys.executable} {PROGRAM} {tmp_path} {'crash' if how == 'crash' else 'all'}"
    (tmp_path / "run").write_text(command + "\n", encoding="utf-8")
    bash = ["env", "PS1=% ", "bash", "--norc", "--noprofile", "-i"]
    with Tmux(bash, tmp_path, columns=columns, rows=rows) as tmux:

        def looks(name: str) -> str:
            tmux.until(lambda lines: [line for line in lines if line][-1:] == ["%"])
            tmux.send(f"clear; stty -a > {name}.new; mv {name}.new {name}", "Enter")
            tmux.until(lambda _: (tmp_path / name).exists())
            return (tmp_path / name).read_text(encoding="ascii")

        tmux.send(f"cd {tmp_path}; clear", "Enter")
        before = looks("before")
        assert " echo " in before
        tmux.send("clear; . ./run", "Enter")
        tmux.until(has("▸ alpha"))
        if how != "crash":
            tmux.send("C-z")
            assert looks("stopped") == before
            tmux.send("clear; fg", "Enter")
            tmux.until(has("▸ alpha"))
            press(tmux, "Tab", has("» alpha"))
            tmux.send(how)
        else:
            (tmp_path / "alpha").touch()
        assert looks("after") == before
        tmux.send("exit 7", "Enter")
        assert tmux.wait() == 7
        assert tmux.cursor_shown()


# --- the modes, on every way out ---


def end_by(pty: Pty, folder: Path, how: str) -> None:
    if how == "normal":
        for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"):
            (folder / name).touch()
    elif how == "q":
        pty.send(b"q")
    elif how.startswith("SIG"):
        os.kill(pty.process.pid, signal.Signals[how])
    elif how.startswith("^C"):
        pty.send(b"\x03")
        if how == "^C^C":
            pty.expect("stopping")
            pty.send(b"\x03")


@pytest.mark.parametrize(
    ("way", "how", "status"),
    [
        ("all", "normal", 0),
        ("all", "q", -signal.SIGINT),
        ("all", "^C", -signal.SIGINT),
        ("stay", "^C^C", -signal.SIGINT),
        ("all", "SIGTERM", -signal.SIGTERM),
        ("all", "SIGHUP", -signal.SIGHUP),
        ("away", "q", -signal.SIGINT),
        ("crash", "", 1),
        ("unleft", "", 1),
        ("leave", "", 3),
    ],
)
def test_the_modes_are_as_they_were_however_the_run_ends(tmp_path: Path, way: str, how: str, status: int) -> None:
    with keyed(tmp_path, way) as pty:
        before = modes(pty)
        until_keys_are_taken(pty)
        assert modes(pty) != before
        end_by(pty, tmp_path, how)
        assert pty.wait() == status, pty.screen.text
        assert modes(pty) == before


def test_the_modes_are_as_they_were_after_the_last_ctrl_c_of_three(tmp_path: Path) -> None:
    with keyed(tmp_path, "stay") as pty:
        before = modes(pty)
        until_keys_are_taken(pty)
        pty.send(b"\x03")
        pty.expect("stopping")
        pty.send(b"\x03\x03")
        assert pty.wait(10) == -signal.SIGINT, pty.screen.text
        assert modes(pty) == before


def test_keys_reach_a_run_whose_main_thread_is_in_other_code(tmp_path: Path) -> None:
    with keyed(tmp_path, "away") as pty:
        until_keys_are_taken(pty)
        pty.send(b"\t")
        pty.expect("» alpha")
        pty.send(b"x")
        pty.expect("cancel? y: yes")
        pty.send(b"y")
        pty.expect("OUTCOME CancelledError")
        assert pty.wait() == 0, pty.screen.text


def test_a_keyboard_at_which_nobody_types_wakes_nobody(tmp_path: Path) -> None:
    with keyed(tmp_path, "away") as pty:
        until_keys_are_taken(pty)
        thread = re.findall(r"READER (\d+)", pty.screen.text)[0]
        status = Path(f"/proc/{pty.process.pid}/task/{thread}/status")
        if not status.exists():
            pytest.skip("there is no /proc to count wake-ups in")

        def wakes() -> str:
            return next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("volun"))

        pty.read_for(0.3)
        before = wakes()
        pty.read_for(1.0)
        assert wakes() == before
        pty.send(b"\t")
        pty.expect("» alpha")
        assert wakes() != before
        pty.send(b"q")
        assert pty.wait() == -signal.SIGINT


# --- what others read ---


def test_what_was_typed_before_the_run_is_left_for_whoever_reads_next(tmp_path: Path) -> None:
    for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"):
        (tmp_path / name).touch()
    script = f"read line; {sys.executable} {PROGRAM} {tmp_path} all; read line; echo GOT $line"
    with Pty(["bash", "-c", script], columns=70, rows=16) as pty:
        pty.send(b"go\nls -l\npart")
        pty.expect("keys are off: something typed earlier waits")
        pty.expect("THE END")
        pty.send(b"ial\n")
        pty.expect("GOT ls -l")
        assert pty.wait() == 0


def test_what_is_typed_after_the_run_is_left_too(tmp_path: Path) -> None:
    script = f"{sys.executable} {PROGRAM} {tmp_path} all; read line; echo GOT $line"
    with Pty(["bash", "-c", script], columns=70, rows=16) as pty:
        until_keys_are_taken(pty)
        pty.send(b"\t")
        pty.expect("» alpha")
        for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"):
            (tmp_path / name).touch()
        pty.expect("DONE")
        pty.send(b"whole line\n")
        pty.expect("GOT whole line")
        assert pty.wait() == 0


@pytest.mark.parametrize("way", ["ask", "beside", "secret", "pause"])
def test_a_question_has_the_terminal_with_its_own_modes(tmp_path: Path, way: str) -> None:
    with keyed(tmp_path, way) as pty:
        before = modes(pty)
        until_keys_are_taken(pty)
        pty.expect("Name?")
        pty.until(lambda: modes(pty) == before or (way == "secret" and is_canonical(pty)), what="the modes of before")
        pty.send(b"Adx\x7fa pj\n")
        pty.expect("ANSWER 'Ada pj'")
        pty.until(lambda: bool(rows_of(pty)), what="rows")
        pty.until(lambda: not is_canonical(pty), what="keys")
        pty.send(b"\t")
        pty.expect("» alpha")
        (tmp_path / "alpha").touch()
        assert pty.wait() == 0, pty.screen.text
        assert modes(pty) == before


def test_the_debugger_reads_what_is_typed_until_it_lets_the_program_go_on(tmp_path: Path) -> None:
    with keyed(tmp_path, "debug") as pty:
        before = modes(pty)
        until_keys_are_taken(pty)
        pty.expect("(Pdb)")
        pty.send(b"p 'xjpq' * 2\n")
        pty.expect("'xjpqxjpq'")
        pty.send(b"continue\n")
        pty.until(lambda: bool(rows_of(pty)), what="rows")
        pty.send(b"\t")
        pty.expect("» alpha")
        (tmp_path / "alpha").touch()
        assert pty.wait() == 0, pty.screen.text
        assert modes(pty) == before


# --- jobs ---


def test_the_modes_are_as_they_were_while_the_run_is_stopped(tmp_path: Path) -> None:
    with Pty([sys.executable, JOB, str(tmp_path), sys.executable, PROGRAM, str(tmp_path), "away"]) as pty:
        before = modes(pty)
        until_keys_are_taken(pty)
        pty.send(b"\x1a")
        pty.expect("STOPPED")
        assert (tmp_path / "stopped").read_text(encoding="utf-8") == repr(before)
        (tmp_path / "go").touch()
        pty.until(lambda: not is_canonical(pty), what="keys")
        pty.send(b"\t")
        pty.expect("» alpha")
        (tmp_path / "alpha").touch()
        assert pty.wait() == 0, pty.screen.text
        assert modes(pty) == before


@pytest.mark.parametrize("how", ["Ctrl-Z", "SIGSTOP"])
def test_a_stopped_run_gives_the_terminal_back_and_takes_it_again_in_the_foreground(tmp_path: Path, how: str) -> None:
    with shell(f"stty -a | tail -n +2 > {tmp_path}/before; {sys.executable} {PROGRAM} {tmp_path} all") as pty:
        until_keys_are_taken(pty)
        if how == "Ctrl-Z":
            pty.send(b"\x1a")
        else:  # no program notices; the shell does
            children = Path(f"/proc/{pty.process.pid}/task/{pty.process.pid}/children")
            if not children.exists():
                pytest.skip("there is no /proc to find the program in")
            os.kill(int(children.read_text(encoding="ascii").split()[-1]), signal.SIGSTOP)
        pty.expect("Stopped")
        pty.send(f"stty -a | tail -n +2 > {tmp_path}/stopped; echo SEEN$?\n".encode())
        pty.expect("SEEN0")
        pty.send(b"fg\n")
        pty.until(lambda: bool(rows_of(pty)), what="rows")
        pty.until(lambda: not echoes(pty), what="keys")
        pty.send(b"\t")
        pty.expect("» alpha")
        for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"):
            (tmp_path / name).touch()
        pty.expect("THE END")
        pty.send(f"stty -a | tail -n +2 > {tmp_path}/after; echo SEEN$?$?\n".encode())
        pty.expect("SEEN00")
        before = (tmp_path / "before").read_text(encoding="utf-8")
        assert (tmp_path / "stopped").read_text(encoding="utf-8") == before
        assert (tmp_path / "after").read_text(encoding="utf-8") == before


def test_a_run_in_the_background_leaves_the_terminal_alone_until_it_comes_to_the_foreground(tmp_path: Path) -> None:
    with shell(f"{sys.executable} {PROGRAM} {tmp_path} all &") as pty:
        pty.until(lambda: bool(rows_of(pty)), what="rows")
        pty.send(b"echo HE''RE\n")
        pty.expect("HERE")
        pty.send(b"jobs\n")
        pty.expect("Running")
        pty.send(b"fg\n")
        pty.expect("fg\n")
        pty.until(lambda: not echoes(pty), what="keys")
        pty.send(b"/gam")
        pty.expect("/gam_")
        for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"):
            (tmp_path / name).touch()
        pty.expect("THE END")


# --- where there are none ---


def test_off_the_main_thread_it_is_said_why_there_are_none(tmp_path: Path) -> None:
    with keyed(tmp_path, "thread") as pty:
        before = modes(pty)
        pty.expect("keys are off: the run is not on the main thread")
        assert pty.wait() == 0
        assert modes(pty) == before


def test_where_stdin_is_no_terminal_it_is_said_too(tmp_path: Path) -> None:
    with Pty(["sh", "-c", f"{sys.executable} {PROGRAM} {tmp_path} leave < /dev/null"], columns=70, rows=16) as pty:
        pty.expect("keys are off: stdin is no terminal")
        assert pty.wait() == 3


JOBS = "import time\ndef nap(text):\n    time.sleep(float(text))\n"


@pytest.mark.parametrize(
    ("words", "env", "stdin", "taken"),
    [
        ("", {}, "", True),
        ("--keys", {}, "", True),
        ("--no-keys", {}, "", False),
        ("", {"MAINSTAGE_KEYS": "0"}, "", False),
        ("", {}, "< /dev/null", False),
        ("--view plain", {}, "", False),
    ],
)
def test_the_command_takes_keys_at_a_terminal_by_itself_and_without_a_word(
    tmp_path: Path, words: str, env: dict[str, str], stdin: str, taken: bool
) -> None:
    (tmp_path / "jobs.py").write_text(JOBS, encoding="utf-8")
    command = f"{sys.executable} -m mainstage map {tmp_path}/jobs.py:nap 1.2 1.3 {words} --out {tmp_path}/out {stdin}"
    with Pty(["sh", "-c", command], columns=70, rows=16, env=env) as pty:
        before = modes(pty)
        if "plain" not in words:
            pty.until(lambda: bool(rows_of(pty)), what="rows")
        assert (modes(pty) != before) is taken
        assert pty.wait() == 0, pty.screen.text
        assert modes(pty) == before
        assert "keys are off" not in pty.screen.text
