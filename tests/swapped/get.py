"""Download the sources that `MAINSTAGE_PEERS` is to name: `python -m tests.swapped.get FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.suites import SUITES, source


def main(folder: Path) -> None:
    """Put Debian's source of Rich into `folder`, as `rich`."""
    (suite,) = [suite for suite in SUITES if suite.name == "rich"]
    archives = folder / "archives"
    archives.mkdir(parents=True)
    source(suite, archives).rename(folder / suite.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
