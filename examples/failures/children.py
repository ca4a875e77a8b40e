"""Other programs, and code in C, write to the terminal behind Python's back: whole lines above the rows all the same.

The children still see a terminal, and nothing of what they say is swallowed.
"""

from __future__ import annotations

import os
import subprocess
import sys

import mainstage

SAYS = """
import sys
print(f"<child {sys.argv[1]}, terminal: {sys.stdout.isatty()}>")
"""


def work(name: str) -> int:
    """Have a child say something, and write to the descriptor as C code does."""
    for step in range(3):
        mainstage.current_task().sleep(0.3)
        subprocess.run([sys.executable, "-S", "-c", SAYS, f"{name} {step}"], check=True)
        os.write(1, f"<write {name} {step}>\n".encode())
    return 3


def main() -> None:
    """Let three of them do so at once."""
    with mainstage.Run("children", max_workers=3) as run:
        assert list(run.map(work, "abc")) == [3] * 3
    print("<the end>")


if __name__ == "__main__":
    main()
