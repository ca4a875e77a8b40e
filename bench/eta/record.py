"""`python -m bench.eta.record`: real runs of this machine, written down as the workloads that nobody made up."""

from __future__ import annotations

import hashlib
import json
import lzma
import sysconfig
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "recorded"
LIBRARY = Path(sysconfig.get_path("stdlib"))


def compress(path: Path) -> None:
    data = path.read_bytes()
    for _ in range(4):
        lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def digest(path: Path) -> None:
    data = path.read_bytes()
    for _ in range(500):
        hashlib.sha256(data).digest()


def compiled(path: Path) -> None:
    for _ in range(3):
        for level in (0, 1, 2):
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True, optimize=level)


def record(name: str, work: Callable[[Path], None], paths: list[Path], workers: int) -> None:
    """Do `work` on each of `paths` and keep start, end (in ms from the first), bytes and worker of each."""
    threads: dict[int, int] = {}
    begun = time.monotonic()

    def one(path: Path) -> tuple[int, int, int, int]:
        started = time.monotonic()
        work(path)
        worker = threads.setdefault(threading.get_ident(), len(threads))
        return round((started - begun) * 1e3), round((time.monotonic() - begun) * 1e3), path.stat().st_size, worker

    with ThreadPoolExecutor(workers) as pool:
        tasks = list(pool.map(one, paths))
    text = json.dumps({"workers": workers, "tasks": tasks}, separators=(",", ":"))
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    sources = [path for path in sorted(LIBRARY.rglob("*.py")) if "site-packages" not in path.parts]
    usable = [path for path in sources if "test" not in str(path.relative_to(LIBRARY))]
    binaries = sorted(path for path in LIBRARY.rglob("*.so") if "site-packages" not in path.parts)
    record("compress", compress, usable[::2], 2)
    record("compile", compiled, usable[::2], 1)
    record("digest", digest, sorted(usable[::3] + binaries), 4)


if __name__ == "__main__":
    main()
