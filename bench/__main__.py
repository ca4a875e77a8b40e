"""`python -m bench [--row NAME ...] [--json FILE] [--markdown] [--strict]`: the budget, row by row."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.rows import Row, markdown, table

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = {
    "track": "worker_cost:track_rows",
    "advance": "worker_cost:advance_rows",
    "silent": "worker_cost:silent_rows",
    "rich": "rich_import:rich_rows",
    "tiny": "tiny_tasks:rows",
    "processes": "tiny_processes:rows",
    "frame": "frame_cost:rows",
    "many": "frame_cost:many_rows",
    "layouts": "layouts:rows",
    "coroutines": "coroutines:rows",
    "torn": "screens:torn_rows",
    "garbage": "screens:garbage_rows",
    "stalled": "stalled:rows",
    "idle": "idle:rows",
    "tqdm": "one_import:rows",
    "import": "imports:rows",
    "growth": "growth:rows",
    "uneven": "uneven:rows",
    "memory": "memory:rows",
    "notebook": "notebook:rows",
    "journal": "kept:journal_rows",
    "store": "kept:store_rows",
    "report": "kept:report_rows",
}
"""By name, in the order of the budget; each is imported when its turn comes, so that one does not weigh on another."""
LONG = ("growth", "uneven", "memory", "notebook", "journal", "store", "report")
"""Those that take minutes: only where they are asked for."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The budget, row by row, beside its peers.")
    parser.add_argument(
        "--row",
        action="append",
        choices=GROUPS,
        metavar="NAME",
        help=f"one of {', '.join(GROUPS)}; without, all but {', '.join(LONG)}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in FILE")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/benchmarks.md")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a row is short")
    return parser.parse_args()


def measure(name: str) -> list[Row]:
    module, _, function = GROUPS[name].partition(":")
    rows: Callable[[], list[Row]] = getattr(import_module(f"bench.{module}"), function)
    return rows()


def about() -> str:
    peers = ", ".join(f"{name} {version(name)}" for name in ("rich", "tqdm"))
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}; {peers}"


def main() -> int:
    asked = arguments()
    rows: list[Row] = []
    for name in asked.row or [name for name in GROUPS if name not in LONG]:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += measure(name)
    print(about())
    print("\n".join(markdown(rows) if asked.markdown else table(rows)))
    short = [row.name for row in rows if row.verdict == "short"]
    print(f"{len(rows) - len(short)} ok, {len(short)} short" + (f": {'; '.join(short)}" if short else ""))
    if asked.json:
        kept = [{**row._asdict(), "verdict": row.verdict} for row in rows]
        asked.json.write_text(json.dumps({"about": about(), "rows": kept}, indent=1) + "\n", encoding="utf-8")
    return 1 if short and asked.strict else 0


if __name__ == "__main__":
    sys.exit(main())
