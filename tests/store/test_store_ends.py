"""How a run with a store may end: killed at any moment, interrupted twice, on a full disk; and what a store may be."""

from __future__ import annotations

import functools
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.terminals import environment

import mainstage
from mainstage.store import StoreError

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = 300
WORKERS = 4
PROGRAM = """
import resource, sys, time, mainstage
def fn(n):
    with open(sys.argv[2], "a") as file:
        file.write(f"{n}\\n")
    time.sleep(0.003)
    return str(n) * SIZE
SIZE = int(sys.argv[3])
if __name__ == "__main__":
    if len(sys.argv) > 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)
    with mainstage.Run("ends", view="plain", max_workers=4) as run:
        found = list(run.map(fn, range(300), store=sys.argv[1]))
    print(found == [str(n) * SIZE for n in range(300)])
"""


class Program:
    """A program that maps 300 items with a store, and writes each that it computes into a file."""

    def __init__(self, folder: Path) -> None:
        self.file, self.store, self.log = folder / "ends.py", folder / "x.db", folder / "log"
        self.file.write_text(PROGRAM)

    def argv(self, *more: int) -> list[str]:
        return [sys.executable, str(self.file), str(self.store), str(self.log), *map(str, more or (1,))]

    def computed(self) -> list[int]:
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []

    def start(self, until: int) -> subprocess.Popen[str]:
        """Return the program, once it has computed `until` items with those of earlier ones, or has ended."""
        ran = subprocess.Popen(
            self.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment()
        )
        while ran.poll() is None and len(self.computed()) < until:
            threading.Event().wait(0.001)
        return ran

    def run(self, *more: int) -> subprocess.CompletedProcess[str]:
        argv = self.argv(*more)
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment())
        assert (ran.returncode, ran.stdout) == (0, "True\n"), ran.stderr
        return ran


def kept(path: Path) -> int:
    """Return how many results a store has; raises if the file is damaged."""
    db = sqlite3.connect(path)
    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    number: int = db.execute("select count(*) from results").fetchone()[0]
    db.close()
    return number


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_killed_fifty_times_it_has_every_result_and_computes_little_twice(tmp_path: Path) -> None:
    program, chosen, kills = Program(tmp_path), random.Random(50), 50
    before = 0
    for kill in range(kills):
        ran = program.start(len(program.computed()) + chosen.randrange(1, 12))
        ran.kill()
        ran.communicate()
        if program.store.exists() and kill % 10 == 9:
            now = kept(program.store)
            assert now >= before  # what was kept stays
            before = now
    program.run()
    computed = program.computed()
    assert set(computed) == set(range(ITEMS))
    assert len(computed) - ITEMS <= kills * (WORKERS + 40)  # at work, and what had not been taken yet
    program.run()
    assert program.computed() == computed  # all are there now


@pytest.mark.slow
def test_interrupted_twice_it_has_what_came(tmp_path: Path) -> None:
    program = Program(tmp_path)
    ran = program.start(60)
    for _ in range(2):
        ran.send_signal(signal.SIGINT)
    ran.communicate(timeout=30)
    assert ran.returncode != 0
    there, computed = kept(program.store), len(program.computed())
    assert there > 0
    program.run()
    assert len(program.computed()) - computed == ITEMS - there


@pytest.mark.slow
def test_on_a_full_disk_the_results_come_and_the_store_stays_whole(tmp_path: Path) -> None:
    program = Program(tmp_path)
    said = program.run(500, 300_000).stderr
    assert said.count("cannot be written") == 1
    assert kept(program.store) < ITEMS
    program.run(500)
    assert kept(program.store) == ITEMS


def test_a_store_of_a_newer_version_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    assert list(mainstage.map(abs, [-1], store=path, view="silent")) == [1]
    db = sqlite3.connect(path)
    db.execute("pragma user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"x\.db was written by a newer mainstage \(layout 99\): update to use it"):
        list(mainstage.map(abs, [-1], store=path, view="silent"))
    assert path.read_bytes() == before


def test_a_store_that_may_only_be_read_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.db"
    assert list(mainstage.map(abs, [-1], store=path, view="silent")) == [1]
    real = sqlite3.connect

    def reading(name: str, **options: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = real(f"file:{name}?mode=ro", uri=True, **options)
        return db

    monkeypatch.setattr(sqlite3, "connect", reading)
    with pytest.raises(StoreError, match=r"the store .*x\.db cannot be used: .*readonly"):
        list(mainstage.map(abs, [-1], store=path, view="silent"))


@pytest.mark.parametrize(("first", "said"), [(4, "used"), (8, "read")])  # with the leaf that is looked at first, or not
def test_a_store_with_damaged_pages_is_told(tmp_path: Path, first: int, said: str) -> None:
    path = tmp_path / "x.db"
    items = range(2_000)
    assert len(list(mainstage.map(abs, items, store=path, view="silent"))) == len(items)
    data = bytearray(path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for start in range(first * page, len(data), page):  # those before are the roots
        data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    with pytest.raises(StoreError, match=rf"the store .*x\.db cannot be {said}: .*malformed"):
        list(mainstage.map(abs, items, store=path, view="silent"))


def test_memory_does_not_follow_the_number_of_keys(tmp_path: Path) -> None:
    def peak(items: int, path: Path) -> int:
        tracemalloc.start()
        with mainstage.Run(view="silent", max_workers=2) as run:
            deque(run.map(abs, range(items), store=path, buffersize=500), 0)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few, many = tmp_path / "few.db", tmp_path / "many.db"
    peak(1_000, tmp_path / "first.db")  # modules are loaded
    for measure in (functools.partial(peak, 4_000, few), functools.partial(peak, 16_000, many)):
        measure()
    assert peak(16_000, many) < 2 * peak(4_000, few) + 200_000  # all there
    assert peak(16_001, tmp_path / "new.db") < 2 * peak(4_001, tmp_path / "new too.db") + 200_000
