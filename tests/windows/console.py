"""What a Windows console shows, and how a program ends there: `console.py PYTHON`, where PYTHON runs Windows' own.

PYTHON runs on a pseudo-terminal, on which wine plays the console. Each check prints a line; the exit status is 1 if one
does not hold.
"""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import sys
from pathlib import Path
from time import monotonic

import pyte

HERE = Path(__file__).parent
PATIENCE = 90
"""Seconds for one program."""
SIZE = (100, 60)
CONTROL_C = 0xC000013A & 0xFF
"""What POSIX sees of the status of a Windows program that Ctrl-C has ended."""
HEARD_IN = 5.0
"""Seconds in which Ctrl-C is to be heard: far less than the 20 that the work takes."""


def console(python: str, *words: str) -> tuple[str, int]:
    """Run `python words...` in a console; return its screen and its exit status."""
    import fcntl  # noqa: PLC0415  # POSIX only, as all of this
    import termios  # noqa: PLC0415

    pid, fd = pty.fork()
    if pid == 0:
        os.environ.pop("CI", None)
        os.execvp(python, [python, *words])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
    screen = pyte.Screen(*SIZE)
    stream = pyte.ByteStream(screen)
    ends = monotonic() + PATIENCE
    while monotonic() < ends:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 1 << 16)
            except OSError:
                break
            if not data:
                break
            stream.feed(data)
    else:
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    text = "\n".join(line.rstrip() for line in screen.display)
    return text, os.waitstatus_to_exitcode(status)


def check(name: str, holds: object, shown: str) -> bool:
    """Print whether `name` holds, and what was shown if it does not."""
    print(f"{'ok' if holds else 'FAILED'}: {name}" if holds else f"FAILED: {name}\n{shown}", flush=True)
    return bool(holds)


def lines(python: str) -> bool:
    """Check that a run gets whole lines there, and no row, sequence or question mark."""
    text, status = console(python, windows_name(HERE / "bars.py"))
    want = [f"file-{n:02d} é中.bin │ red line of {n} ✔" for n in range(8)]
    squeezed = re.sub("(?<=中) ", "", text)  # pyte leaves a cell behind a wide character
    return all([
        check("a console gets each line whole", all(squeezed.count(line) == 1 for line in want), text),
        check("a console gets the summary", "✓ nightly: 8 done" in text and "\n28\n" in text, text),
        check("a console gets no bars and no sequences", not re.search("━|\\[31m|\\[0m|\x1b|\\[\\?", text), text),
        check("the status is 0", status == 0, f"{status}\n{text}"),
    ])  # fmt: skip


def interrupted(python: str, way: str) -> bool:
    """Check that Ctrl-C is heard in a wait, and that the program ends of it."""
    text, status = console(python, windows_name(HERE / "pressed.py"), way)
    heard = re.search(r"heard after ([\d.]+) s", text)
    return all([
        check(f"{way}: Ctrl-C is heard", heard is not None and float(heard[1]) < HEARD_IN, text),
        check(f"{way}: the status is Ctrl-C's", status == CONTROL_C, f"{status}\n{text}"),
    ])  # fmt: skip


def windows_name(path: Path) -> str:
    """Return how wine calls a file of this machine."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


def main(python: str) -> int:
    """Run all checks; return the exit status."""
    held = [lines(python), *(interrupted(python, way) for way in ("submitted", "mapped", "taken"))]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
