"""The product {exit cause} x {worker state}: what is to be true of each, and one run of one of them.

`python -m tests.faults.product` runs all of it and prints the figures of docs/reliability.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.ground import FileList
from tests.system.terminals import Pty

PROGRAM = str(Path(__file__).parent / "program.py")
STATES = ("queued", "held", "computing", "blocked", "stuck", "nested", "flood", "cleanup")
WAITING = ("queued", "held")
BACKENDS = ("thread", "process")
DEADLINE = 30.0
"""Seconds within which a process is gone: thirty times what is promised, for eight at a time on a busy machine."""
AT_ONCE = 8
GONE = 2.0
"""Seconds in which workers are gone once their parent is."""
CTRL_C = b"\x03"
LATE_ECHO = re.compile(r"(\^C|\^\[\[\d+;\d+R)+$")


class Cause(NamedTuple):
    """Why a program ends, and how."""

    acts: tuple[bytes | int, ...]
    """What is done to it from outside: keys, signals; none: it does it itself."""
    status: int
    raised: str | None
    """The type of what an outer handler sees; "" where none is reached."""
    said: str
    """What the last line says of it."""
    outcome: str
    """What became of the futures of the work."""


INT = -signal.SIGINT
CAUSES: dict[str, Cause] = {
    "once": Cause((CTRL_C,), INT, "KeyboardInterrupt", "stopped by Ctrl-C", "CancelledError"),
    "twice": Cause((CTRL_C, CTRL_C), INT, "KeyboardInterrupt", "stopped by Ctrl-C", "CancelledError"),
    "thrice": Cause((CTRL_C, CTRL_C, CTRL_C), INT, "", "", ""),
    "map": Cause((CTRL_C,), INT, "KeyboardInterrupt", "stopped by Ctrl-C", "CancelledError"),
    "other": Cause((CTRL_C,), INT, "KeyboardInterrupt", "stopped by Ctrl-C", "CancelledError"),
    "other-twice": Cause((CTRL_C, CTRL_C), INT, "KeyboardInterrupt", "stopped by Ctrl-C", "CancelledError"),
    "term": Cause((signal.SIGTERM,), -signal.SIGTERM, "Terminated", "stopped by SIGTERM", "CancelledError"),
    "hup": Cause((signal.SIGHUP,), -signal.SIGHUP, "Terminated", "stopped by SIGHUP", "CancelledError"),
    "cancel": Cause((), 0, None, "cancelled", "CancelledError"),
    "cancel-all": Cause((), 0, None, "cancelled", "CancelledError"),
    "cancel-map": Cause((), 3, "CancelledError", "cancelled", "CancelledError"),
    "failure": Cause((), 3, "ValueError", "1 failed", "CancelledError"),
    "leave": Cause((), 3, "KeyError", "stopped by KeyError", "CancelledError"),
    "exit": Cause((), 7, "SystemExit", "stopped by SystemExit", "CancelledError"),
    "body": Cause((), 3, "KeyError", "stopped by KeyError", "CancelledError"),
    "timeout": Cause((), 0, None, "failed", "TaskTimeout"),
    "end": Cause((), 0, None, "done", "value"),
}


MAPS = ("map", "body", "cancel-map")


def cases() -> list[tuple[str, str, str]]:
    """Return backend, cause and state of each combination there is: one map cannot wait behind itself."""
    return [
        (backend, cause, state)
        for backend in BACKENDS
        for cause in CAUSES
        for state in STATES
        if cause != "cancel-map" or state not in WAITING
    ]


def lean() -> list[tuple[str, str, str]]:
    """Return all of threads and, of processes, each cause in one state and each state with a few causes."""
    chosen = []
    for number, (backend, cause, state) in enumerate(cases()):
        usual = state == STATES[list(CAUSES).index(cause) % len(STATES)]
        if backend == "thread" or usual or (cause in ("once", "failure") and number % 2):
            chosen.append((backend, cause, state))
    return chosen


class Seen(NamedTuple):
    """How one of them went."""

    wrong: list[str]
    """What is not as promised, in words; none: all is."""
    seconds: float
    """From the last act to the end of the process."""
    screen: str


def attempt(backend: str, cause: str, state: str) -> Seen:
    """Run one combination; never raises."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        with Pty([sys.executable, PROGRAM, cause, state, str(file), backend]) as program:
            try:
                return _watch(program, cause, state, file)
            except Exception as error:  # noqa: BLE001  # told to the one test that it concerns
                return Seen([f"{type(error).__name__}: {error}"], float("inf"), program.screen.text)


