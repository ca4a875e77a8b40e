"""The sources of other libraries, for their own tests and examples: `MAINSTAGE_PEERS` names a folder with one each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def peer(name: str, part: str) -> Path:
    """Return the folder `part` of the library `name`; skips the test where there is none."""
    given = os.environ.get("MAINSTAGE_PEERS", "")
    folder = Path(given, name, part) if given else None
    if folder is None or not folder.is_dir():
        pytest.skip(f"no {name}/{part}: MAINSTAGE_PEERS={given!r} names the folder that holds a copy of {name}")
    return folder
