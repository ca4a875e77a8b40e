"""A function for the command line: `mainstage map examples/hash_files.py:sha256 'data/**' --out digests.jsonl`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import mainstage


def sha256(name: str) -> dict[str, object]:
    """Return the digest and size of a file, with a bar of its bytes while it is read."""
    path = Path(name)
    task = mainstage.current_task()
    task.set(total=path.stat().st_size, unit="B")
    with path.open("rb") as file:
        digest = hashlib.file_digest(task.wrap_file(file), "sha256")
    if not task.completed:
        task.log(f"{name} is empty")
    return {"sha256": digest.hexdigest(), "bytes": int(task.completed)}
