"""Fail if a test file of the tree was not run: `ran.py REPORT`, where REPORT lists the files with a test that ran."""

from __future__ import annotations

import sys
from pathlib import Path


def main(report: str) -> str | None:
    """Return what is missing, as the exit message; None: every test file ran."""
    root = Path(__file__).parent.parent
    ran = set(Path(report).read_text(encoding="utf-8").splitlines())
    there = {path.relative_to(root).as_posix() for path in (root / "tests").rglob("test_*.py")}
    missing = sorted(there - ran)
    if missing:
        return "test files of which no test was run:\n  " + "\n  ".join(missing)
    print(f"all {len(there)} test files were run")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
