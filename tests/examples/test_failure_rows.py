"""Each program in examples/failures/ ends as its row of the failure table says, in a pipe and on a terminal."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import ROOT, Pty, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILURES = ROOT / "examples" / "failures"
ENDS = {
    "asked_to_stop": (0, "stopped; cleaned up after: one"),
    "broken_display": (0, "all there: 24"),
    "children": (0, "<the end>"),
    "ctrl_c_in_other_code": (-signal.SIGINT, "interrupted in time.sleep"),
    "ctrl_c_in_our_call": (0, "stopped; done so far: [0, 1, 2, 3, 4]"),
    "loud_workers": (0, "<the end>"),
    "raises": (0, "raise: while working on input 7 "),
    "run_in_run": (0, "all there: ['a5', 'b5', 'c5'] d5 ValueError('no threes')"),
    "sigterm": (-signal.SIGTERM, "terminated by 15; done: [0, 1, 2]"),
    "suspend_resize": (0, "all there: [0, 1, 2, 3]"),
    "terminal_goes_away": (0, "the terminal went away; results: 40"),
    "timeout": (0, "two answered; polite: not done within its timeout of 0.3 s; stuck: its thread did not stop"),
    "unpicklable": (0, "the other is there: a text; argument 1 of work("),
    "worker_killed": (0, "all others there: [0, 1, 4, 16, 25]; lost: worker process-"),
}
"""A program's exit status, and what it says on stdout at the end."""
SHOWN = {
    "asked_to_stop": "removing what is half done",
    "broken_display": "a column raised ZeroDivisionError: no rate at",
    "ctrl_c_in_other_code": "interrupted: stopped by Ctrl-C: 0 done, 10 cancelled",
    "ctrl_c_in_our_call": "interrupted: stopped by Ctrl-C: 5 done, 95 cancelled",
    "raises": "invert(7): ValueError: no sevens",
    "run_in_run": "part(3): ValueError: no threes",
    "sigterm": "stopped by SIGTERM",
    "timeout": "stuck: TaskTimeout",
    "unpicklable": "a lock: Unpicklable: the result of work() cannot be sent",
    "worker_killed": "work(3): WorkerLost: worker process-",
}
"""What the display says of it."""
RESET = {
    rb"\?25[hl]": b"\x1b[?25h",
    rb"\?2026[hl]": b"\x1b[?2026l",
    rb"\?7[hl]": b"\x1b[?7h",
    rb"(?:\d+;\d+)?r": b"\x1b[r",
}
"""Cursor, synchronized update, wrapping, scroll region: how the last of each has to leave the terminal."""


def command(name: str) -> list[str]:
    return [sys.executable, str(FAILURES / f"{name}.py")]


def assert_given_back(output: bytes) -> None:
    for pattern, reset in RESET.items():
        found = re.findall(rb"\x1b\[" + pattern, output)
        assert found[-1:] in ([], [reset])


def marks(text: str, kinds: Sequence[str]) -> Counter[str]:
    """Count "<kind a 1>", but those in source lines that warnings quote."""
    return Counter(re.findall(rf"<(?:{'|'.join(kinds)}) [a-d] \d(?:, terminal: \w+)?>", text))


def test_every_row_has_its_program() -> None:
    assert {file.stem for file in FAILURES.glob("*.py")} == set(ENDS)


@pytest.mark.parametrize("name", ENDS)
def test_in_a_pipe_a_failure_ends_as_the_table_says(name: str) -> None:
    done = subprocess.run(command(name), capture_output=True, text=True, timeout=40, check=False, env=environment())
    status, says = ENDS[name]
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines()[-1].startswith(says), done.stderr
    assert SHOWN.get(name, "") in done.stderr or name == "broken_display"  # a column is for a terminal
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", [name for name in ENDS if name != "suspend_resize"])
def test_on_a_terminal_a_failure_ends_as_the_table_says_with_the_terminal_given_back(name: str) -> None:
    status, says = ENDS[name]
    with Pty(command(name), columns=110, rows=30) as pty:
        assert pty.wait(40) == status, pty.screen.text
        text = pty.screen.text
        assert says[:60] in text
        assert SHOWN.get(name, "") in text
        assert "Traceback" not in text
        assert not pty.screen.cursor_hidden
        assert_given_back(bytes(pty.output))


def test_a_broken_column_and_a_broken_view_are_told_once_each() -> None:
    with Pty(command("broken_display"), columns=110, rows=30) as pty:
        assert pty.wait() == 0
        assert pty.screen.text.count("a column raised ZeroDivisionError: no rate") == 1
        assert (
            pty.screen.text.count("the view BrokenView raised LookupError: where am I?; the plain view takes over") == 1
        )


def test_what_loud_workers_write_is_there_once_and_whole() -> None:
    kinds = ("print", "stderr", "log", "warning", "rich")
    expected = Counter(f"<{kind} {name} {step}>" for kind in kinds for name in "abcd" for step in range(5))
    with Pty(command("loud_workers"), columns=110, rows=30) as pty:
        assert pty.wait() == 0
        assert marks(pty.screen.text, kinds) == expected
        assert "it/s" not in pty.screen.text
        prefixed = re.findall(
            r"^([a-d]) +│ (?:library: )?<(?:print|stderr|log|rich) ([a-d]) ", pty.screen.text, re.MULTILINE
        )
        assert Counter(f"{who}{name}" for who, name in prefixed) == Counter({2 * name: 20 for name in "abcd"})


def test_of_loud_workers_a_pipe_gets_what_they_printed_and_nothing_else() -> None:
    done = subprocess.run(
        command("loud_workers"), capture_output=True, text=True, timeout=40, check=True, env=environment()
    )
    printed = Counter(f"<{kind} {name} {step}>" for kind in ("print", "rich") for name in "abcd" for step in range(5))
    assert Counter(re.findall(r"<[^>]*>", done.stdout)) == printed + Counter(["<the end>"])
    assert not re.sub(r"<[^>]*>\s*", "", done.stdout)


def test_what_children_and_c_code_write_is_there_once_and_they_see_a_terminal() -> None:
    expected = Counter(f"<child {name} {step}, terminal: True>" for name in "abc" for step in range(3))
    expected += Counter(f"<write {name} {step}>" for name in "abc" for step in range(3))
    with Pty(command("children"), columns=110, rows=30) as pty:
        assert pty.wait() == 0
        assert marks(pty.screen.text, ("child", "write")) == expected
        assert pty.screen.text.count("▸") == 0


def test_a_run_that_is_suspended_and_resized_ends_with_all_results() -> None:
    with Pty(["/bin/sh", "-i"], columns=100, rows=24, env={"PS1": "SHELL> ", "ENV": ""}) as shell:
        shell.expect("SHELL>")
        shell.send(shlex.join(command("suspend_resize")).encode() + b"\n")
        shell.expect("▸ work(3)")
        shell.send(b"\x1a")
        shell.until(lambda: shell.output.count(b"SHELL> ") == 2)
        assert_given_back(bytes(shell.output))
        assert not shell.screen.cursor_hidden
        assert not any("▸ work(3)" in line for line in shell.screen.lines())
        shell.resize(60, 12)
        shell.send(b"fg\n")
        shell.until(lambda: any("▸ work(3)" in line for line in shell.screen.lines()), what="a row")
        assert all(len(line) <= 60 for line in shell.screen.lines())
        shell.expect("all there: [0, 1, 2, 3]")
        shell.until(lambda: shell.output.count(b"SHELL> ") == 3)
        assert_given_back(bytes(shell.output))
