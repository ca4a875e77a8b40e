"""Count words in a folder of text, wherever the work runs: `word_counts.py FOLDER --executor thread|process|dask|ray`.

Function and result are the same on all of them. Dask and Ray start a cluster on this machine, and end it; with
`--cluster tcp://host:8786` (Dask) or `--cluster host:6379` (Ray) they join one. `--layout nodes` shows its machines.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

import mainstage

WORD = re.compile(rb"[A-Za-z]{4,}")


def count(path: str) -> Counter[bytes]:
    """Return how often each word of a file is in it."""
    file = Path(path)
    task = mainstage.current_task()
    task.set(total=file.stat().st_size, unit="B")
    words: Counter[bytes] = Counter()
    with file.open("rb") as lines:
        for line in lines:
            words.update(WORD.findall(line.lower()))
            task.advance(len(line))
    if not words:
        task.log(f"{file.name} has no words")
    return words


def main() -> None:
    """Count, and print the most frequent words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=str(Path(__file__).parent))
    parser.add_argument("--executor", choices=["thread", "process", "dask", "ray"], default="thread")
    parser.add_argument("--cluster", help="of Dask or Ray, to join")
    parser.add_argument("--layout", default="")
    given = parser.parse_args()
    files = sorted(str(path) for path in Path(given.folder).rglob("*") if path.suffix in {".md", ".py", ".txt"})
    total: Counter[bytes] = Counter()
    with mainstage.Run("words", executor=given.executor, cluster=given.cluster, layout=given.layout) as run:
        for words in run.map(count, files):
            total.update(words)
    for word, times in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:5]:
        print(f"{times:7,} {word.decode()}")
    print(f"{total.total():7,} words in {len(files)} files")


if __name__ == "__main__":
    main()