def _watch(program: Pty, cause: str, state: str, file: Path) -> Seen:
    if state == "flood":
        _keep_output(program)
    before = termios.tcgetattr(program._master)
    acts = CAUSES[cause].acts
    if acts:
        program.until(lambda: b"READY" in program.output and b"\x1b[?25l" in program.output, what="READY and a frame")
    else:
        program.until(lambda: b"ACT" in program.output, what="ACT")
    since = time.monotonic()
    for number, act in enumerate(acts):
        if number:
            _until_the_next_may_come(program, cause, number)
        since = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            program.send(act) if isinstance(act, bytes) else os.kill(program.process.pid, act)
    try:
        status = program.wait(DEADLINE)
    except Exception:  # noqa: BLE001  # it hangs
        return Seen([f"still there {DEADLINE:g} s later"], float("inf"), program.screen.text)
    seconds = time.monotonic() - since
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    wrong = [
        *_status(CAUSES[cause], status),
        *_given_back(program, before),
        *_screen(program, cause, state),
        *_found(found, cause, state),
        *_lines(program, found),
        *_left_behind(program, file),
    ]
    return Seen(wrong, seconds, program.screen.text)


def _keep_output(program: Pty) -> None:
    """Have the kernel keep what nobody has read when Ctrl-C comes, as `stty noflsh`: each line is to be found."""
    settings = termios.tcgetattr(program._master)
    settings[3] |= termios.NOFLSH
    termios.tcsetattr(program._master, termios.TCSANOW, settings)


def _until_the_next_may_come(program: Pty, cause: str, number: int) -> None:
    """Wait for the picture that shows the one before, or until there is nothing any more to interrupt."""
    if cause == "thrice":
        program.until(lambda: b"HUNG" in program.output, what="the view to hang")
        with contextlib.suppress(AssertionError):  # a terminal that is full drops the echo, and not the signal
            program.until(lambda: program.output.count(b"^C") >= number, seconds=2, what="an echo")
        program.read_for(0.1)
    else:
        with contextlib.suppress(AssertionError):  # what waits in a queue alone is gone before a picture is due
            program.until(lambda: b"stopping" in program.output, seconds=DEADLINE, what="stopping")


def _status(cause: Cause, status: int) -> list[str]:
    return [] if status == cause.status else [f"exit status {status}, not {cause.status}"]


def _given_back(program: Pty, before: list[Any]) -> list[str]:
    output = bytes(program.output)
    modes = {
        "cursor shown": (rb"\x1b\[\?25[hl]", b"\x1b[?25h"),
        "synchronized mode off": (rb"\x1b\[\?2026[hl]", b"\x1b[?2026l"),
        "auto-wrap on": (rb"\x1b\[\?7[hl]", b"\x1b[?7h"),
        "scroll region lifted": (rb"\x1b\[(?:\d+;\d+)?r", b"\x1b[r"),
    }
    wrong = []
    for name, (pattern, wanted) in modes.items():
        found = re.findall(pattern, output)
        if not found or found[-1] != wanted:
            wrong.append(f"not: {name} ({found[-1:]})")
    if termios.tcgetattr(program._master) != before:
        wrong.append("the terminal's settings have changed")
    return wrong


