"""A run whose names are odd, in the layout of the first argument; what it means to show goes to a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import mainstage
from mainstage.dashboard import Bars, Dashboard, Header, Logs, Metrics
from mainstage.ui.display.terminal import TerminalDisplay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Show = Callable[[TerminalDisplay, Sequence[str], Sequence[str], str], bool]

NAMES = [
    "名前のファイル.bin",
    "파일 이름",
    "family 👩‍👩‍👧‍👦 tree",
    "waving 👋🏽 flag 🇺🇳",
    "keycap 1️⃣ heart ❤️",
    "שלום עולם",
    "\u202eright to left\u202c",
    "Å = A\u030a, e\u0301\u0302\u0323",
    "tab\there, bell\x07, esc \x1b[2J\x1b[31mred",
    "two\nlines\r\nand \x85 more",
    "[bold]not markup[/bold] [/] [link=x]",
    "\\[escaped\\] back\\",
    "z\u0335a\u0335l\u0335g\u0335o\u0335 \u200d\u200b\ufeff",
    "\udcff lone \ud800 surrogates",
]


REAL: Show = TerminalDisplay.show


def told(self: TerminalDisplay, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
    """Show as ever, and say what is shown then."""
    done = REAL(self, above, rows, begun)
    file = Path(sys.argv[2])
    file.with_suffix(".new").write_bytes("\n".join(rows).encode("utf-8"))
    file.with_suffix(".new").replace(file)
    return done


TerminalDisplay.show = told  # type: ignore[method-assign]  # to see what is shown

OWN = Dashboard(Header(), Bars(max_rows=8), Metrics(), Logs(4))

with mainstage.Run("名 [b]odd[/b] 👩‍🔬", layout=OWN if sys.argv[1] == "own" else sys.argv[1]):
    tasks = [mainstage.task(name, total=1000, unit="行") for name in NAMES]
    for step in range(1, 40):
        for place, task in enumerate(tasks):
            task.set(completed=step * (place + 3))
            task.metric(task.description, step * (place - 5.5))
        if step % 13 == 0:
            for task in tasks:
                task.log(f"{task.description}: at {step}")
        tasks[0].sleep(0.03)
    subprocess.run(["tmux", "wait-for", "-S", "moved"], check=True)
    subprocess.run(["tmux", "wait-for", "go"], check=True)
    for task in tasks:
        task.close()
