"""What `mainstage map` is given: hashing.py:digest, and the same taking its time."""

from __future__ import annotations

import hashlib
import time


def digest(name: str) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open(name, "rb") as file:  # noqa: PTH123  # as a user would
        return hashlib.file_digest(file, "sha256").hexdigest()


def unhurried(name: str) -> str:
    """As `digest`, slowly enough to be stopped in the middle."""
    time.sleep(0.002)
    return digest(name)