def _screen(program: Pty, cause: str, state: str) -> list[str]:
    text = program.screen.text
    wrong = []
    if "Traceback" in text or "Exception ignored" in text:
        wrong.append("a traceback")
    if cause == "thrice":
        return wrong
    # an echo of a key that came too late, or of this emulator's answer where eight of them kept it from answering
    last = LATE_ECHO.sub("", text.rstrip()).rstrip().split("\n")[-1]
    if not re.match(r"[✓✗] faults: .*\d done", last) or CAUSES[cause].said not in last:
        wrong.append(f"the last line is {last!r}")
    elif " left" in last and cause not in MAPS:  # items that were not handed out
        wrong.append(f"something is left over: {last!r}")
    if _cleans_up(cause, state) and "CLEANED" not in text:
        wrong.append("no clean-up was seen")
    return wrong


def _cleans_up(cause: str, state: str) -> bool:
    reports = state not in ("stuck", *WAITING)
    return reports and cause not in ("twice", "thrice", "other-twice", "end")


def _found(found: dict[str, Any] | None, cause: str, state: str) -> list[str]:
    """Look at what an outer handler wrote down."""
    expected = CAUSES[cause]
    if expected.raised == "":
        return [] if found is None else ["an outer handler ran"]
    if found is None:
        return ["no outer handler ran"]
    results, told, clean = found["results"], found["told"], _cleans_up(cause, state)
    claims = {
        f"{found['raised']} reached the outer handler, not {expected.raised}": found["raised"] == expected.raised,
        f"the results so far are {results}": results is not None and results[:3] == [0, 1, 4],
        f"the futures: {found['outcomes']}": set(found["outcomes"]) <= {expected.outcome},
        f"told {told} times": set(told) <= {1} and (bool(told) or not clean),
        f"handlers that were not put back: {found['handlers']}": not found["handlers"],
        f"threads that hold the exit: {found['threads']}": not found["threads"],
    }
    if cause in MAPS:
        begun = 1 if state in WAITING else 5  # those that were there, and no more
        claims[f"the loop was given {found['taken']}"] = found["taken"] == [0]
        claims[f"{found['begun']} items were begun"] = found["begun"] == begun
    return [text for text, holds in claims.items() if not holds]


def _lines(program: Pty, found: dict[str, Any] | None) -> list[str]:
    """Look for each line that flooding workers wrote: once, whole, in order."""
    if found is None:
        return []
    output = bytes(program.output)
    wrong = []
    for which, count in enumerate(found["wrote"]):
        numbers = [int(number) for number in re.findall(rb"flood %d line (\d+);" % which, output)]
        if numbers[:count] != list(range(count)):
            wrong.append(f"of {count} lines of worker {which} there are {len(numbers)}")
    return wrong


def _left_behind(program: Pty, file: Path) -> list[str]:
    wrong = [f"worker {pid} is left behind" for pid in FileList(f"{file}.pids") if not _gone(pid)]
    return wrong if _gone(-program.process.pid) else [*wrong, "a child is left behind"]


def _gone(pid: int) -> bool:
    """Return whether a process, or minus that a group, is gone in time: a fork server follows its parent."""
    ends = time.monotonic() + GONE
    while time.monotonic() < ends:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return not _alive(pid)


def _alive(pid: int) -> bool:
    """Return whether it runs, and is not just waiting for somebody to ask how it ended."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text(encoding="utf-8").rpartition(") ")[2].split()[:3]
            if state != "Z" and pid in (int(stat.parent.name), -int(group)):
                return True
    return False


def main() -> int:
    """Run all of it and print a table: the seconds to the end, by cause and state."""
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen = dict(zip(cases(), pool.map(lambda case: attempt(*case), cases()), strict=True))
    for backend in BACKENDS:
        print(f"\n| {backend}: cause | {' | '.join(STATES)} |")
        print(f"|---|{'---|' * len(STATES)}")
        for cause in CAUSES:
            ends = [seen.get((backend, cause, state)) for state in STATES]
            print(f"| {cause} | {' | '.join(f'{one.seconds:.2f}' if one else '' for one in ends)} |")
    print(f"\n{len(seen)} combinations in {time.monotonic() - began:.0f} s")
    for case, one in seen.items():
        for wrong in one.wrong:
            print(f"{'-'.join(case)}: {wrong}")
    return int(any(one.wrong for one in seen.values()))


if __name__ == "__main__":
    sys.exit(main())
