"""Make docs/ports.md from real runs: `python -m tests.ports.page`."""

from __future__ import annotations

import sys
from typing import Final

from tests.ports.pairs import COLUMNS, PAIRS, ROWS, Pair
from tests.system.terminals import ROOT

LOOK_S: Final = 1.5
"""Seconds after the start at which the running program is looked at; a port is looked at once it shows a thing."""
MOST_LINES: Final = 14
HEAD: Final = f"""# Twelve programs, before and after

These programs have the shape of the examples of tqdm, Rich, joblib, concurrent.futures and asyncio. Each port changes
at most two lines. The tests in `tests/ports` run all 24: a port gives the same results and exit status, and its screen
shows every fact that the original's screen shows. The screens below are from real runs at {COLUMNS} columns by {ROWS}
rows: one while the program runs, one after its end. `python -m tests.ports.page` makes this page.
"""


def screens(pair: Pair, side: str) -> tuple[list[str], list[str]]:
    """Return the screen of a running program, and the one after its end, without empty rows."""
    with pair.pty(side) as pty:
        pty.read_for(LOOK_S)
        running = [line for line in pty.screen.lines() if line]
        while side == "after" and pty.process.poll() is None and not running:
            pty.read_for(0.1)
            running = [line for line in pty.screen.lines() if line]
        pty.wait()
        return running, [line for line in pty.screen.text.splitlines() if line]


def block(lines: list[str], language: str = "") -> str:
    """Return the lines as a block of Markdown; of many the first and the last."""
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES // 2], "...", *lines[-MOST_LINES // 2 :]]
    text = "\n".join([f"```{language}", *lines, "```"])
    return text.replace(f"{ROOT}/", "").replace(f"{sys.base_prefix}/", "")


def section(pair: Pair) -> str:
    """Return the part of the page about one pair."""
    parts = [f"## {pair.title}", block(pair.changes(), "diff")]
    for side in ("before", "after"):
        running, ended = screens(pair, side)
        parts += [f"{side.capitalize()}, while it runs and at its end:", block(running or ["(nothing)"]), block(ended)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    (ROOT / "docs" / "ports.md").write_text("\n".join([HEAD, *(f"{section(pair)}\n" for pair in PAIRS)]), "utf-8")
