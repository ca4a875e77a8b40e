"""Download the sources that `MAINSTAGE_PEERS` is to name: `python -m tests.swapped.get FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.suites import Suite, source


def main(folder: Path) -> None:
    """Put the sources of Rich (from Debian, for its tests) and tqdm (from the package index) into `folder`."""
    for name, debian in (("rich", True), ("tqdm", False)):
        archives = folder / "archives" / name
        archives.mkdir(parents=True)
        source(Suite(name, [], [], debian=debian), archives).rename(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
