"""`mainstage` itself, its files on a disk of 15 MB a second that complains: for a picture with something to see."""

# ruff: noqa: INP001, TID251  # a script whose work is to be slow

from __future__ import annotations

import io
import logging
import os
import time
from pathlib import Path
from typing import Any

from mainstage.cli import demo
from mainstage.cli.main import main

SPEED = 15e6
"""Bytes a second, each file."""
SLOW = {"baltic.tif": 0.35, "cyclades.tif": 0.6}
log = logging.getLogger("disk")


class SlowFile(io.FileIO):
    """A file whose reads take their time."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._began = time.monotonic()
        self._read = 0
        self._name = Path(name).name
        self._left = [SLOW[self._name] * os.fstat(self.fileno()).st_size] if self._name in SLOW else []

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, then wait until a disk of this speed would have done it."""
        chunk = super().read(-1 if size is None else size)
        self._read += len(chunk)
        if self._left and self._read > self._left[0]:
            self._left.clear()
            log.warning("block %d was read at the second try", self._read // 4096)
        time.sleep(max(0.0, self._began + self._read / SPEED - time.monotonic()))
        return chunk


def slow_open(name: str, *_: Any, **__: Any) -> SlowFile:
    """Open as `open` does, slowly."""
    return SlowFile(name)


if __name__ == "__main__":
    logging.basicConfig(format="%(name)s: %(message)s")
    demo.open = slow_open  # type: ignore[attr-defined]  # found before the builtin
    main(prog_name="mainstage")
